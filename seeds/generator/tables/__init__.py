"""One module for each department's tables: its rows for a chunk of people, and its rows for a canary."""
