"""Which rows meet a condition: what an engine tells of raw columns, told of columns as they leave."""

from __future__ import annotations

import pyarrow as pa

from gateway.kernels.text import Column, compute
from gateway.model.filter import Condition, Operator

_COMPARISONS = {
    Operator.EQUAL: "equal",
    Operator.LESS: "less",
    Operator.LESS_OR_EQUAL: "less_equal",
    Operator.GREATER: "greater",
    Operator.GREATER_OR_EQUAL: "greater_equal",
}


def meets(column: Column, condition: Condition) -> pa.BooleanArray:
    """Tell of each value whether it meets a condition whose values are of the column's type. NULL meets none.

    Texts are compared by their bytes in UTF-8.
    """
    values = pa.array(condition.values, column.type)
    if condition.operator is Operator.IN:
        met = compute.is_in(column, value_set=values, skip_nulls=True)
    else:
        met = compute.call_function(_COMPARISONS[condition.operator], [column, values[0]])
    known: pa.BooleanArray = compute.fill_null(met, False)
    return known


def lies_within(regions: Column, region: str) -> pa.BooleanArray:
    """Tell of each region path (utf8) whether it is a region or lies below it. NULL lies nowhere."""
    inside = compute.or_(compute.equal(regions, region), compute.starts_with(regions, f"{region}/"))
    known: pa.BooleanArray = compute.fill_null(inside, False)
    return known
