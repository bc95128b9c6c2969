"""How a disclosure is written down: the canonical bytes of a record, and the hash that the log keeps."""
