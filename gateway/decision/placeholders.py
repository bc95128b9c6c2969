"""Made-up values for questions whose values nobody needs to know: no decision depends on them, only on their types."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from gateway.model.contract import DataContract, SelectBy
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import (
    FOUND_KEYS,
    ByBins,
    ByFoundKeys,
    ByKeys,
    ByPeriod,
    ByRegion,
    ByRegionTree,
    Grouping,
    Period,
)
from gateway.model.region import RegionLevel
from gateway.model.request import Selector
from gateway.model.statistics import Statistic, StatisticKind
from gateway.model.values import FieldType, Scalar

_DAY = date(2026, 1, 1)
_ANY_WIDTH = Fraction(10**12)
_EXAMPLES: dict[FieldType, Scalar] = {
    FieldType.STRING: "example",
    FieldType.INT64: 1,
    FieldType.DOUBLE: 1.0,
    FieldType.BOOL: True,
    FieldType.DATE: _DAY,
    FieldType.TIMESTAMP: datetime(2026, 1, 1),
}


def example(contract: DataContract | None, field: str) -> Scalar:
    """Return some value of the field's type; of a field that is not there, a text."""
    declared = None if contract is None else contract.fields.get(field)
    return _EXAMPLES[FieldType.STRING if declared is None else declared.type]


def condition(contract: DataContract | None, field: str, operator: Operator = Operator.EQUAL) -> Condition:
    """Return a condition on a field, with some value of its type."""
    return Condition(field, operator, (example(contract, field),))


def subjects(contract: DataContract | None, by: SelectBy, field: str, count: int) -> Selector:
    """Return a selector of so many subjects. Tokens are texts, keys of the field's type."""
    value = "example" if by is SelectBy.TOKEN else example(contract, field)
    values: tuple[Scalar, ...] = (
        tuple(f"example {number}" for number in range(count)) if isinstance(value, str) else (value,) * count
    )
    return Selector(by, field, values)


def statistic(written: str) -> Statistic:
    """Read a statistic as it is written: count, count_units, or sum, mean, variance or quantiles of (field).

    Raises:
        ValueError: for anything else.
    """
    name, _, field = written.removesuffix(")").partition("(")
    kind = StatisticKind(name)
    ranks = (Fraction(1, 2),) if kind is StatisticKind.QUANTILES else ()
    return Statistic(kind, field or None, ranks)


def grouping(written: str) -> Grouping:
    """Read a grouping as it is written: a field; or "field by" a level of regions, a period, "bins", or "found keys".

    A level may be followed by "and above".

    Raises:
        ValueError: for anything else.
    """
    field, by, way = written.partition(" by ")
    if not by:
        return ByKeys(field)
    if way == "bins":
        return ByBins(field, _ANY_WIDTH)
    if way == FOUND_KEYS:
        return ByFoundKeys(field)
    if way.endswith(" and above"):
        return ByRegionTree(field, RegionLevel(way.removesuffix(" and above")))
    if way in tuple(RegionLevel):
        return ByRegion(field, RegionLevel(way))
    return ByPeriod(field, Period(way), _DAY, _DAY)
