"""The nearest plan that would be answered: what is not declared is put right where there is a way, or left out.

It is made of the question, and of what the disclosure declares to everybody who may ask it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil

from gateway.decision.price import held
from gateway.decision.variants import coarser
from gateway.model.contract import DataContract, DisclosureSpec, FieldSpec
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.measure import Currency, Price, dearest
from gateway.model.permit import NearestPlan
from gateway.model.plan import BoundedQuery
from gateway.model.region import RegionLevel
from gateway.model.statistics import OF_A_FIELD, Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import FieldType
from gateway.privacy.binding import NO_UNITS, Places, Unbound, bind
from gateway.privacy.pricing import settle

_LEVELS = tuple(RegionLevel)
_PLACE = re.compile(r"plan\.(?P<part>group_by|statistics)\[(?P<place>[0-9]+)\]")
_STEPS = 64
_MOST_STATISTICS = 16
_UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
_MADE_COARSER = 16
"""A grouping that makes too many cells is left out where it still does after so many doublings."""


def mended(
    query: StatisticsQuery, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> tuple[StatisticsQuery, BoundedQuery] | None:
    """Return the nearest question that the disclosure answers, with its cells and bounds; None if it answers none.

    One thing is mended at a time: another way to group by the field, coarser cells, or else without the grouping; a
    level in place of a tree that a statistic does not add up over; a statistic that is not declared is left out, and
    where it was the only one, rows are counted.
    """
    if disclosure.statistics is None:
        return None
    asked = query if query.statistics else replace(query, statistics=(Statistic(StatisticKind.COUNT, None),))
    for _ in range(_STEPS):
        found = bind(asked, contract, disclosure, places)
        if isinstance(found, BoundedQuery):
            return asked, found
        asked = _mended_once(asked, found, contract, disclosure, places)
    return None


def answerable(
    query: StatisticsQuery, price: Price, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> NearestPlan | None:
    """Return the nearest plan to a question and a price that would be answered, or None."""
    found = mended(query, contract, disclosure, places)
    if found is None:
        return None
    asked, bound = found
    most = dearest(disclosure)
    for amount in (held(price, most), held(_largest(price.currency), most)):
        if settle(bound, asked.statistics, amount, contract) is not None:
            return NearestPlan(contract.dataset, disclosure.name, asked, amount)
    return None


def _largest(currency: Currency) -> Price:
    return Price(currency, Fraction(sys.maxsize))


def _mended_once(
    query: StatisticsQuery, unbound: Unbound, contract: DataContract, disclosure: DisclosureSpec, places: Places
) -> StatisticsQuery:
    if unbound.rule == NO_UNITS:
        return replace(query, statistics=(*query.statistics[: _MOST_STATISTICS - 1], _UNITS))
    named = _PLACE.fullmatch(unbound.place)
    if named is None:
        return _fewer_cells(query)
    place = int(named["place"])
    if named["part"] == "statistics":
        return _without_statistic(query, place, disclosure)
    rest = query.group_by[:place], query.group_by[place + 1 :]
    alone = replace(query, statistics=(Statistic(StatisticKind.COUNT, None),))
    for other in _instead(query.group_by[place], contract, disclosure):
        groups = (*rest[0], other)
        if isinstance(bind(replace(alone, group_by=groups), contract, disclosure, places), BoundedQuery):
            return replace(query, group_by=(*groups, *rest[1]))
    return replace(query, group_by=rest[0] + rest[1])


def _without_statistic(query: StatisticsQuery, place: int, disclosure: DisclosureSpec) -> StatisticsQuery:
    statistic, spec = query.statistics[place], disclosure.statistics
    trees = [at for at, grouping in enumerate(query.group_by) if isinstance(grouping, ByRegionTree)]
    declared = spec is not None and (statistic.kind not in OF_A_FIELD or statistic.field in spec.values)
    if trees and declared:
        groups = list(query.group_by)
        tree = groups[trees[0]]
        if isinstance(tree, ByRegionTree):
            groups[trees[0]] = ByRegion(tree.field, tree.level)
        return replace(query, group_by=tuple(groups))
    fewer = query.statistics[:place] + query.statistics[place + 1 :]
    return replace(query, statistics=fewer or (Statistic(StatisticKind.COUNT, None),))


def _fewer_cells(query: StatisticsQuery) -> StatisticsQuery:
    """Coarser cells of the last grouping that has any, or one grouping less; at last, fewer statistics.

    Beside found keys, a tree becomes its lowest level.
    """
    if any(isinstance(grouping, ByFoundKeys) for grouping in query.group_by):
        flat = tuple(ByRegion(one.field, one.level) if isinstance(one, ByRegionTree) else one for one in query.group_by)
        if flat != query.group_by:
            return replace(query, group_by=flat)
    for place in reversed(range(len(query.group_by))):
        grouping = query.group_by[place]
        if isinstance(grouping, ByPeriod | ByBins | ByRegion | ByRegionTree):
            step = next((one for one in coarser(grouping) if type(one) is type(grouping)), None)
            if step is not None and not isinstance(step, ByBins):
                return replace(query, group_by=(*query.group_by[:place], step, *query.group_by[place + 1 :]))
    if query.group_by:
        return replace(query, group_by=query.group_by[:-1])
    return replace(query, statistics=query.statistics[:1])


def _instead(grouping: Grouping, contract: DataContract, disclosure: DisclosureSpec) -> Iterator[Grouping]:
    """Yield other ways to group by a field, the nearest first; none for a field that nothing is grouped by."""
    field, spec = contract.fields.get(grouping.field), disclosure.statistics
    if field is None or spec is None or field.name not in spec.group_by:
        return
    match grouping:
        case ByRegion(name, level):
            yield from (ByRegion(name, other) for other in _by_distance(level))
        case ByRegionTree(name, level):
            yield from (ByRegionTree(name, other) for other in _by_distance(level))
            yield ByRegion(name, level)
        case ByPeriod():
            yield from _other_periods(grouping)
        case ByBins():
            yield from _other_bins(grouping, field)
        case ByKeys() | ByFoundKeys():
            pass
    if field.keys is not None:
        yield ByKeys(field.name)
    if contract.holds_regions(field):
        yield from (ByRegion(field.name, level) for level in _LEVELS)


def _by_distance(level: RegionLevel) -> list[RegionLevel]:
    at = _LEVELS.index(level)
    return sorted((one for one in _LEVELS if one is not level), key=lambda one: abs(_LEVELS.index(one) - at))


def _other_periods(grouping: ByPeriod) -> Iterator[Grouping]:
    ordered = grouping
    if grouping.last < grouping.first:
        ordered = replace(grouping, first=grouping.last, last=grouping.first)
        yield ordered
    periods = tuple(Period)
    for period in periods[periods.index(grouping.period) + 1 :]:
        yield replace(ordered, period=period)


def _other_bins(grouping: ByBins, field: FieldSpec) -> Iterator[Grouping]:
    bounds = field.fixed_bounds
    if bounds is None or field.type not in (FieldType.INT64, FieldType.DOUBLE):
        return
    unit = 10**field.decimals
    steps = max(1, ceil(grouping.width * unit))
    for _ in range(_MADE_COARSER):
        yield ByBins(field.name, Fraction(steps, unit))
        steps *= 2
