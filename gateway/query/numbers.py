"""Numbers as statistics count them: integers of a field's fixed point, within its bounds, NULL for what is none."""

from __future__ import annotations

from sqlglot import exp

from gateway.model.contract import Bounds
from gateway.model.values import FieldType
from gateway.query.scan import column
from gateway.query.sql_types import sql_type


def fixed_point(field: str, kind: FieldType, decimals: int, bounds: Bounds) -> exp.Expr:
    """The field times ten to the power of its decimals, rounded and clamped to bounds of that fixed point, as BIGINT.

    What is no number is NULL already (`scan.source`).
    """
    value = column(field)
    if kind is not FieldType.DOUBLE:
        return clamped(value, bounds.lower, bounds.upper)
    scaled = exp.Mul(this=value, expression=double(exp.Literal.number(10**decimals)))
    below = exp.LTE(this=scaled, expression=double(number(bounds.lower)))
    above = exp.GTE(this=scaled.copy(), expression=double(number(bounds.upper)))
    return (
        exp.case()
        .when(below, number(bounds.lower))
        .when(above, number(bounds.upper))
        .else_(bigint(exp.Round(this=scaled.copy())))
    )


def clamped(value: exp.Expr, lower: int, upper: int) -> exp.Case:
    """An explicit CASE: LEAST and GREATEST turn NULL into a bound on some engines."""
    least, most = number(lower), number(upper)
    return (
        exp.case()
        .when(exp.LT(this=value.copy(), expression=least), least.copy())
        .when(exp.GT(this=value.copy(), expression=most), most.copy())
        .else_(value.copy())
    )


def bigint(value: exp.Expr) -> exp.Cast:
    """The value as BIGINT; an error of the engine where it does not fit."""
    return exp.cast(value, sql_type("BIGINT"))


def double(value: exp.Expr) -> exp.Cast:
    """The value as DOUBLE."""
    return exp.cast(value, sql_type("DOUBLE"))


def number(value: int) -> exp.Expr:
    """An integer of the plan or the contract, as BIGINT."""
    return bigint(exp.Literal.number(value))


def wide(value: int) -> exp.Expr:
    """The same in 128 bits, for products with a number of rows."""
    return exp.cast(exp.Literal.number(value), sql_type("HUGEINT"))
