"""What the gateway states, and signs: canonical JSON that can be read without the gateway.

A statement says what was measured and how, what that lost, of which data and under which policy; and it binds what is
shown by a SHA-256. It names nobody who asked. Every key is described in docs/reference/release-certificates.md.
"""
