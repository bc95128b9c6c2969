"""Files that commands make for secrets."""

from __future__ import annotations

import os
from pathlib import Path

from gateway.cli.mistake import Mistake


def make_private(file: Path, data: bytes) -> None:
    """Make a file that only its owner can read. One that exists is never replaced.

    Raises:
        Mistake: it exists, or cannot be made.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Mistake(f"{file} exists, and is never overwritten", "Name another file.") from None
    except OSError as error:
        raise Mistake(f"{file} cannot be made: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
