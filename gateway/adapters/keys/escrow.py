"""An escrow: the master keys, sealed to an agent, for the day on which the operator's secret is lost.

Hybrid public key encryption (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305. No
domain's secret is in it, so it opens nothing without a key file, and holds nothing that a destruction has to reach.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import write_instant
from gateway.adapters.keys import form
from gateway.kernels.ciphers import KeyHolder

_KIND = "purpose-gateway key escrow 1"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Escrowed(KeyHolder):
    """What is sealed: master keys by version."""

    masters: Mapping[int, bytes]


def fingerprint(agent: X25519PublicKey) -> str:
    """Return what an agent's public key is called by: the SHA-256 of its 32 bytes, in hex."""
    return hashlib.sha256(agent.public_bytes_raw()).hexdigest()


def seal(content: Escrowed, agent: X25519PublicKey, now: datetime) -> bytes:
    """Return the bytes of an escrow: canonical JSON, whose open part is bound to the sealed one."""
    told: dict[str, Json] = {
        "kind": _KIND,
        "agent": fingerprint(agent),
        "made_at": write_instant(now),
        "versions": sorted(content.masters),
    }
    keys: dict[str, Json] = {
        "masters": [{"version": version, "key": key.hex()} for version, key in sorted(content.masters.items())],
    }
    sealed = _SUITE.encrypt(jcs.encode(keys), agent, jcs.encode(told))
    return form.written({**told, "sealed": form.write_base64(sealed)})


def unseal(data: bytes, key: X25519PrivateKey) -> Escrowed:
    """Return what an escrow holds.

    Raises:
        ValueError: the bytes are no escrow.
        InvalidTag: it was sealed to another agent, or altered.
    """
    told = form.read(data)
    form.keyed(told, "kind", "agent", "made_at", "versions", "sealed")
    if told["kind"] != _KIND:
        raise ValueError("no escrow")
    sealed = form.read_base64(told.pop("sealed"))
    body = form.keyed(jcs.decode(_SUITE.decrypt(sealed, key, jcs.encode(told))), "masters")
    masters = [form.keyed(item, "version", "key") for item in form.items(body["masters"])]
    if not masters:
        raise ValueError("no escrow")
    return Escrowed({form.integer(item["version"]): form.octets(item["key"]) for item in masters})
