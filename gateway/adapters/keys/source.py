"""Where the operator's secret comes from: a file, or a passphrase that somebody types."""

from __future__ import annotations

import getpass
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MIN_SECRET = 16
MAX_SECRET = 4096


class UnusableSecret(Exception):
    """The secret cannot be had, or is none. The text says why and carries nothing of it; so does `remedy`, if any."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.remedy = remedy


class KeySource(Protocol):
    """Gives the secret that opens a key file."""

    def read(self) -> bytes:
        """Return the secret, without white space around it: 16 to 4096 bytes.

        Raises:
            UnusableSecret: it cannot be had, has another length, or is in a file that others than its owner can use.
        """
        ...


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with the secret: a mounted one, a pipe, or one that another program keeps up to date."""

    path: Path

    def read(self) -> bytes:
        """Return the secret, as `KeySource` says."""
        try:
            with self.path.open("rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode
                if mode & 0o077 and not stat.S_ISCHR(mode):  # as the server sees to; a terminal is no file
                    raise UnusableSecret(
                        "others than its owner can use the secret file", "Run chmod 600 on it, and think who read it."
                    )
                text = stream.read(MAX_SECRET + 1)
        except OSError:
            raise UnusableSecret("the secret file cannot be read") from None
        return _checked(text)


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase, asked for at the terminal and not shown; where there is none, a line of the standard input.

    `twice` asks again, for a secret that is new: nobody could correct a slip.
    """

    twice: bool = False

    def read(self) -> bytes:
        """Return the secret, as `KeySource` says."""
        try:
            if not sys.stdin.isatty():
                text = sys.stdin.readline(MAX_SECRET + 2)
            else:
                text = getpass.getpass("Secret of the key file: ")
                if self.twice and getpass.getpass("Once more: ") != text:
                    raise UnusableSecret("the two were not the same")
            data = text.encode(errors="surrogateescape")
        except (EOFError, UnicodeError):
            data = b""  # such an error would carry what was typed
        return _checked(data)


def _checked(text: bytes) -> bytes:
    secret = text.strip()  # as the server reads it
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise UnusableSecret(f"the secret must have {MIN_SECRET} to {MAX_SECRET} bytes")
    return secret
