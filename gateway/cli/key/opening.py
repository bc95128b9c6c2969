"""What the commands share: the operator's secret, and faults of the key file told as mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.adapters.keys.files import is_companion
from gateway.adapters.keys.source import KeySource, Passphrase, SecretFile, UnusableSecret
from gateway.cli.mistake import Mistake
from gateway.model.errors import Fault


def secret_of(secret_file: Path | None, *, new: bool = False) -> bytes:
    """Return the secret of a file, or the one that is typed where no file is named.

    Raises:
        Mistake: it cannot be had, or is too short or too long.
    """
    source: KeySource = Passphrase(twice=new) if secret_file is None else SecretFile(secret_file)
    try:
        return source.read()
    except UnusableSecret as error:
        making = f"Make one: (umask 077; openssl rand -hex 32 > {secret_file})." if secret_file else ""
        remedy = error.remedy or making or "Use 32 random bytes, as openssl rand -hex 32 prints them."
        raise Mistake(str(error), remedy) from None


def apart(out: Path, file: Path) -> None:
    """See that what a command is to make has a name that does not belong to a key file.

    Raises:
        Mistake: the name is that of the key file, of its list or lock, or of a write of it.
    """
    if is_companion(out, file):
        raise Mistake(f"--out: {out} is a name that belongs to {file}", "Name another file.")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Tell a fault of the key file as a mistake: `what` was not done, and why.

    Raises:
        Mistake: for every fault.
    """
    try:
        yield
    except Fault as fault:
        notes = getattr(fault, "__notes__", [])
        raise Mistake(f"{what}: {notes[0] if notes else 'the key file does not allow it'}") from None


def secrets_in_all(number: int) -> str:
    """Return how many secrets, for people."""
    return "1 secret" if number == 1 else f"{number} secrets"
