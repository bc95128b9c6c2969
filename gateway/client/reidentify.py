"""What is sealed to a requester: made a key for before, and opened after. The private key never leaves its owner."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.api.v1 import receipt_pb2
from gateway.client.errors import SealBroken

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO = "purpose-gateway reidentification 1"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What came of a re-identification, sealed by HPKE (RFC 9180) to the key that it was asked with."""

    id: str
    sealed: bytes = field(repr=False)
    receipt: receipt_pb2.Receipt = field(repr=False)


def new_key() -> X25519PrivateKey:
    """Return a key for one request: keep it until the answer is opened."""
    return X25519PrivateKey.generate()


def open(private_key: X25519PrivateKey, sealed: Sealed) -> tuple[str | None, ...]:
    """Return the identifier of each token in order; None for what is no token of yours for that purpose.

    Raises:
        SealBroken: it was sealed to another key, or for another request or receipt than it comes with.
    """
    info = "\n".join((_INFO, sealed.id, sealed.receipt.log_entry.leaf_hash.hex())).encode()
    try:
        return tuple(json.loads(_SUITE.decrypt(sealed.sealed, private_key, info)))
    except (InvalidTag, ValueError):
        raise SealBroken from None
