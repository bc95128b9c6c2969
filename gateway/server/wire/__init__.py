"""Between proto and model, and nothing else: one module for each kind of thing."""
