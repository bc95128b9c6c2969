"""The gRPC edge: reads what arrives, hands it to the pipeline, and says what came of it.

A call walks one way: bytes → known fields only → declared rules → model values → pipeline → wire values. The
edge decides nothing about data; it refuses what is not well formed and gives every outcome one typed status.
"""
