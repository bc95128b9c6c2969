"""Read what is permitted, and nothing else: rows and the columns that are needed, or bounded exact aggregates."""
