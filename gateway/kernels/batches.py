"""Arrow batches: the schema that fields have, and the same rows in other batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing

import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.contract import DataContract
from gateway.model.values import FieldType


def schema_of(columns: Iterable[tuple[str, FieldType]]) -> pa.Schema:
    """Return the schema of columns, each with its name and type."""
    return pa.schema([(name, ARROW_TYPES[kind]) for name, kind in columns])


def declared_schema(contract: DataContract, fields: Iterable[str] | None = None) -> pa.Schema:
    """Return the schema of a contract's fields as declared: of some, in their order, or of all."""
    names = contract.fields if fields is None else fields
    return schema_of((name, contract.fields[name].type) for name in names)


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """Return all rows of a table in one batch, without a copy where they lie in one piece already.

    Raises:
        ValueError: the texts of a column take more than the 2 GiB that an Arrow array of texts holds.
    """
    (whole,) = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
    return whole


def nothing() -> Generator[pa.RecordBatch, None, None]:
    """Yield no batch."""
    yield from ()


def batches_of(
    rows: int, batches: Generator[pa.RecordBatch, None, None], schema: pa.Schema
) -> Generator[pa.RecordBatch, None, None]:
    """Yield the same rows in batches of so many, but for the last. It closes what it reads."""
    held: list[pa.RecordBatch] = []
    count = 0
    with closing(batches):
        for batch in batches:
            held.append(batch)
            count += batch.num_rows
            if count >= rows:
                whole = pa.Table.from_batches(held, schema)
                full = count - count % rows
                for start in range(0, full, rows):
                    yield one_batch(whole.slice(start, rows))
                held, count = whole.slice(full).to_batches(), count - full
        if count:
            yield one_batch(pa.Table.from_batches(held, schema))


def gathered(batches: Iterable[pa.RecordBatch], rows: int) -> Generator[pa.RecordBatch, None, None]:
    """Yield the same rows, with small batches put together until they have more than half of so many rows.

    None is cut. An engine ends a batch with each file, and a folder may have thousands of small ones.
    """
    few: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        few.append(batch)
        held += batch.num_rows
        if held > rows // 2:
            yield one_batch(pa.Table.from_batches(few))
            few, held = [], 0
    if few:
        yield one_batch(pa.Table.from_batches(few))
