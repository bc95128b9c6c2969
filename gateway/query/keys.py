"""How the key of a row's cell comes about: the field's value, a region above it, its period, or its bin."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gateway.model.contract import Bounds, DataContract
from gateway.model.grouping import Period
from gateway.model.plan import (
    FOUND_TYPES,
    LONGEST_KEY,
    AsFound,
    AsIs,
    AtLevel,
    Derivation,
    GroupKey,
    InBins,
    InBuckets,
    InPeriod,
)
from gateway.model.values import FieldType
from gateway.query.numbers import bigint, fixed_point, number
from gateway.query.scan import Bound, column, parameter
from gateway.query.scope import check_values
from gateway.query.sql_types import sql_type, type_of


@dataclass(frozen=True, slots=True)
class KeyShape:
    """What the text of a key depends on: the field, the way, and what the contract declares. No value of a caller's."""

    field: str
    kind: FieldType
    way: type[Derivation]
    period: Period | None = None
    decimals: int = 0
    bounds: Bounds | None = None

    @property
    def key_type(self) -> FieldType:
        """The type of the keys."""
        return type_of_key(self.kind, self.way, self.period)


def type_of_key(kind: FieldType, way: type[Derivation], period: Period | None = None) -> FieldType:
    """Return the type that keys of a field of some type have."""
    if way is InPeriod:
        return FieldType.TIMESTAMP if period is Period.HOUR else FieldType.DATE
    return FieldType.INT64 if way in (InBins, InBuckets) else kind


def key_shape(contract: DataContract, group: GroupKey) -> KeyShape:
    """Return the shape of a grouping.

    Raises:
        ValueError: if the grouping does not fit the field.
    """
    if group.field not in contract.fields:
        raise ValueError("a plan names a field that its contract does not declare")
    field = contract.fields[group.field]
    match group.by:
        case AsIs():
            check_values(contract, group.field, group.keys)
            return KeyShape(field.name, field.type, AsIs)
        case AsFound():
            if field.type not in FOUND_TYPES or group.keys:
                raise ValueError("only texts, integers and dates are found as keys, and none are given")
            return KeyShape(field.name, field.type, AsFound)
        case AtLevel(depth):
            if field.type is not FieldType.STRING or depth < 1:
                raise ValueError("only a text can be a region path")
            return KeyShape(field.name, field.type, AtLevel)
        case InPeriod(period):
            if not field.type.is_dated:
                raise ValueError("only a date or timestamp lies in a period")
            if period is Period.HOUR and field.type is FieldType.DATE:
                raise ValueError("a date lies in no hour")
            return KeyShape(field.name, field.type, InPeriod, period)
        case InBins(bounds, width):
            if not field.type.is_number or width < 1 or bounds.lower > bounds.upper:
                raise ValueError("only a number with bounds lies in a bin")
            return KeyShape(field.name, field.type, InBins, None, field.decimals, bounds)
        case InBuckets(buckets):
            if field.type not in (FieldType.STRING, FieldType.INT64) or buckets < 1:
                raise ValueError("only a text or an integer is put into buckets")
            return KeyShape(field.name, field.type, InBuckets)


def key_parameters(group: GroupKey, name: str) -> dict[str, Bound]:
    """The values of the parameters that `key_of` names, and of the list of keys."""
    keys: dict[str, Bound] = {name: list(group.keys)}
    match group.by:
        case InBuckets(buckets):
            return keys | {f"{name}_buckets": buckets}
        case AsFound():
            return {}
        case AtLevel(depth):
            return keys | {f"{name}_path": "^[^/]+" + "/[^/]+" * (depth - 1)}
        case InBins(_, width):
            return keys | {f"{name}_width": width}
        case _:
            return keys


def key_of(shape: KeyShape, name: str) -> exp.Expr:
    """The key of a row, of the shape's type; NULL, or no key of any list, for a row outside of all cells.

    The start of a path is what a regular expression finds of it; of a path that is too short that is nothing.
    """
    value = column(shape.field)
    if shape.way is AtLevel:
        return exp.RegexpExtract(this=value, expression=parameter(f"{name}_path"))
    if shape.way is AsFound and shape.kind is FieldType.STRING:
        short = exp.LTE(this=exp.Length(this=value), expression=exp.Literal.number(LONGEST_KEY))
        return exp.case().when(short, value.copy()).else_(exp.null())
    if shape.way is AsFound and shape.kind is FieldType.DATE:
        return exp.case().when(_within_the_calendar(value), value.copy()).else_(exp.null())
    if shape.way is InBuckets:
        return exp.Mod(this=_hashed(value), expression=bigint(parameter(f"{name}_buckets")))
    if shape.way is InPeriod and shape.period is not None:
        within = _within_the_calendar(value)
        start = exp.Anonymous(this="date_trunc", expressions=[exp.Literal.string(shape.period.value), value.copy()])
        return exp.case().when(within, exp.cast(start, type_of(shape.key_type))).else_(exp.null())
    if shape.way is InBins and shape.bounds is not None:
        return bin_of(
            fixed_point(shape.field, shape.kind, shape.decimals, shape.bounds), shape.bounds.lower, f"{name}_width"
        )
    return value


def _hashed(value: exp.Expr) -> exp.Expr:
    """An integer of up to 15 digits from the MD5 of a text, which every engine has; its letters count as digits."""
    text = exp.MD5(this=exp.cast(value, sql_type("VARCHAR")))
    begin = exp.Substring(this=text, start=exp.Literal.number(1), length=exp.Literal.number(15))
    letters, digits = exp.Literal.string("abcdef"), exp.Literal.string("012345")
    return exp.Paren(this=bigint(exp.Anonymous(this="translate", expressions=[begin, letters, digits])))


def _within_the_calendar(value: exp.Expr) -> exp.Expr:
    """Beyond its years an engine's reckoning fails, and for one record everybody's answer."""
    first, last = (exp.cast(exp.Literal.string(day), sql_type("DATE")) for day in ("0001-01-01", "9999-12-31"))
    return exp.and_(exp.GTE(this=value, expression=first), exp.LTE(this=value.copy(), expression=last))


def bin_of(value: exp.Expr, lower: int, width: str) -> exp.Expr:
    """The lower end of the bin in which an integer within its bounds lies; `width` names the parameter."""
    above = exp.Paren(this=exp.Sub(this=value, expression=number(lower)))
    wide = bigint(parameter(width))
    bins = exp.Paren(this=exp.IntDiv(this=above, expression=wide))
    return bigint(exp.Add(this=number(lower), expression=exp.Mul(this=bins, expression=wide.copy())))
