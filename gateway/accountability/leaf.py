"""The leaf of a record: RFC 9162 section 2.1.1 over a salted record.

The salt makes the hash of a deleted record say nothing: a record has little entropy and could be guessed
otherwise. Records and salts can be pruned while the hashes, and the tree over them, stand.
"""

from __future__ import annotations

import hashlib
import secrets

SALT_BYTES = 16
"""128 bits."""

_LEAF = b"\x00"


def new_salt() -> bytes:
    """Return a fresh random salt."""
    return secrets.token_bytes(SALT_BYTES)


def leaf_hash(salt: bytes, record: bytes) -> bytes:
    """Return SHA-256(0x00 ‖ salt ‖ record), 32 bytes.

    Raises:
        ValueError: the salt is not 16 bytes long; salt and record could be cut apart elsewhere otherwise.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt is 16 bytes")
    return hashlib.sha256(_LEAF + salt + record).digest()
