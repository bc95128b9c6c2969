"""Other questions that are near to one: coarser, shorter, or so fine that the answers are sums of theirs."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.model.alternative import Change
from gateway.model.contract import DataContract, StatisticsSpec
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.region import RegionLevel
from gateway.model.statistics import StatisticKind, StatisticsQuery

_LEVELS = tuple(RegionLevel)
_COARSER = {
    Period.HOUR: Period.DAY,
    Period.DAY: Period.WEEK,
    Period.WEEK: Period.MONTH,
    Period.MONTH: Period.YEAR,
}
_WITHIN = {Period.YEAR: Period.MONTH, Period.MONTH: Period.DAY, Period.WEEK: Period.DAY, Period.DAY: Period.HOUR}
_SUMMED = frozenset((StatisticKind.COUNT, StatisticKind.SUM))
"""What may be added up over cells: a unit that is in two of them is two in a count of units."""


@dataclass(frozen=True, slots=True)
class Variant:
    """Another question. `kept` are the places that its statistics have in the first one; `lost` says what is not told.

    `cells_alike` tells that a cell of it holds as much as before, so that margins mean the same.
    """

    change: Change
    query: StatisticsQuery
    kept: tuple[int, ...]
    lost: str
    cells_alike: bool = True


def cheaper_variants(query: StatisticsQuery) -> Iterator[Variant]:
    """Yield the questions that ask for one thing less: a statistic, a grouping, or the finest cells of one."""
    every = tuple(range(len(query.statistics)))
    for place, grouping in enumerate(query.group_by):
        rest = query.group_by[:place], query.group_by[place + 1 :]
        for coarse in coarser(grouping):
            changed = replace(query, group_by=(*rest[0], coarse, *rest[1]))
            alike = isinstance(grouping, ByRegionTree)
            yield Variant(Change.LEVELS if alike else Change.COARSER, changed, every, f"{grouping}: {coarse}", alike)
        yield Variant(
            Change.GROUPING,
            replace(query, group_by=rest[0] + rest[1]),
            every,
            f"the cells by {grouping}",
            # the total of all is in a tree as it is
            isinstance(grouping, ByRegionTree),
        )
    if len(every) > 1:
        for place in every:
            kept = every[:place] + every[place + 1 :]
            fewer = tuple(query.statistics[at] for at in kept)
            yield Variant(Change.STATISTIC, replace(query, statistics=fewer), kept, str(query.statistics[place]))


def coarser(grouping: Grouping) -> Iterator[Grouping]:
    """Yield the next coarser ways to group by the same field, the finest first."""
    match grouping:
        case ByRegion(field, level):
            if level is not _LEVELS[0]:
                yield ByRegion(field, _above(level))
        case ByRegionTree(field, level):
            yield ByRegion(field, level)
            if level is not _LEVELS[0]:
                yield ByRegionTree(field, _above(level))
        case ByPeriod(_, period):
            if period in _COARSER:
                yield replace(grouping, period=_COARSER[period])
        case ByBins(field, width):
            yield ByBins(field, width * 2)
        case ByKeys() | ByFoundKeys():
            return


def containing(query: StatisticsQuery, spec: StatisticsSpec, contract: DataContract) -> Iterator[StatisticsQuery]:
    """Yield questions whose answers hold those of this one: as they are, or as sums of cells."""
    for place, grouping in enumerate(query.group_by):
        if isinstance(grouping, ByRegion) and StatisticKind.QUANTILES not in {one.kind for one in query.statistics}:
            yield _with(query, place, ByRegionTree(grouping.field, grouping.level))
    if not all(statistic.kind in _SUMMED for statistic in query.statistics):
        return
    if any(isinstance(grouping, ByFoundKeys) for grouping in query.group_by):
        # of finer cells others are shown
        return
    for place, grouping in enumerate(query.group_by):
        match grouping:
            case ByRegion(field, level) if level is not _LEVELS[-1]:
                yield _with(query, place, ByRegion(field, _LEVELS[_LEVELS.index(level) + 1]))
            case ByPeriod(_, period) if period in _WITHIN:
                whole = _whole(grouping)
                if whole is not None:
                    yield _with(query, place, ByPeriod(grouping.field, _WITHIN[period], *whole))
            case _:
                pass
    grouped = {grouping.field for grouping in query.group_by}
    for name in spec.group_by:
        if name not in grouped and contract.fields[name].keys is not None:
            yield replace(query, group_by=(*query.group_by, ByKeys(name)))


def _with(query: StatisticsQuery, place: int, grouping: Grouping) -> StatisticsQuery:
    return replace(query, group_by=(*query.group_by[:place], grouping, *query.group_by[place + 1 :]))


def _whole(grouping: ByPeriod) -> tuple[date, date] | None:
    """Return the first and the last day of the periods, which are whole; None where they leave the calendar."""
    try:
        return _ends(grouping)
    except OverflowError:
        return None


def _ends(grouping: ByPeriod) -> tuple[date, date]:
    first, last = grouping.first, grouping.last
    match grouping.period:
        case Period.WEEK:
            return first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday())
        case Period.MONTH:
            return first.replace(day=1), last.replace(day=monthrange(last.year, last.month)[1])
        case Period.YEAR:
            return first.replace(month=1, day=1), last.replace(month=12, day=31)
        case _:
            return first, last


def _above(level: RegionLevel) -> RegionLevel:
    return _LEVELS[_LEVELS.index(level) - 1]
