"""`gateway key`: the key file, and officers' keys."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

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


def officer(*, out: Path) -> None:
    """Make an officer's own key: the private one into a file, the public one as a line for officers.yaml.

    Parameters
    ----------
    out
        The file to make, PEM. Only its owner can read it. A file that exists is never replaced.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Mistake(f"{out} exists, and is never overwritten", "Name another file.") from None
    except OSError as error:
        raise Mistake(f"{out} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(private)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    print(f"key: {base64.b64encode(public).decode()}")


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
