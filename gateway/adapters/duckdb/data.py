"""What a contract's source is at one moment: its files, checked against the contract, and the name of their state."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from gateway.adapters.duckdb.files import Columns, DataFile, Fingerprint, fingerprint, look_at
from gateway.adapters.duckdb.folders import Listing, Partition, is_plain, list_folder, partitions_of
from gateway.adapters.sources.parts import blocks_of, span_of
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import Part
from gateway.model.storage import SourceKind
from gateway.model.values import FieldType
from gateway.query.scan import ROW_NUMBER, Location

# what becomes the declared type without a value being lost or refused
_COMPATIBLE: dict[FieldType, frozenset[pa.DataType]] = {
    FieldType.STRING: frozenset({pa.string()}),
    FieldType.INT64: frozenset({pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()}),
    FieldType.DOUBLE: frozenset({pa.float32(), pa.float64()}),
    FieldType.BOOL: frozenset({pa.bool_()}),
    FieldType.DATE: frozenset({pa.date32()}),
    FieldType.TIMESTAMP: frozenset({pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"), pa.timestamp("s")}),
}
_FEW = 16
"""So many files and folders are looked at at every asking; of more, so many folders."""
_FOLDERS = 256
_SHARE = 20
"""More of them are looked at for no more than one part in so many of the time; see `SourceData.unchanged`."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen of a source, when, and how long the look took (seconds)."""

    listing: Listing
    at: float
    took: float

    @property
    def large(self) -> bool:
        return len(self.listing.files) + len(self.listing.folders) > _FEW


@dataclass(slots=True)
class SourceData:
    """The files of a contract as they stood when they were checked. Together they have at most so many `rows`.

    `version` names the state of the data; `seal` also says in which files it was, and is of this machine alone.
    """

    contract: DataContract
    location: Location
    rows: int
    version: str
    seal: bytes
    partitions: frozenset[Partition]
    _place: str
    _ends: tuple[int, ...]
    _files: Mapping[str, DataFile]
    _look: _Look

    @property
    def changed_at(self) -> datetime | None:
        """When the newest file changed (naive UTC), as far as was looked; None where there is no file."""
        files = self._look.listing.files
        newest = max((state.mtime_ns for state in files.values()), default=None)
        return None if newest is None else datetime.fromtimestamp(newest // 10**9, UTC).replace(tzinfo=None)

    def unchanged(self, *, surely: bool = False) -> bool:
        """Tell whether all is in the state it was checked in, as far as can be told without reading a file.

        Of a large folder, what was looked at a moment ago counts as seen, unless it has to be so `surely`; then a file
        that was edited in place goes unseen for as long. That one was added, removed or replaced, its folder tells.
        """
        seen, now = self._look, time.monotonic()
        if seen.large and not surely and now < seen.at + _SHARE * seen.took and self._same_folders(seen.listing):
            return True
        try:
            found = _listing(self._place, self.contract)
        except Fault:
            return False
        if found.files != seen.listing.files or found.complete != seen.listing.complete:
            self._look = replace(seen, took=0.0)  # from now on nothing counts as seen
            return False
        # replaced as one: other threads look at the same time
        self._look = _Look(found, now, time.monotonic() - now)
        return True

    def part(self, part: Part) -> tuple[Location, range | None] | None:
        """Return the files that a part has, or the rows of the one file there is; None where it has nothing."""
        paths = self.location.paths
        if part.of > 1 and len(paths) > 1:
            first, end = blocks_of(part, len(paths))
            return (replace(self.location, paths=paths[first:end]), None) if first < end else None
        span = span_of(part, self._ends)
        return None if span is not None and not span else (self.location, span)

    def _same_folders(self, listing: Listing) -> bool:
        if len(listing.folders) > _FOLDERS:
            return True
        try:
            return all(fingerprint(os.path.join(self._place, one)) == seen for one, seen in listing.folders.items())
        except Fault:
            return False

    def known(self, path: str, state: Fingerprint) -> DataFile | None:
        """What was found in a file, if it was looked at in this state."""
        file = self._files.get(path)
        return file if file is not None and file.fingerprint == state else None


def open_data(root: Path, contract: DataContract, before: SourceData | None = None) -> SourceData:
    """Find a contract's file, or the files of its folder, and check that each holds every declared field.

    Files that `before` knows in their present state are not read again.

    Raises:
        Fault: SOURCE_UNAVAILABLE if something is missing, outside the root, unreadable or not of its kind;
            SOURCE_SCHEMA_CHANGED if a field is missing, ambiguous, or of another type, or two files differ in columns.
    """
    place, kind = os.path.join(root, contract.source.path), contract.source.kind
    began = time.monotonic()
    listing = _listing(place, contract)
    look = _Look(listing, began, time.monotonic() - began)
    real = _resolved(root, place, contract)
    paths = {path: os.path.join(real, path) if path else real for path in listing.files}
    partitions = partitions_of(listing)
    said = next(iter(partitions), ())
    declared = tuple(name for name, _ in said if name in contract.fields)
    if not all(map(is_plain, (real, *paths.values()))) or (declared and "=" in real):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)  # an engine would find other files there, or other columns
    files: dict[str, DataFile] = {}
    columns: Columns | None = None
    for path, state in listing.files.items():
        file = (before and before.known(path, state)) or look_at(paths[path], kind, state, one_of_many=path != "")
        if columns is None:
            columns = file.columns
            _check_columns(contract, [*columns, *((name, None) for name, _ in said)])
        elif not _alike(file.columns, columns, kind):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        files[path] = file if file.columns is columns else replace(file, columns=columns)
    header = tuple(name for name, _ in columns or ()) if kind is SourceKind.CSV else ()
    rows = sum(file.rows for file in files.values())
    version, seal = _names(contract, files)
    divisible = all(name.casefold() != ROW_NUMBER for name, _ in columns or ())
    ends = files[""].ends if "" in files and divisible else ()
    location = Location(tuple(paths.values()), header, declared)
    return SourceData(contract, location, rows, version, seal, partitions, place, ends, files, look)


