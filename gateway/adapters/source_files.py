"""The files behind the embedded source: where they are, what columns they have, and which state they are in."""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.model.contract import DataContract, SourceKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.values import FieldType
from gateway.query.scan import ROW_NUMBER, Location

# what becomes the declared type without a value being lost or refused
_COMPATIBLE: dict[FieldType, frozenset[pa.DataType]] = {
    FieldType.STRING: frozenset({pa.string(), pa.large_string(), pa.string_view()}),
    FieldType.INT64: frozenset({pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()}),
    FieldType.DOUBLE: frozenset({pa.float32(), pa.float64()}),
    FieldType.BOOL: frozenset({pa.bool_()}),
    FieldType.DATE: frozenset({pa.date32()}),
    FieldType.TIMESTAMP: frozenset({pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("s")}),
}
_GLOB = frozenset("*?[]{}")
_SAMPLE = 65_536
_MAGIC = b"PAR1"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells two states of a file apart: the file itself, its size in bytes, and its last change in ns."""

    device: int
    inode: int
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file that fits its contract, as it stood when that was checked. It has at most so many `rows`.

    `ends` are the numbers of rows up to the end of each of its blocks; none where it cannot be read from the middle.
    """

    location: Location
    fingerprint: Fingerprint
    rows: int
    ends: tuple[int, ...] = ()


def open_file(root: Path, contract: DataContract) -> DataFile:
    """Find a contract's file and check that it holds every declared field in a compatible type.

    Raises:
        Fault: SOURCE_UNAVAILABLE if the file is missing, outside the root, unreadable or not of its kind;
            SOURCE_SCHEMA_CHANGED if a field is missing, ambiguous, or of another type.
    """
    path = _resolve(root, contract)
    before = fingerprint(path)
    if contract.source.kind is SourceKind.PARQUET:
        columns, ends = _parquet_columns(path)
        _check_columns(contract, columns)
        divisible = all(name.casefold() != ROW_NUMBER for name, _ in columns)
        return DataFile(Location(str(path)), before, ends[-1] if ends else 0, ends if divisible else ())
    header = _csv_header(path)
    _check_columns(contract, [(name, None) for name in header])
    return DataFile(Location(str(path), header), before, before.size // len(header))


def fingerprint(path: Path) -> Fingerprint:
    """Return the state of a file. Raises Fault SOURCE_UNAVAILABLE if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    return Fingerprint(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def data_version(root: Path, contract: DataContract) -> str:
    """Return the SHA-256 (hex) of a file's name, size, time of change and footer (Parquet) or head and tail (CSV).

    Raises:
        Fault: SOURCE_UNAVAILABLE.
    """
    path = _resolve(root, contract)
    state = fingerprint(path)
    try:
        with path.open("rb") as file:
            parts = _parquet_footer(file) if contract.source.kind is SourceKind.PARQUET else _head_and_tail(file)
    except OSError:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    digest = hashlib.sha256(b"purpose-gateway data version 1")
    name = contract.source.path.encode()
    for part in (name, str(state.size).encode(), str(state.mtime_ns).encode(), *parts):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _resolve(root: Path, contract: DataContract) -> Path:
    """The file a contract names, links followed: it must lie inside the root, and its name must not be a pattern."""
    try:
        path = (root / contract.source.path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    if not path.is_relative_to(root) or not path.is_file() or _GLOB & set(str(path)):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    return path


def _check_columns(contract: DataContract, columns: list[tuple[str, pa.DataType | None]]) -> None:
    # engines fold case, so names that differ by case alone are one name
    found: dict[str, list[tuple[str, pa.DataType | None]]] = {}
    for name, kind in columns:
        found.setdefault(name.casefold(), []).append((name, kind))
    for name, spec in contract.fields.items():
        candidates = found.get(name.casefold(), [])
        if len(candidates) != 1 or candidates[0][0] != name:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        kind = candidates[0][1]
        if kind is not None and _plain(kind) not in _COMPATIBLE[spec.type]:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if isinstance(kind, pa.DictionaryType) else kind


def _parquet_columns(path: Path) -> tuple[list[tuple[str, pa.DataType | None]], tuple[int, ...]]:
    """The columns of a file, and the numbers of rows up to the end of each of its row groups."""
    try:
        footer = pq.read_metadata(path)
        schema = footer.schema.to_arrow_schema()
    except (OSError, pa.ArrowException):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    ends = accumulate(footer.row_group(number).num_rows for number in range(footer.num_row_groups))
    return [(field.name, field.type) for field in schema], tuple(ends)


def _csv_header(path: Path) -> tuple[str, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline(_SAMPLE)
            header = next(csv.reader([first], strict=True), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    names = {name.casefold() for name in header}
    if not header or "" in names or len(names) != len(header):
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
    return tuple(header)


def _parquet_footer(file: BinaryIO) -> list[bytes]:
    size = file.seek(0, os.SEEK_END)
    if size < 12:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    file.seek(size - 8)
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length > size - 12:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    file.seek(size - 8 - length)
    return [file.read(length)]


def _head_and_tail(file: BinaryIO) -> list[bytes]:
    head = file.read(_SAMPLE)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _SAMPLE))
    return [head, file.read(_SAMPLE)]
