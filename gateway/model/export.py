"""Exports: rows of an extract as files, made beside the data and given out once they are on record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.model.extract import OpenExtract


@dataclass(frozen=True, slots=True)
class StagingPlace:
    """Where the parts of one export are written: a folder, and how many bytes all its files may take together.

    What is written leaves `least_free_bytes` of the disk to others.
    """

    folder: Path
    most_bytes: int
    least_free_bytes: int


@dataclass(frozen=True, slots=True)
class StagedPart:
    """One part of an export as a worker made it, in the folder of its job: a Parquet file, and the subjects' tags
    beside it, 16 bytes a row. `blocks` are the numbers of rows that were shuffled among themselves.

    `number` puts the parts in an order; `sha256` is the file's, in hex.
    """

    number: int
    file: str
    tags: str
    blocks: tuple[int, ...]
    bytes: int
    sha256: str

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.blocks)


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export that was published: how many rows and bytes it has, and its SHA-256 (hex)."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Export:
    """An export that was published. `opened` is what whoever fetches its files is held to; `until` (naive UTC) they are
    there."""

    opened: OpenExtract
    files: tuple[ExportedFile, ...]
    until: datetime

    @property
    def id(self) -> str:
        """Its name: 32 digits in hex, that nobody can guess."""
        return self.opened.id

    @property
    def rows(self) -> int:
        """How many rows its files have together."""
        return sum(file.rows for file in self.files)
