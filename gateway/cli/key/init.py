"""`gateway key init`: make a key file."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.key.opening import secret_of, told
from gateway.cli.mistake import Mistake
from gateway.model.pseudonym import CipherSuite


def init(file: Path, /, *, secret_file: Path | None = None, suite: CipherSuite = CipherSuite.AES) -> None:
    """Make a key file. A file that exists is never replaced: its keys could not be had again.

    Parameters
    ----------
    file
        The key file to make. Only its owner will be able to read it.
    secret_file
        A file with the secret that opens the key file: at least 16 bytes, better 32 random ones, as
        `openssl rand -hex 32` prints. White space around it does not count. Left out, it is asked for.
    suite
        The block cipher of all its tokens, for good.
    """
    secret = secret_of(secret_file, new=True)
    if not file.parent.is_dir():
        raise Mistake(f"there is no folder {file.parent}", "Make it first.")
    with told("no key file was made"):
        FileKeyRing.create(file, secret, suite=suite)
    print(f"Made {file}, and {file}.destroyed, which belongs to it.")
    print("Copy it by gateway key backup alone, since certificates name no other copy; copy the list by any means.")
    print(f"Keep {secret_file or 'the secret'} in another place, and back it up as well.")
