"""`gateway demo`: a small city, a real gateway, and what each side saw."""
