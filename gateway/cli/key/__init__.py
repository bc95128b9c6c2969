"""`gateway key`: the key file, and officers' keys. One module a command."""
