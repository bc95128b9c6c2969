"""A file of the rows that a gateway did not keep, beside the reasons: to be mended and pushed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gateway.cli.files import new_file
from gateway.cli.mistake import Mistake
from gateway.cli.push.rows import NOTES
from gateway.client import RejectedRow

Write = Callable[[pa.Table, int, Sequence[RejectedRow]], None]
"""Takes what was pushed, the number of its first row in the file, and those of its rows that were not kept."""


def _csv(file: BinaryIO, schema: pa.Schema) -> Any:
    return pa_csv.CSVWriter(file, schema)


def _parquet(file: BinaryIO, schema: pa.Schema) -> Any:
    return pq.ParquetWriter(file, schema)


def _arrow(file: BinaryIO, schema: pa.Schema) -> Any:
    sink: Any = file  # any object that is written to will do
    return pa.ipc.new_file(sink, schema)


_WRITERS: Mapping[str, Callable[[BinaryIO, pa.Schema], Any]] = {".csv": _csv, ".parquet": _parquet, ".arrow": _arrow}


@contextmanager
def rejected_file(path: Path | None) -> Iterator[Write]:
    """Make a new file, for its owner alone, as its name ends; without a path, yield what writes nothing.

    Raises:
        Mistake: it exists, cannot be made, or its name ends in none of the known ways.
    """
    if path is None:
        yield lambda table, first, rows: None
        return
    make = _WRITERS.get(path.suffix.lower())
    if make is None:
        raise Mistake(f"{path} ends in no known way", f"Write {', '.join(_WRITERS)}.")
    writer: Any = None
    with new_file(path) as file:

        def write(table: pa.Table, first: int, rows: Sequence[RejectedRow]) -> None:
            nonlocal writer
            found = table.take(pa.array([one.row for one in rows], pa.int64()))
            notes: tuple[pa.Array[Any], ...] = (
                pa.array([first + one.row for one in rows], pa.int64()),
                pa.array([one.reason for one in rows], pa.string()),
                pa.array([one.field for one in rows], pa.string()),
            )
            for name, column in zip(NOTES, notes, strict=True):
                found = found.append_column(name, column)
            writer = writer or make(file, found.schema)
            writer.write_table(found)

        try:
            yield write
        finally:
            if writer is not None:
                writer.close()
