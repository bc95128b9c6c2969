"""A digest of several texts that no other texts share."""

from __future__ import annotations

import hashlib


def digest_of(*parts: str, label: bytes = b"") -> bytes:
    """Return the SHA-256 of texts in order, after a label that tells what they are.

    Each text is preceded by its length in 8 bytes, so that no two lists run together.
    """
    hashed = hashlib.sha256(label)
    for part in parts:
        data = part.encode()
        hashed.update(len(data).to_bytes(8, "big") + data)
    return hashed.digest()
