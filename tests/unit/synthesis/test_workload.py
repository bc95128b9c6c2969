"""Which marginals are counted: from the domains alone, within the limit, with shares that add up."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from gateway.model.contract import Bounds, CanonicalForm, Classification, FieldSpec
from gateway.model.values import FieldType, Scalar
from gateway.synthesis.columns import BinColumn, Column, KeyColumn, column_of, counted
from gateway.synthesis.workload import workload


def column(name: str, cells: int) -> KeyColumn:
    return KeyColumn(name, FieldType.INT64, tuple(range(cells)))


def test_every_pair_is_counted_where_all_fit() -> None:
    found = workload((column("a", 2), column("b", 3), column("c", 5)), 31)
    assert found is not None
    assert {one.fields: one.cells for one in found} == {("a", "b"): 6, ("a", "c"): 10, ("b", "c"): 15}


def test_the_shares_add_up_to_one_and_go_by_cells_to_two_thirds() -> None:
    found = workload((column("a", 1), column("b", 8), column("c", 27)), 1000)
    assert found is not None
    assert sum(one.share for one in found) == 1
    shares = {one.fields: one.share for one in found}
    assert shares["a", "c"] / shares["a", "b"] == Fraction(9, 4)
    assert shares["b", "c"] / shares["a", "b"] == Fraction(36, 4)


def test_the_smallest_pairs_come_first_within_the_limit_and_no_field_is_left_out() -> None:
    columns = (column("d", 50), column("a", 2), column("c", 5), column("b", 3))
    found = workload(columns, 6 + 10 + 50)
    assert found is not None
    assert [one.fields for one in found] == [("d",), ("a", "b"), ("a", "c")]
    assert sum(one.cells for one in found) == 66


@pytest.mark.parametrize("limit", [10, 12, 20, 31, 60, 100, 185])
def test_no_workload_has_more_cells_than_the_limit(limit: int) -> None:
    columns = (column("a", 2), column("b", 3), column("c", 5))
    found = workload(columns, limit)
    assert found is not None
    assert sum(one.cells for one in found) <= limit
    assert {field for one in found for field in one.fields} == {"a", "b", "c"}


def test_there_is_no_workload_where_not_even_single_fields_fit() -> None:
    assert workload((column("a", 2), column("b", 3)), 4) is None


def test_columns_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="different names"):
        workload((column("a", 2), column("a", 3)), 100)


def spec(
    kind: FieldType, keys: tuple[Scalar, ...] | None = None, bounds: Bounds | None = None, decimals: int = 0
) -> FieldSpec:
    return FieldSpec("f", kind, Classification.OTHER, False, CanonicalForm.TEXT, bounds, keys, decimals=decimals)


def made(kind: FieldType, bins: int = 10, **declared: Any) -> Column | None:
    field = counted(spec(kind, **declared), bins)
    return None if field is None else column_of(field)


def test_columns_come_from_declared_keys_and_bounds_alone() -> None:
    assert made(FieldType.STRING, keys=("x", "y")) == KeyColumn("f", FieldType.STRING, ("x", "y"))
    assert made(FieldType.BOOL) == KeyColumn("f", FieldType.BOOL, (False, True))
    assert made(FieldType.INT64, 4, bounds=Bounds(0, 99)) == BinColumn("f", FieldType.INT64, (0, 25, 50, 75, 100))
    assert made(FieldType.INT64, 4, bounds=Bounds(0, 9)) == BinColumn("f", FieldType.INT64, (0, 3, 6, 9, 10))
    assert made(FieldType.INT64, bounds=Bounds(5, 7)) == BinColumn("f", FieldType.INT64, (5, 6, 7, 8))
    assert made(FieldType.STRING) is None and made(FieldType.DOUBLE) is None


def test_a_double_is_counted_and_made_in_its_fixed_point() -> None:
    column = made(FieldType.DOUBLE, 3, bounds=Bounds(-1, 2), decimals=1)
    # 31 steps of a tenth, from -1.0 to 2.0
    assert column == BinColumn("f", FieldType.DOUBLE, (-10, 1, 12, 21), 1)
    assert isinstance(column, BinColumn)
    random = np.random.default_rng(1)
    codes = np.repeat(np.arange(3), 400)
    values = column.decode(codes, random)
    assert values.type == pa.float64()
    assert set(values.to_pylist()) == {step / 10 for step in range(-10, 21)}
    assert (column.encode(pa.chunked_array([values])) == codes).all()
    assert column.encode(pa.chunked_array([pa.array([-1.06, -1.0, 2.0, 2.06, None])])).tolist() == [-1, 0, 2, -1, -1]


def test_only_a_double_has_a_fixed_point() -> None:
    with pytest.raises(ValueError, match="fixed point"):
        BinColumn("f", FieldType.INT64, (0, 1), 1)
