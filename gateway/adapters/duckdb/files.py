"""One file behind the embedded source: what columns it has, how many rows, and which state it is in."""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.model.errors import ErrorReason, Fault
from gateway.model.storage import SourceKind

_SAMPLE = 65_536
_MAGIC = b"PAR1"
_TEXTS = frozenset({pa.large_string(), pa.string_view()})

Columns = tuple[tuple[str, pa.DataType | None], ...]
"""Names and types of a file's columns, in its order; CSV tells no types."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells two states of a file or folder apart without reading it; nobody sets the time of its last change."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file as it stood when it was looked at. It has at most so many `rows`.

    `edges` is its footer (Parquet), or its head and its tail (CSV); of one of many files a SHA-256 of that. `ends` are
    the numbers of rows up to the end of each of its blocks; none where they are not told.
    """

    fingerprint: Fingerprint
    columns: Columns
    rows: int
    edges: tuple[bytes, ...]
    ends: tuple[int, ...] = ()


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    """Return what a file's status says of its state."""
    return Fingerprint(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def fingerprint(path: str) -> Fingerprint:
    """Return the state of a file, or of what a link leads to. Raises Fault SOURCE_UNAVAILABLE if there is none."""
    try:
        return fingerprint_of(os.stat(path))
    except (OSError, ValueError):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None


def look_at(path: str, kind: SourceKind, known: Fingerprint, *, one_of_many: bool = False) -> DataFile:
    """Look at a file that was in a state.

    Raises:
        Fault: SOURCE_UNAVAILABLE if it cannot be read, is not of its kind, or is shorter than its own footer says;
            SOURCE_SCHEMA_CHANGED if it has no header, or one that names a column twice.
    """
    try:
        with open(path, "rb") as file:
            found = _parquet(file, known) if kind is SourceKind.PARQUET else _csv(file, known)
    except OSError:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    if not one_of_many:
        return found
    digest = hashlib.sha256(b"".join(len(end).to_bytes(8, "big") + end for end in found.edges)).digest()
    return replace(found, edges=(digest,), ends=())


def _parquet(file: BinaryIO, known: Fingerprint) -> DataFile:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SAMPLE))
    tail = file.read(_SAMPLE)
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if size < 12 or tail[-4:] != _MAGIC or length > size - 4:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    if length > len(tail):
        file.seek(size - length)
        tail = file.read(length)
    footer = tail[-length:]
    try:
        metadata = pq.read_metadata(pa.BufferReader(_MAGIC + footer))
        schema = metadata.schema.to_arrow_schema()
    except (OSError, pa.ArrowException):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    if _end_of_data(metadata) > size - length:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    columns = tuple((field.name, _plain(field.type)) for field in schema)
    ends = accumulate(metadata.row_group(number).num_rows for number in range(metadata.num_row_groups))
    return DataFile(known, columns, metadata.num_rows, (footer[:-8],), tuple(ends))


def _end_of_data(metadata: pq.FileMetaData) -> int:
    """Where the last row group ends, by the footer: beyond the footer in a file that lost a piece of its middle."""
    if not metadata.num_row_groups:
        return 0
    group = metadata.row_group(metadata.num_row_groups - 1)
    chunks = [group.column(place) for place in range(group.num_columns)]
    starts = (chunk.dictionary_page_offset or chunk.data_page_offset for chunk in chunks)
    return max((start + chunk.total_compressed_size for start, chunk in zip(starts, chunks, strict=True)), default=0)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without how it is laid out in memory, which Parquet does not know."""
    plain = kind.value_type if isinstance(kind, pa.DictionaryType) else kind
    return pa.string() if plain in _TEXTS else plain


def _csv(file: BinaryIO, known: Fingerprint) -> DataFile:
    head = file.read(_SAMPLE)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SAMPLE))
    tail = file.read(_SAMPLE)
    try:
        header = next(csv.reader([_first_line(head)], strict=True), [])
    except (UnicodeDecodeError, csv.Error):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    names = {name.casefold() for name in header}
    if not header or "" in names or len(names) != len(header):
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return DataFile(known, tuple((name, None) for name in header), known.size // len(header), (head, tail))


def _first_line(head: bytes) -> str:
    ends = [end for end in (head.find(b"\r"), head.find(b"\n")) if end >= 0]
    return head[: min(ends, default=len(head))].decode("utf-8-sig")
