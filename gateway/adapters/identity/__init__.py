"""Who calls: the institution by its certificate, the person by a token, and both of one and the same institution."""
