"""Which rows meet a condition: what an engine tells of raw columns, told of columns as they leave."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
import pyarrow as pa

from gateway.kernels.text import Column, compute
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope

_COMPARISONS = {
    Operator.EQUAL: "equal",
    Operator.LESS: "less",
    Operator.LESS_OR_EQUAL: "less_equal",
    Operator.GREATER: "greater",
    Operator.GREATER_OR_EQUAL: "greater_equal",
}


def in_scope(rows: pa.RecordBatch, scope: RowScope, region_field: str | None) -> pa.BooleanArray:
    """Tell of each row whether it is in scope, as `query.scope` has an engine tell it.

    Raises:
        ValueError: a region is asked of rows that have none.
    """
    met = [meets(rows.column(one.field), one) for one in scope.conditions]
    if scope.region is not None:
        if region_field is None:
            raise ValueError("the dataset has no regions to narrow")
        met.append(lies_within(rows.column(region_field), scope.region))
    if scope.consent_field is not None:
        met.append(_known(rows.column(scope.consent_field)))
    return reduce(compute.and_, met) if met else pa.array(np.ones(rows.num_rows, np.bool_))


def meets(column: Column, condition: Condition) -> pa.BooleanArray:
    """Tell of each value whether it meets a condition whose values are of the column's type. NULL meets none.

    Texts are compared by their bytes in UTF-8. NaN equals itself and is above every other number, as engines order it;
    both zeros are one number.
    """
    if pa.types.is_floating(column.type):
        return _number_meets(column, condition)
    values = pa.array(condition.values, column.type)
    if condition.operator is Operator.IN:
        met = compute.is_in(column, value_set=values, skip_nulls=True)
    else:
        met = compute.call_function(_COMPARISONS[condition.operator], [column, values[0]])
    return _known(met)


def _number_meets(column: Column, condition: Condition) -> pa.BooleanArray:
    met = pa.array(np.zeros(len(column), np.bool_))
    nan = compute.is_nan(column)
    for number in pa.array(condition.values, column.type).drop_null().to_pylist():
        apart = math.isnan(number)
        match condition.operator:
            case Operator.IN | Operator.EQUAL:
                one = nan if apart else compute.equal(column, number)
            case Operator.LESS:
                one = compute.invert(nan) if apart else compute.less(column, number)
            case Operator.LESS_OR_EQUAL:
                one = compute.is_valid(column) if apart else compute.less_equal(column, number)
            case Operator.GREATER:
                one = compute.greater(column, number) if apart else compute.or_(nan, compute.greater(column, number))
            case Operator.GREATER_OR_EQUAL:
                one = compute.or_(nan, compute.greater_equal(column, number))
        met = compute.or_(met, _known(one))
    return met


def _known(met: object) -> pa.BooleanArray:
    known: pa.BooleanArray = compute.fill_null(met, False)
    return known


def lies_within(regions: Column, region: str) -> pa.BooleanArray:
    """Tell of each region path (utf8) whether it is a region or lies below it. NULL lies nowhere."""
    inside = compute.or_(compute.equal(regions, region), compute.starts_with(regions, f"{region}/"))
    known: pa.BooleanArray = compute.fill_null(inside, False)
    return known
