"""`gateway key`: the key file."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.keyring_file import FileKeyRing
from gateway.cli.mistake import Mistake
from gateway.model.errors import Fault

_MIN_SECRET = 16
_MAX_SECRET = 4096


def init(file: Path, /, *, secret_file: Path) -> None:
    """Make a key file. A file that exists is never replaced: its keys could not be had again.

    Parameters
    ----------
    file
        The key file to make. Only its owner will be able to read it.
    secret_file
        A file with the secret that opens the key file: at least 16 bytes, better 32 random ones, as
        `openssl rand -hex 32` prints. White space around it does not count.
    """
    secret = _secret(secret_file)
    if not file.parent.is_dir():
        raise Mistake(f"there is no folder {file.parent}", "Make it first.")
    try:
        FileKeyRing.create(file, secret)
    except Fault as fault:
        notes = getattr(fault, "__notes__", [])
        raise Mistake(f"no key file was made: {notes[0] if notes else 'it cannot be written'}") from None
    print(f"Made {file}. Keep it and {secret_file} apart from each other, and back both up.")


def _secret(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_SECRET + 1)
    except OSError:
        raise Mistake(
            f"the secret file {file} cannot be read", f"Make one: (umask 077; openssl rand -hex 32 > {file})."
        ) from None
    secret = text.strip()  # as the server reads it
    if not _MIN_SECRET <= len(secret) <= _MAX_SECRET:
        raise Mistake(f"the secret must have {_MIN_SECRET} to {_MAX_SECRET} bytes", "Use openssl rand -hex 32.")
    return secret
