"""Rows in scope are those that meet all conditions, lie in the region and have consent; a NULL is none of these."""

from __future__ import annotations

import pyarrow as pa
import pytest

from gateway.kernels.conditions import in_scope
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope

ROWS = pa.record_batch(
    {
        "place": ["city/a", "city/a/1", "city/ab", None, "city/a"],
        "agrees": [True, None, True, True, False],
        "level": pa.array([1, 2, 3, 4, None], pa.int64()),
    }
)
HIGH = Condition("level", Operator.GREATER, (1,))


@pytest.mark.parametrize(
    ("scope", "within"),
    [
        (RowScope(None, None, ()), [0, 1, 2, 3, 4]),
        (RowScope("city/a", None, ()), [0, 1, 4]),
        (RowScope(None, "agrees", ()), [0, 2, 3]),
        (RowScope(None, None, (HIGH,)), [1, 2, 3]),
        (RowScope(None, None, (HIGH, Condition("level", Operator.LESS, (4,)))), [1, 2]),
        (RowScope("city/a", "agrees", ()), [0]),
        (RowScope("city/a", None, (HIGH,)), [1]),
        (RowScope("city/a", "agrees", (HIGH,)), []),
    ],
)
def test_a_row_in_scope_meets_all_of_it(scope: RowScope, within: list[int]) -> None:
    told = in_scope(ROWS, scope, "place").to_pylist()
    assert [row for row, inside in enumerate(told) if inside] == within
    assert None not in told


def test_of_rows_without_a_place_no_region_is_asked() -> None:
    with pytest.raises(ValueError, match="no regions"):
        in_scope(ROWS, RowScope("city/a", None, ()), None)
