"""The stages of the pipeline, in their order: each takes the type before it and mints its own.

authenticate → decide → admit → withstand → charge → fetch → minimize → blend → pseudonymize → noise → record → deliver
"""
