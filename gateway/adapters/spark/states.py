"""The state of a dataset in a lake: its Parquet files, as a listing by Spark has them, and the name of that state."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import types as kinds

from gateway.adapters.spark.field_types import SPARK_TYPES
from gateway.adapters.spark.sessions import Session
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.values import FieldType
from gateway.query.spark import FILE, PLACE

# what becomes the declared type without a value being lost or refused
_COMPATIBLE: dict[FieldType, tuple[type[kinds.DataType], ...]] = {
    FieldType.STRING: (kinds.StringType,),
    FieldType.INT64: (kinds.LongType, kinds.IntegerType, kinds.ShortType, kinds.ByteType),
    FieldType.DOUBLE: (kinds.DoubleType, kinds.FloatType),
    FieldType.BOOL: (kinds.BooleanType,),
    FieldType.DATE: (kinds.DateType,),
    FieldType.TIMESTAMP: (kinds.TimestampNTZType,),
}
_UNSAFE = re.compile(r"[*?\[\]{}\\\x00-\x1f]")
"""Characters of a file's name that Spark would look for others by."""
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, order=True)
class LakeFile:
    """One file as it was listed: where, how large (bytes), and when it changed last (UTC)."""

    path: str
    size: int
    changed: datetime


@dataclass(frozen=True, slots=True)
class State:
    """The files of a dataset at one moment, in the order of their names. `version` is a name for all of it (hex)."""

    files: tuple[LakeFile, ...]
    version: str

    @property
    def changed_at(self) -> datetime:
        """When the newest file changed (naive UTC)."""
        return max(file.changed for file in self.files).replace(tzinfo=None)

    def pieces(self, most: int) -> Iterator[tuple[LakeFile, ...]]:
        """The files in their order, so many bytes of them at a time, or one that is larger."""
        held: list[LakeFile] = []
        for file in self.files:
            if held and sum(one.size for one in held) + file.size > most:
                yield tuple(held)
                held = []
            held.append(file)
        if held:
            yield tuple(held)


def list_state(session: Session, place: str, settle: timedelta) -> State:
    """List the files of a folder, and of those in it, or one file.

    A file that changed a moment ago (`settle`) may change again without a trace: stores tell times by the second.

    Raises:
        Fault: SOURCE_UNAVAILABLE if nothing is there, or something is still being written.
    """
    found = _listed(session, [place])
    if not found or any(_UNSAFE.search(file.path) for file in found):
        # a lake that is not there looks like this: an answer about nothing would look whole
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    if settle and max(file.changed for file in found) > datetime.now(UTC) - settle:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
    digest = hashlib.sha256(b"purpose-gateway lake version 1")
    for file in found:
        told = (file.path.encode(), str(file.size).encode(), file.changed.isoformat().encode())
        digest.update(b"".join(len(part).to_bytes(8, "big") + part for part in told))
    return State(tuple(found), digest.hexdigest())


def check_unchanged(session: Session, files: Sequence[LakeFile]) -> None:
    """See that files are as they were listed.

    Raises:
        Fault: SOURCE_UNAVAILABLE if one is not.
    """
    if _listed(session, [file.path for file in files]) != sorted(files):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def _listed(session: Session, paths: list[str]) -> list[LakeFile]:
    """No file is opened for it: of this format, Spark reads what is asked for, and no content is."""
    reader = session.spark.read.format("binaryFile").option("pathGlobFilter", "*.parquet")
    listed = reader.option("recursiveFileLookup", "true").load(paths).select("path", "length", "modificationTime")
    found = session.arrow(listed)
    rows = zip(*(column.to_pylist() for column in found.columns), strict=True)
    return sorted(LakeFile(path, size, changed) for path, size, changed in rows)


def check_columns(session: Session, contract: DataContract, files: Sequence[LakeFile]) -> None:
    """See that each of the files has every declared field, in a type that becomes the declared one.

    Raises:
        Fault: SOURCE_SCHEMA_CHANGED if one does not; SOURCE_UNAVAILABLE if one cannot be read.
    """

    def check(file: LakeFile) -> None:
        with session.working():
            found = session.spark.read.parquet(file.path).schema
        _check(contract, found)

    with ThreadPoolExecutor(min(_AT_ONCE, len(files))) as looking:
        for _ in looking.map(check, files):
            pass


def _check(contract: DataContract, found: kinds.StructType) -> None:
    columns: dict[str, list[kinds.StructField]] = {}
    for column in found.fields:
        # engines fold case, so names that differ by case alone are one name
        columns.setdefault(column.name.casefold(), []).append(column)
    for name, spec in contract.fields.items():
        candidates = columns.get(name.casefold(), [])
        if len(candidates) != 1 or candidates[0].name != name:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        if not isinstance(candidates[0].dataType, _COMPATIBLE[spec.type]):
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)


def opened(session: Session, contract: DataContract, files: Sequence[LakeFile], *, placed: bool) -> DataFrame:
    """The rows of files, their columns as the contract declares them; `placed`, with where each row is."""
    fields = [kinds.StructField(name, SPARK_TYPES[spec.type]) for name, spec in contract.fields.items()]
    data = session.spark.read.schema(kinds.StructType(fields)).parquet(*(file.path for file in files))
    if not placed:
        return data
    places = {FILE: data["_metadata.file_path"], PLACE: data["_metadata.row_index"]}
    return data.select("*", *(column.alias(name) for name, column in places.items()))
