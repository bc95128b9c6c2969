"""Files that appear whole or not at all: the draft, and a copy of the data that the source can read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.cli.contract.column_types import ARROW, converted
from gateway.cli.contract.plan import DraftPlan
from gateway.cli.contract.reading import InputFile
from gateway.cli.mistake import Mistake


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a fresh file beside `target`, readable by its owner, which takes its place if all goes well.

    Raises:
        Mistake: it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        fresh = Path(name)
        try:
            yield fresh
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise Mistake(f"{target} cannot be written: {error.strerror}") from None


def write_copy(file: InputFile, plan: DraftPlan, target: Path) -> None:
    """Write the planned fields as Parquet, streamed, under their names and in their types.

    Raises:
        Mistake: the file changed since it was surveyed, or the copy cannot be written.
    """
    schema = pa.schema([(field.name, ARROW[field.type]) for field in plan.fields])
    with replacing(target) as fresh, pq.ParquetWriter(fresh, schema, compression="zstd") as writer:
        for batch in file.batches():
            try:
                columns = [
                    converted(batch.column(field.column.index), field.column.typing, field.type)
                    for field in plan.fields
                ]
            except pa.ArrowException:
                # not chained: its text may hold a value
                raise Mistake(f"{file.path} changed while it was read", "Try again.") from None
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
