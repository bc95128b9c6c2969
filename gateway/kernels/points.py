"""An index over rows in memory: those that have one of some values in a field, without looking at the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.model.values import Scalar

ENTRY_BYTES = 16
"""What a row takes for each field that it is found by."""


class PointIndex:
    """Rows, and for each of some fields the places of these by a hash of the field's value. Immutable.

    The hash is Python's, which is keyed anew in each process and alike for all that is equal. Two values may share one:
    what is found holds all rows that have a value, and now and then another.
    """

    __slots__ = ("_fields", "rows")

    def __init__(self, rows: pa.RecordBatch, fields: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]):
        self.rows = rows
        self._fields = fields

    @property
    def fields(self) -> frozenset[str]:
        """The fields that rows are found by."""
        return frozenset(self._fields)

    def candidates(self, field: str, values: Iterable[Scalar]) -> pa.RecordBatch:
        """Return all rows that have one of the values in a field, in their order, and others.

        For a value that no row has there is a row all the same, if there are any: it takes the work that one takes.
        """
        hashes, places = self._fields[field]
        asked = np.array([hash(value) for value in values if value is not None], np.int64)
        first, end = np.searchsorted(hashes, asked), np.searchsorted(hashes, asked, "right")
        spans = [
            places[min(start, len(places) - 1) : max(start + 1, stop)] for start, stop in zip(first, end, strict=True)
        ]
        found = np.unique(np.concatenate(spans)) if spans and len(places) else np.empty(0, np.int64)
        return self.rows.take(found)


def point_index(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, fields: Sequence[str], fits: Callable[[int], bool]
) -> PointIndex | None:
    """Make an index over rows by some fields of text or integers; None where it does not fit.

    `fits` is asked after each batch, of the bytes that all until then take.
    """
    hashes: dict[str, list[npt.NDArray[np.int64]]] = {field: [] for field in fields}
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes + batch.num_rows * ENTRY_BYTES * len(hashes)
        if not fits(size):
            return None
        for field, known in hashes.items():
            values = batch.column(field).to_pylist()
            known.append(np.fromiter(map(hash, values), np.int64, len(values)))
    table = pa.Table.from_batches(held, schema)
    missing = {field: _missing(table.column(field)) for field in fields}
    held.clear()
    columns = list(_combined(table))
    if any(isinstance(column, pa.ChunkedArray) for column in columns):
        return None  # more text than an array of Arrow holds
    rows = pa.RecordBatch.from_arrays(columns, schema=schema)
    return PointIndex(rows, {field: _ordered(hashes.pop(field), missing[field]) for field in fields})


def _missing(column: pa.ChunkedArray[Any]) -> npt.NDArray[np.bool_]:
    return np.asarray(column.is_null())


def _combined(table: pa.Table) -> Iterator[Any]:
    """Yield the columns in one piece each, holding two copies of one at a time."""
    while table.num_columns:
        column, table = table.column(0), table.remove_column(0)
        yield column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _ordered(
    hashes: list[npt.NDArray[np.int64]], missing: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The hashes of values that are there in ascending order, and the places of their rows."""
    whole = np.concatenate(hashes) if hashes else np.empty(0, np.int64)
    present = np.flatnonzero(~missing)
    order = present[np.argsort(whole[present], kind="stable")]
    return whole[order], order
