"""A query with what the contract, the region tree and the plan declare: its cells, its bounds, its measures.

Nothing of it is read from the data. What is not declared is not answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from gateway.model.contract import DataContract, DisclosureSpec, FieldSpec, StatisticsSpec
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AsFound, AtLevel, BoundedQuery, GroupKey, InBins, InPeriod, finds_keys
from gateway.model.region import RegionLevel
from gateway.model.statistics import OF_A_FIELD, Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import FieldType

MAX_ANSWERS = 50_000
"""So many answers a release has at most: they are one message."""

MAX_BINS = 100_000
"""So many bins a release counts at most, in all its cells."""

QUANTILE_BINS = 256
"""Quantiles are found among so many bins of the declared bounds, or as many as there are values."""

_LEVELS = tuple(RegionLevel)

Places = Callable[[RegionLevel], tuple[str, ...]]
"""The paths of the regions of a level, within the region asked for."""


@dataclass(frozen=True, slots=True)
class Unbound:
    """A part of a query that cannot be answered: where in the plan it stands, and the rule. Never a value."""

    place: str
    rule: str


NO_STATISTICS = "offers no statistics: ListDatasets lists the disclosures that do"
NOT_GROUPED = "is no field that this disclosure groups by so: ListDatasets lists its group_by_fields, and how"
GROUPED_TWICE = "groups by a field that the plan groups by already: leave one of them out"
NOT_MEASURED = "is none that this disclosure has: ListDatasets lists its value_fields"
NOT_ADDITIVE = "does not add up over a tree of regions: ask for one level, or for counts, sums, means or variances"
TOO_MANY = f"makes more than {MAX_ANSWERS} answers: group by less, or ask for fewer statistics"
NOT_AMONG_FOUND = "does not go with keys that are found in the data: ask for counts, sums, means or variances"
NO_UNITS = "must hold count_units: its noised answers tell which of the keys found in the data are shown"
TOO_FINE = f"needs more than {MAX_BINS} bins: group by less, or ask for quantiles of fewer fields"


def bind(
    query: StatisticsQuery, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> BoundedQuery | Unbound:
    """Look up the cells and the bounds of a query."""
    spec = disclosure.statistics
    if spec is None or not query.statistics:
        return Unbound("plan.disclosure", NO_STATISTICS)
    groups: list[GroupKey] = []
    cells = leaves = 1
    for position, grouping in enumerate(query.group_by):
        place = f"plan.group_by[{position}]"
        declared = contract.fields.get(grouping.field)
        allowed = spec.found_keys if isinstance(grouping, ByFoundKeys) else spec.group_by
        if declared is None or grouping.field not in allowed:
            return Unbound(place, NOT_GROUPED)
        if any(other.field == grouping.field for other in query.group_by[:position]):
            return Unbound(place, GROUPED_TWICE)
        group = _group(grouping, declared, contract, places, MAX_ANSWERS // cells)
        if isinstance(group, str):
            return Unbound(place, group)
        if group.tree and any(other.tree for other in groups):
            return Unbound(place, "is a second tree of regions, and a plan has one")
        groups.append(group)
        if not finds_keys((group,)):
            cells, leaves = cells * len(group.cells), leaves * len(group.keys)
    found = finds_keys(groups)
    if found and any(group.tree for group in groups):
        return Unbound("plan.group_by", "holds a tree of regions, which has no cells that are found: ask for one level")
    if found and all(statistic.kind is not StatisticKind.COUNT_UNITS for statistic in query.statistics):
        return Unbound("plan.statistics", NO_UNITS)
    max_groups = spec.max_groups if found else min(spec.max_groups, leaves)
    measures: list[tuple[Measure, ...]] = []
    for position, statistic in enumerate(query.statistics):
        needed = _measures(statistic, contract, spec)
        if not needed:
            return Unbound(f"plan.statistics[{position}]", NOT_MEASURED)
        if any(group.tree for group in groups) and not _adds_up(statistic, max_groups):
            return Unbound(f"plan.statistics[{position}]", NOT_ADDITIVE)
        if found and statistic.kind is StatisticKind.QUANTILES:
            return Unbound(f"plan.statistics[{position}]", NOT_AMONG_FOUND)
        measures.append(needed)
    if cells * sum(max(1, len(statistic.ranks)) for statistic in query.statistics) > MAX_ANSWERS:
        return Unbound("plan.group_by", TOO_MANY)
    if cells * sum(len(measure.edges) for each in measures for measure in each if measure.width) > MAX_BINS:
        return Unbound("plan.group_by", TOO_FINE)
    return BoundedQuery(tuple(groups), tuple(measures), max_groups, Fraction(spec.delta) if found else Fraction(0))


def _adds_up(statistic: Statistic, max_groups: int) -> bool:
    """Whether what is measured in a region is the total of what is measured in the regions below it."""
    if statistic.kind is StatisticKind.COUNT_UNITS:
        return max_groups == 1
    return statistic.kind is not StatisticKind.QUANTILES


def _group(grouping: Grouping, field: FieldSpec, contract: DataContract, places: Places, most: int) -> GroupKey | str:
    """Return the cells of a grouping, or why there are none; `most` is how many there may be."""
    match grouping:
        case ByKeys():
            return NOT_GROUPED if field.keys is None else GroupKey(field.name, field.keys)
        case ByFoundKeys():
            return GroupKey(field.name, (), AsFound())
        case ByRegion(_, level) | ByRegionTree(_, level):
            if not contract.holds_regions(field):
                return "holds no regions"
            leaves = places(level)
            if not leaves:
                return "names a level that the region asked for does not reach down to"
            tree = _tree(leaves, level, places) if isinstance(grouping, ByRegionTree) else ()
            return GroupKey(field.name, leaves, AtLevel(_LEVELS.index(level) + 1), tree)
        case ByPeriod(_, period, first, last):
            if not field.type.is_dated:
                return "is no date or timestamp"
            if period is Period.HOUR and field.type is FieldType.DATE:
                return "has no hours"
            if last < first:
                return "ends before it begins"
            periods = _periods(period, first, last, most)
            return TOO_MANY if periods is None else GroupKey(field.name, periods, InPeriod(period))
        case ByBins(_, width):
            bounds = field.fixed_bounds
            if bounds is None or not field.type.is_number:
                return "has no bounds to make bins of"
            fixed, span = width * 10**field.decimals, bounds.upper - bounds.lower
            if fixed.denominator != 1 or fixed < 1:
                return "must have bins of a width that is a multiple of the field's smallest step"
            if span >= 2**63:
                return "has bounds that are too far apart to make bins of"
            # one bin is one bin, however wide: the engine reckons with no more than it needs
            fixed = min(fixed, Fraction(max(span, 1)))
            edges = range(bounds.lower, bounds.upper + 1, fixed.numerator)
            if len(edges) > most:
                return TOO_MANY
            return GroupKey(field.name, tuple(edges), InBins(bounds, fixed.numerator))


def _tree(leaves: tuple[str, ...], level: RegionLevel, places: Places) -> tuple[str, ...]:
    """Return the regions that have one of the leaves below them, parents first, and then the leaves."""
    inner = {leaf[:end] for leaf in leaves for end, character in enumerate(leaf) if character == "/"}
    above = (path for one in _LEVELS[: _LEVELS.index(level)] for path in places(one))
    return (*(path for path in above if path in inner), *leaves)


def _periods(period: Period, first: date, last: date, most: int) -> tuple[date | datetime, ...] | None:
    """Return the starts of the periods that hold the days from `first` to `last`; None if there are too many."""
    if period is Period.HOUR:
        hours = ((last - first).days + 1) * 24
        start = datetime.combine(first, time())
        return None if hours > most else tuple(start + timedelta(hours=number) for number in range(hours))
    starts: list[date | datetime] = []
    day = _start(period, first)
    while day <= last:
        if len(starts) == most:
            return None
        starts.append(day)
        try:
            day = _next(period, day)
        except (OverflowError, ValueError):
            break
    return tuple(starts)


def _start(period: Period, day: date) -> date:
    match period:
        case Period.WEEK:
            # the first days of the calendar lie in a week that begins before it
            return day if day.toordinal() <= day.weekday() else day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.YEAR:
            return day.replace(month=1, day=1)
        case _:
            return day


def _next(period: Period, start: date) -> date:
    match period:
        case Period.WEEK:
            return start + timedelta(days=7)
        case Period.MONTH:
            return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        case Period.YEAR:
            return start.replace(year=start.year + 1)
        case _:
            return start + timedelta(days=1)


def _measures(statistic: Statistic, contract: DataContract, spec: StatisticsSpec) -> tuple[Measure, ...]:
    """Return what is measured for a statistic; nothing for one that the disclosure does not declare."""
    rows = spec.max_rows
    if statistic.kind not in OF_A_FIELD:
        kind = MeasureKind.ROWS if statistic.kind is StatisticKind.COUNT else MeasureKind.UNITS
        return () if statistic.field is not None else (Measure(kind, rows),)
    name = statistic.field
    field = contract.fields.get(name or "")
    if name not in spec.values or field is None or field.fixed_bounds is None:
        return ()
    bounds = field.fixed_bounds
    if bounds.lower == bounds.upper and statistic.kind is not StatisticKind.SUM:
        return ()
    present, offsets, squares = (
        Measure(kind, rows, name, bounds) for kind in (MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES)
    )
    match statistic.kind:
        case StatisticKind.SUM:
            return (Measure(MeasureKind.TOTAL, rows, name, bounds),)
        case StatisticKind.MEAN:
            return (present, offsets)
        case StatisticKind.VARIANCE:
            return (present, offsets, squares)
        case _:
            width = -(-(bounds.upper - bounds.lower + 1) // QUANTILE_BINS)
            return (Measure(MeasureKind.BINS, rows, name, bounds, width),)
