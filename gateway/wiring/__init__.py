"""What the gateway is made of, and how the settings say it is put together.

`composition` is the whole; `edges`, `files`, `keys`, `state`, `sources` and `exports` are parts of it.
"""