def _listing(place: str, contract: DataContract) -> Listing:
    if contract.source.is_folder:
        listing = list_folder(place, f".{contract.source.kind}")
        if not listing.files and not listing.complete:
            # a disk that is not there looks like this: an answer about nothing would look whole
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return listing
    return Listing({"": fingerprint(place)}, {}, False)


def _resolved(root: Path, place: str, contract: DataContract) -> str:
    """Where the data is, links followed: it must lie inside the root, and be what the contract says."""
    try:
        path = Path(place).resolve(strict=True)
        fits = path.is_dir() if contract.source.is_folder else path.is_file()
    except (OSError, ValueError, RuntimeError):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
    if not fits or not path.is_relative_to(root):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    return str(path)


def _check_columns(contract: DataContract, columns: Iterable[tuple[str, pa.DataType | None]]) -> None:
    # engines fold case, so names that differ by case alone are one name
    found: dict[str, list[tuple[str, pa.DataType | None]]] = {}
    for name, kind in columns:
        found.setdefault(name.casefold(), []).append((name, kind))
    for name, spec in contract.fields.items():
        candidates = found.get(name.casefold(), [])
        if len(candidates) != 1 or candidates[0][0] != name:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        kind = candidates[0][1]
        if kind is not None and kind not in _COMPATIBLE[spec.type]:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)


def _alike(columns: Columns, others: Columns, kind: SourceKind) -> bool:
    """Tell whether two files can be read as one; the columns of CSV are told apart by their order alone."""
    return columns == others or (kind is SourceKind.PARQUET and sorted(columns, key=str) == sorted(others, key=str))


def _names(contract: DataContract, files: Mapping[str, DataFile]) -> tuple[str, bytes]:
    """The name of the data's state (SHA-256, hex), and its seal.

    The name is over the path that the contract says, and of each file its path in the folder, its size, its time of
    change, and its ends. The seal says besides which files these are.
    """
    name = [b"purpose-gateway data version 1", _framed(contract.source.path.encode())]
    seal = []
    for path, file in files.items():
        state = file.fingerprint
        told = (str(state.size).encode(), str(state.mtime_ns).encode(), *file.edges)
        name.append(_framed(*([path.encode()] if path else []), *told))
        seal.append(_framed(f"{state.device} {state.inode}".encode()))
    return hashlib.sha256(b"".join(name)).hexdigest(), hashlib.sha256(b"".join(name + seal)).digest()


def _framed(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)
