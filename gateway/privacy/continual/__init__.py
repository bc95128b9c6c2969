"""Statistics that are published day after day up to a horizon, for one loss that is known before the first day."""
