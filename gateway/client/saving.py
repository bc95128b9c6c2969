"""A file fetched in pieces: kept beside its place until it is whole, and gone on with where it was cut short."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gateway.client.errors import IncompleteExtract, Unavailable

_TRIES = 4


@dataclass(frozen=True, slots=True)
class Whole:
    """What a file is when all of it is there: its bytes (0: not known yet), and its SHA-256 in hex."""

    bytes: int
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Tell whether a file is there, and is this one."""
        if not path.is_file():
            return False
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == self.sha256


class Piece(Protocol):
    """Bytes of a file, and where in it they begin."""

    @property
    def offset(self) -> int: ...

    @property
    def data(self) -> bytes: ...


def save(target: Path, pieces: Callable[[int], Iterable[Piece]], whole: Callable[[], Whole]) -> Path:
    """Write a file to its place and return it. `pieces` are those from an offset on; `whole` is asked before and after.

    Raises:
        IncompleteExtract: what arrived is not the file, as its digest tells.
    """
    part = target.with_name(target.name + ".part")
    for _ in range(_TRIES - 1):
        try:
            _fetch(part, pieces, whole)
            return part.replace(target)
        except (Unavailable, IncompleteExtract):
            time.sleep(0.2)
    _fetch(part, pieces, whole)
    return part.replace(target)


def _fetch(part: Path, pieces: Callable[[int], Iterable[Piece]], whole: Callable[[], Whole]) -> None:
    """Fetch what is missing."""
    offset = part.stat().st_size if part.exists() else 0
    if 0 < whole().bytes < offset:
        part.unlink()
        offset = 0
    with part.open("ab") as opened:
        for piece in pieces(offset):
            if piece.offset != offset:
                raise IncompleteExtract(0, 0)
            opened.write(piece.data)
            offset += len(piece.data)
    if offset < whole().bytes:
        raise IncompleteExtract(0, 0)
    if not whole().is_at(part):
        part.unlink()
        raise IncompleteExtract(0, 0)
