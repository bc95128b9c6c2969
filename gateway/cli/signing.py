"""What commands sign with, and how they show what is signed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli.connection import read_private
from gateway.cli.mistake import Mistake
from gateway.client.policies import Approval, read_officer_key


def officer_key(file: Path) -> Ed25519PrivateKey:
    """Return an officer's own key.

    Raises:
        Mistake: it cannot be read, others can use it, or it is none.
    """
    try:
        return read_officer_key(read_private(file, "--officer-key"))
    except ValueError as error:
        raise Mistake(f"{file}: {error}", "Make one with gateway key officer.") from None


def approvers(approvals: Iterable[Approval]) -> str:
    """Return who approved, for people."""
    return ", ".join(one.officer for one in approvals) or "nobody yet"


def at(moment: datetime) -> str:
    """Return an instant in UTC, for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
