"""What commands sign and open with, and how they show who signed and when."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from gateway.cli.files import read_private
from gateway.cli.mistake import Mistake
from gateway.client.policies import Approval, read_officer_key


def officer_key(file: Path) -> Ed25519PrivateKey:
    """Return an officer's own key.

    Raises:
        Mistake: it cannot be read, others can use it, or it is none.
    """
    if not file.exists():
        raise Mistake(f"--officer-key: there is no {file}", f"Make one with gateway key officer --out {file}.")
    try:
        return read_officer_key(read_private(file, "--officer-key"))
    except ValueError as error:
        raise Mistake(f"{file}: {error}", "Make one with gateway key officer.") from None


def x25519_key(pem: bytes, what: str, remedy: str = "") -> X25519PrivateKey:
    """Return the private key of a PEM.

    Args:
        what: what the mistake calls the PEM, such as its file.
        remedy: what the mistake says is to be done.

    Raises:
        Mistake: it holds no X25519 private key, or needs a password.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PrivateKey):
        raise Mistake(f"{what} holds no X25519 private key in PEM without a password", remedy)
    return key


def x25519_public_key(pem: bytes, what: str) -> X25519PublicKey:
    """Return the public key of a PEM.

    Args:
        what: what the mistake calls the PEM, such as its file.

    Raises:
        Mistake: it holds no X25519 public key.
    """
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, X25519PublicKey):
        raise Mistake(f"{what} holds no X25519 public key in PEM", "Make one with openssl genpkey -algorithm X25519.")
    return key


def tell_unsigned() -> None:
    """Tell an officer who gave no key that a thing was shown alone."""
    print("Shown, and not signed: no --officer-key was given.", file=sys.stderr)


def approvals_json(approvals: Iterable[Approval]) -> list[dict[str, object]]:
    """Return who approved and when, for `--json`; signatures are for the gateway."""
    return [{"officer": one.officer, "approved_at": one.approved_at} for one in approvals]


def approvers(approvals: Iterable[Approval]) -> str:
    """Return who approved, for people."""
    return ", ".join(one.officer for one in approvals) or "nobody yet"


def at(moment: datetime) -> str:
    """Return an instant in UTC, for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def utc(instant: datetime | None) -> datetime | None:
    """Return a naive UTC instant as one that says so."""
    return None if instant is None else instant.replace(tzinfo=UTC)
