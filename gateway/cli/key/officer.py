"""`gateway key officer`: make an officer's own key."""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.cli.files import new_file


def officer(*, out: Path) -> None:
    """Make an officer's own key: the private one into a file, the public one as a line for officers.yaml.

    Parameters
    ----------
    out
        The file to make, PEM. Only its owner can read it. A file that exists is never replaced.
    """
    key = Ed25519PrivateKey.generate()
    with new_file(out) as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    print(f"key: {base64.b64encode(key.public_key().public_bytes_raw()).decode()}")
