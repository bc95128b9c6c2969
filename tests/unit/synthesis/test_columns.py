"""Cells to values and back, for every type."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.values import FieldType, Scalar
from gateway.synthesis.columns import BinColumn, Column, Edge, KeyColumn

BOTH: tuple[Column, ...] = (
    KeyColumn("f", FieldType.STRING, ("b", "a", None)),
    KeyColumn("f", FieldType.BOOL, (False, True)),
    KeyColumn("f", FieldType.INT64, (7, -3)),
    KeyColumn("f", FieldType.DATE, (date(2026, 1, 1), date(2025, 1, 1))),
    BinColumn("f", FieldType.INT64, (-5, 0, 1, 10)),
    BinColumn("f", FieldType.INT64, (-(2**62), 0, 2**62)),
    BinColumn("f", FieldType.DOUBLE, (-1, 0.5, 2)),
    BinColumn("f", FieldType.DATE, (date(1969, 12, 1), date(1970, 1, 1), date(2026, 2, 1))),
    BinColumn("f", FieldType.TIMESTAMP, (datetime(2026, 1, 1), datetime(2026, 1, 1, 12), datetime(2026, 1, 2))),
)


@pytest.mark.parametrize("column", BOTH, ids=lambda column: f"{type(column).__name__}-{column.type}-{column.cells}")
def test_values_are_of_the_declared_type_and_lie_in_their_cell(column: Column) -> None:
    codes = np.random.default_rng(1).integers(0, column.cells, 1000)
    values = column.decode(codes, np.random.default_rng(2))
    assert values.type == ARROW_TYPES[column.type]
    assert (column.encode(pa.chunked_array([values])) == codes).all()


def test_a_bin_is_filled_evenly_up_to_its_end() -> None:
    column = BinColumn("f", FieldType.INT64, (0, 4, 100))
    values = column.decode(np.zeros(40_000, np.int64), np.random.default_rng(1)).to_numpy(zero_copy_only=False)
    counts = np.bincount(values, minlength=4)
    assert len(counts) == 4
    assert np.abs(counts - 10_000).max() < 500  # 5.8 standard deviations


def test_what_has_no_cell_is_minus_one() -> None:
    bins = BinColumn("f", FieldType.INT64, (0, 4, 10))
    assert bins.encode(pa.chunked_array([pa.array([-1, 0, 3, 4, 9, 10, None])])).tolist() == [-1, 0, 0, 1, 1, -1, -1]
    keys = KeyColumn("f", FieldType.STRING, ("a", "b"))
    assert keys.encode(pa.chunked_array([pa.array(["b", "c", None])])).tolist() == [1, -1, -1]
    doubles = BinColumn("f", FieldType.DOUBLE, (0.0, 1.0))
    assert doubles.encode(pa.chunked_array([pa.array([0.5, None, float("nan"), 1.0])])).tolist() == [0, -1, -1, -1]


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (FieldType.STRING, ()),
        (FieldType.STRING, ("a", "a")),
        (FieldType.INT64, ("a",)),
        (FieldType.INT64, (True,)),
    ],
    ids=["none", "twice", "text", "bool"],
)
def test_keys_that_are_none_are_refused(kind: FieldType, keys: tuple[Scalar, ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        KeyColumn("f", kind, keys)


@pytest.mark.parametrize(
    ("kind", "edges"),
    [
        (FieldType.INT64, (0,)),
        (FieldType.INT64, (0, 0)),
        (FieldType.INT64, (1, 0)),
        (FieldType.INT64, (0, 2**63)),
        (FieldType.INT64, (0, 1.5)),
        (FieldType.DOUBLE, (0.0, float("inf"))),
        (FieldType.DOUBLE, (0.0, float("nan"))),
        (FieldType.DATE, (datetime(2026, 1, 1), datetime(2026, 1, 2))),
        (FieldType.STRING, (0, 1)),
    ],
    ids=["one", "equal", "falling", "too-large", "broken", "infinite", "nan", "moments", "text"],
)
def test_edges_that_are_none_are_refused(kind: FieldType, edges: tuple[Edge, ...]) -> None:
    with pytest.raises(ValueError, match="edge"):
        BinColumn("f", kind, edges)
