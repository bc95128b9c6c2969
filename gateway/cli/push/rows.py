"""The rows of a file, in the types that a dataset collects; no message shows what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from gateway.cli.contract.column_types import Typing, converted
from gateway.cli.contract.reading import open_input
from gateway.cli.mistake import Mistake
from gateway.model.values import FieldType

NOTES = ("rejected.row", "rejected.reason", "rejected.field")
"""The columns that a file of rejected rows has besides. No field can have such a name; they are never pushed."""

_ARROW_FILE, _ARROW_STREAM = b"ARROW1", b"\xff\xff\xff\xff"
_BLOCK = 1 << 20
_MOST_NAMED = 10


class _Batches(Protocol):
    """A file of rows."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    def batches(self) -> Iterator[pa.RecordBatch]: ...


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file that was read through once: so many `rows`, each of which can be sent, and the digest of its bytes."""

    path: Path
    types: Mapping[str, FieldType]
    rows: int
    sha256: bytes

    def parts(self, most: int) -> Iterator[pa.Table]:
        """Yield the rows in order, so many at a time; of an empty file, none at once.

        Raises:
            Mistake: the file changed since.
        """
        held: list[pa.RecordBatch] = []
        count = read = 0
        for batch in _typed(self.path, self.types):
            start = 0
            while start < batch.num_rows:
                taken = batch.slice(start, most - count)
                held.append(taken)
                count += taken.num_rows
                start += taken.num_rows
                if count == most:
                    yield pa.Table.from_batches(held)
                    held, read, count = [], read + count, 0
            if not self.rows:
                held.append(batch)
        if held:
            yield pa.Table.from_batches(held)
        if read + count != self.rows:
            raise Mistake(f"{self.path} changed while it was read", "Push it again.")


def read_through(path: Path, types: Mapping[str, FieldType]) -> RowFile:
    """Read a Parquet, CSV or Arrow file once and see that its values are of these types, or become so without a loss.

    A column that `types` does not have is left as it is: whether it may be pushed, the gateway says.

    Raises:
        Mistake: it cannot be read, or some values are of other types; rows and columns are named, no value.
    """
    rows = sum(batch.num_rows for batch in _typed(path, types))
    content = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            content.update(block)
    return RowFile(path, types, rows, content.digest())


def _typed(path: Path, types: Mapping[str, FieldType]) -> Iterator[pa.RecordBatch]:
    file = _open(path)
    if len(set(file.columns)) != len(file.columns):
        raise Mistake(f"{path} has two columns of one name")
    read = 0
    found = False
    for batch in file.batches():
        found = True
        yield _batch(batch, file.columns, types, path, read)
        read += batch.num_rows
    if not found:
        # no rows, and columns all the same
        yield _batch(
            pa.RecordBatch.from_pylist([], pa.schema([(name, pa.string()) for name in file.columns])),
            file.columns,
            types,
            path,
            0,
        )


def _batch(
    batch: pa.RecordBatch, columns: tuple[str, ...], types: Mapping[str, FieldType], path: Path, before: int
) -> pa.RecordBatch:
    taken = {name: batch.column(place) for place, name in enumerate(columns) if name not in NOTES}
    arrays = [
        _column(column, types[name], name, path, before) if name in types else column for name, column in taken.items()
    ]
    return pa.RecordBatch.from_arrays(arrays, list(taken))


def _column(column: pa.Array[Any], kind: FieldType, name: str, path: Path, before: int) -> pa.Array[Any]:
    try:
        return converted(column, Typing(kind), kind)
    except pa.ArrowException:
        pass
    wrong = [before + row for row in range(len(column)) if not _fits(column.slice(row, 1), kind)]
    said = ", ".join(map(str, wrong[:_MOST_NAMED])) + (", …" if len(wrong) > _MOST_NAMED else "")
    raise Mistake(
        f"{path}: {name} is a {kind}, and in {len(wrong)} of the first {before + len(column)} rows it is none: {said}",
        "Nothing was pushed. Mend these rows (the first after the names of columns is 0), or take them out.",
    )


def _fits(cell: pa.Array[Any], kind: FieldType) -> bool:
    try:
        converted(cell, Typing(kind), kind)
    except pa.ArrowException:
        return False
    return True


def _open(path: Path) -> _Batches:
    try:
        with path.open("rb") as stream:
            start = stream.read(len(_ARROW_FILE))
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from None
    if start.startswith(_ARROW_FILE) or start.startswith(_ARROW_STREAM):
        return _Arrow.of(path, stream=start.startswith(_ARROW_STREAM))
    return open_input(path)


@dataclass(frozen=True, slots=True)
class _Arrow:
    """An Arrow IPC file, or a stream in a file."""

    path: Path
    columns: tuple[str, ...]
    stream: bool

    @classmethod
    def of(cls, path: Path, *, stream: bool) -> _Arrow:
        with _arrow(path, stream=stream) as reader:
            return cls(path, tuple(reader.schema.names), stream)

    def batches(self) -> Iterator[pa.RecordBatch]:
        try:
            with _arrow(self.path, stream=self.stream) as reader:
                if self.stream:
                    yield from reader
                else:
                    yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
        except (pa.ArrowException, OSError):
            raise _broken(self.path) from None


def _arrow(path: Path, *, stream: bool) -> Any:
    try:
        return (
            pa.ipc.open_stream(pa.OSFile(str(path), "rb")) if stream else pa.ipc.open_file(pa.OSFile(str(path), "rb"))
        )
    except (pa.ArrowException, OSError):
        raise _broken(path) from None


def _broken(path: Path) -> Mistake:
    return Mistake(f"{path} is an Arrow file that breaks off or is damaged", "Write it anew.")
