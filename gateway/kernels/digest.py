"""A digest of several texts that no other texts share."""

from __future__ import annotations

import hashlib


def digest_of(*parts: str) -> bytes:
    """Return the SHA-256 of texts in order. Each is preceded by its length, so that no two lists run together."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode()
        hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.digest()
