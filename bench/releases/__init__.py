"""Statistics with differential privacy: what bounding, noise and accounting cost, and what others take for the same."""
