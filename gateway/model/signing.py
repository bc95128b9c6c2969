"""Signatures of the gateway: what is said of the keys, and the certificate that a release carries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public half of a key that signs releases: an Ed25519 public key (32 bytes). Instants are naive UTC.

    `retired_at` is when another took its place; what it signed before stays signed.
    """

    public: bytes
    made_at: datetime
    retired_at: datetime | None = None

    @property
    def id(self) -> str:
        """What the key is called by."""
        return key_id(self.public)


def key_id(public: bytes) -> str:
    """Return what a public key is called by: the SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(public).hexdigest()


@dataclass(frozen=True, slots=True)
class Signature:
    """An Ed25519 signature (RFC 8032; 64 bytes), and the id of the key that made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the gateway states of a release (canonical JSON, RFC 8785), and its signature over those bytes."""

    statement: bytes
    signature: Signature
