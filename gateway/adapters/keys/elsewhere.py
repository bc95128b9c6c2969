"""The key file by its path, for processes that open it by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.keys.source import SecretFile, UnusableSecret
from gateway.model.errors import ErrorReason, Fault


@dataclass(frozen=True, slots=True)
class KeyFileElsewhere:
    """A `KeysElsewhere`: a key file and the file of its secret, at the same paths wherever it is opened."""

    file: Path
    secret_file: Path

    def open(self) -> FileKeyRing:
        """Open the key file, or return the ring that this process has open.

        Raises:
            Fault: KEYS_UNAVAILABLE, also where others than its owner can use the secret.
        """
        return _opened(self)


@lru_cache(maxsize=4)
def _opened(where: KeyFileElsewhere) -> FileKeyRing:
    # opening takes long by intent, and a ring sees by itself when its file changes
    try:
        secret = SecretFile(where.secret_file).read()
    except UnusableSecret:
        raise Fault(ErrorReason.KEYS_UNAVAILABLE) from None
    return FileKeyRing.open(where.file, secret)
