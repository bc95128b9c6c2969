"""Files of commands: made new for their owner alone, and read with mistakes that name them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.cli.mistake import Mistake


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Make a file that only its owner can read, before the work whose result it takes. Failed work leaves none.

    Raises:
        Mistake: it exists, or cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Mistake(f"{path} exists, and is never overwritten", "Name another file.") from None
    except OSError as error:
        raise Mistake(f"{path} cannot be made: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(descriptor)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read_file(path: Path, what: str) -> bytes:
    """Read a file.

    Raises:
        Mistake: it cannot be read; says what it was to be.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise Mistake(f"{what}: {path} cannot be read: {error.strerror}") from None


def read_private(path: Path, what: str) -> bytes:
    """Read a file that nobody but its owner may read or write.

    Raises:
        Mistake: it cannot be read, or others can use it.
    """
    data = read_file(path, what)
    if path.stat().st_mode & 0o077:
        raise Mistake(f"{what}: others than its owner can use {path}", "Run chmod 600 on it.")
    return data
