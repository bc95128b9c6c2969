"""What is written down: the canonical bytes of records and events, their hash in the log, and reports from them."""
