"""The same rows in other batches, and the schema that fields have."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pyarrow as pa
import pytest

from gateway.kernels.batches import batches_of, gathered, nothing, one_batch, schema_of
from gateway.model.values import FieldType

SCHEMA = schema_of([("n", FieldType.INT64), ("t", FieldType.STRING)])


def batch(start: int, rows: int) -> pa.RecordBatch:
    numbers = range(start, start + rows)
    return pa.record_batch([list(numbers), [str(number) for number in numbers]], schema=SCHEMA)


def batches(sizes: Sequence[int]) -> Generator[pa.RecordBatch, None, None]:
    for place, rows in enumerate(sizes):
        yield batch(sum(sizes[:place]), rows)


def test_a_schema_has_the_arrow_types_of_fields() -> None:
    assert SCHEMA.names == ["n", "t"] and SCHEMA.types == [pa.int64(), pa.string()]


@pytest.mark.parametrize("sizes", [[], [0], [3], [0, 0], [2, 0, 3]])
def test_all_rows_come_in_one_batch(sizes: Sequence[int]) -> None:
    whole = one_batch(pa.Table.from_batches(batches(sizes), SCHEMA))
    assert whole.equals(batch(0, sum(sizes))) and whole.schema == SCHEMA


@pytest.mark.parametrize(
    ("sizes", "cut"),
    [
        ([], []),
        ([0, 0], []),
        ([4], [4]),
        ([3, 1], [4]),
        ([9], [4, 4, 1]),
        ([1, 2, 3], [4, 2]),
        ([5, 0, 3], [4, 4]),
        ([3, 6], [4, 4, 1]),
    ],
)
def test_batches_have_one_size_but_for_the_last(sizes: Sequence[int], cut: Sequence[int]) -> None:
    found = list(batches_of(4, batches(sizes), SCHEMA))
    assert [one.num_rows for one in found] == cut
    assert pa.Table.from_batches(found, SCHEMA) == pa.Table.from_batches(batches(sizes), SCHEMA)


def test_who_stops_reading_batches_ends_what_they_are_made_of() -> None:
    ended = []

    def source() -> Generator[pa.RecordBatch, None, None]:
        try:
            yield from batches([4, 4])
        finally:
            ended.append(True)

    reading = source()
    cut = batches_of(4, reading, SCHEMA)
    next(cut)
    cut.close()
    assert ended == [True]


@pytest.mark.parametrize(
    ("sizes", "sums"),
    [([], []), ([0, 0], [0]), ([1, 1, 1, 1], [3, 1]), ([9], [9]), ([1, 9, 1], [10, 1])],
)
def test_small_batches_are_put_together_and_none_is_cut(sizes: Sequence[int], sums: Sequence[int]) -> None:
    found = list(gathered(batches(sizes), 4))
    assert [one.num_rows for one in found] == sums
    assert pa.Table.from_batches(found, SCHEMA) == pa.Table.from_batches(batches(sizes), SCHEMA)


def test_nothing_is_no_batch() -> None:
    assert not list(nothing())
