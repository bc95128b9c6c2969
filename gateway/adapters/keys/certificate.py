"""Certificates of destruction: what was destroyed and when, signed by an officer (Ed25519, RFC 8032).

A certificate is canonical JSON (RFC 8785). The signature is over the canonical bytes of all of it but the signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.accountability import jcs
from gateway.accountability.jcs import Json
from gateway.accountability.lexical import write_instant
from gateway.adapters.keys import form
from gateway.adapters.keys.file_format import write_back_up
from gateway.adapters.keys.keeper import Destruction
from gateway.model.pseudonym import PseudonymDomain

_KIND = "purpose-gateway certificate of destruction 1"
_PARTS = ("kind", "asked", "gone", "destroyed_at", "key_file", "back_ups", "escrows", "officer", "signature")


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says: which domain was destroyed, when (naive UTC), and by whose public key (base64)."""

    domain: PseudonymDomain
    at: datetime
    officer: str


def certify(destruction: Destruction, officer: Ed25519PrivateKey) -> bytes:
    """Return a certificate of a destruction, signed."""
    body: dict[str, Json] = {
        "kind": _KIND,
        "asked": form.write_domain(destruction.asked),
        "gone": [form.write_domain(domain) for domain in destruction.gone],
        "destroyed_at": write_instant(destruction.at),
        "key_file": {"before": destruction.before, "after": destruction.after},
        "back_ups": [write_back_up(one) for one in destruction.back_ups],
        "escrows": [
            {"made_at": write_instant(one.made_at), "agent": one.agent, "versions": one.versions}
            for one in destruction.escrows
        ],
        "officer": form.write_base64(officer.public_key().public_bytes_raw()),
    }
    signature = officer.sign(jcs.encode(body))
    return form.written({**body, "signature": form.write_base64(signature)})


def verify(data: bytes) -> Certified:
    """Return what a certificate says, if its signature is that of the officer's key that it names.

    Whether that key is an officer's is for the reader to tell.

    Raises:
        ValueError: the bytes are no certificate, or it was altered.
    """
    body = form.read(data)
    form.keyed(body, *_PARTS)
    if body["kind"] != _KIND:
        raise ValueError("no certificate of destruction")
    signature, officer = body.pop("signature"), form.text(body["officer"])
    try:
        Ed25519PublicKey.from_public_bytes(form.read_base64(officer)).verify(
            form.read_base64(signature), jcs.encode(body)
        )
    except InvalidSignature:
        raise ValueError("the signature is not that of the certificate") from None
    return Certified(form.read_domain(body["asked"]), form.instant(body["destroyed_at"]), officer)
