"""Release plans, prices and presentations, between proto and model."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import date
from fractions import Fraction

from gateway.api.v1 import nearest_request_pb2, release_pb2, research_service_pb2
from gateway.model.errors import ErrorReason
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.margins import Wanted
from gateway.model.measure import Currency, Price
from gateway.model.permit import NearestPlan
from gateway.model.region import RegionLevel
from gateway.model.statistics import JoinedDataset, Presentation, Statistic, StatisticKind, StatisticsQuery
from gateway.server.problem import NotWellFormed
from gateway.server.wire.values import condition_of, conditions

_WIDTH_DECIMALS, _RANK_DECIMALS = 6, 4

_LEVELS: dict[release_pb2.RegionLevel.ValueType, RegionLevel] = {
    release_pb2.REGION_LEVEL_CITY: RegionLevel.CITY,
    release_pb2.REGION_LEVEL_DISTRICT: RegionLevel.DISTRICT,
    release_pb2.REGION_LEVEL_STREET: RegionLevel.STREET,
    release_pb2.REGION_LEVEL_COMMUNITY: RegionLevel.COMMUNITY,
}
_PERIODS: dict[release_pb2.Period.ValueType, Period] = {
    release_pb2.PERIOD_HOUR: Period.HOUR,
    release_pb2.PERIOD_DAY: Period.DAY,
    release_pb2.PERIOD_WEEK: Period.WEEK,
    release_pb2.PERIOD_MONTH: Period.MONTH,
    release_pb2.PERIOD_YEAR: Period.YEAR,
}
LEVELS_OF = {level: number for number, level in _LEVELS.items()}
_PERIODS_OF = {period: number for number, period in _PERIODS.items()}


def query_of(plan: release_pb2.ReleasePlan) -> StatisticsQuery:
    """Read the question of a plan.

    Raises:
        NotWellFormed: REQUEST_INVALID for a value that is none of its kind.
    """
    return StatisticsQuery(
        filters=conditions(plan.filters, "plan.filters"),
        group_by=tuple(_grouping(item, f"plan.group_by[{at}]") for at, item in enumerate(plan.group_by)),
        statistics=tuple(_statistic(item, f"plan.statistics[{at}]") for at, item in enumerate(plan.statistics)),
        join=JoinedDataset(plan.join.dataset, plan.join.disclosure) if plan.HasField("join") else None,
    )


def _grouping(item: release_pb2.Grouping, path: str) -> Grouping:
    match item.WhichOneof("by"):
        case "level":
            return ByRegion(item.field, _LEVELS[item.level])
        case "down_to":
            return ByRegionTree(item.field, _LEVELS[item.down_to])
        case "periods":
            first = _day(item.periods.first_day, f"{path}.periods.first_day")
            last = _day(item.periods.last_day, f"{path}.periods.last_day")
            return ByPeriod(item.field, _PERIODS[item.periods.period], first, last)
        case "bins":
            width = _decimal(item.bins.width, _WIDTH_DECIMALS)
            if width is None or width <= 0:
                raise _invalid(f"{path}.bins.width", "must be above zero, with at most six decimals")
            return ByBins(item.field, width)
        case "found_keys":
            return ByFoundKeys(item.field)
        case _:
            return ByKeys(item.field)


def _day(written: str, path: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise _invalid(path, "must be a day of the calendar, as 2026-11-22") from None


def _statistic(item: release_pb2.Statistic, path: str) -> Statistic:
    weight = item.weight or 1
    match item.WhichOneof("kind"):
        case "count":
            return Statistic(StatisticKind.COUNT, None, (), weight)
        case "count_units":
            return Statistic(StatisticKind.COUNT_UNITS, None, (), weight)
        case "mean":
            return Statistic(StatisticKind.MEAN, item.mean.field, (), weight)
        case "variance":
            return Statistic(StatisticKind.VARIANCE, item.variance.field, (), weight)
        case "quantiles":
            ranks = [_decimal(rank, _RANK_DECIMALS) for rank in item.quantiles.ranks]
            exact = tuple(rank for rank in ranks if rank is not None and 0 <= rank <= 1)
            if len(exact) < len(ranks):
                raise _invalid(f"{path}.quantiles.ranks", "must lie between 0 and 1, with at most four decimals")
            return Statistic(StatisticKind.QUANTILES, item.quantiles.field, exact, weight)
        case _:
            return Statistic(StatisticKind.SUM, item.sum.field, (), weight)


def plan_of(dataset: str, disclosure: str, query: StatisticsQuery) -> release_pb2.ReleasePlan:
    """Write a plan as proto."""
    return release_pb2.ReleasePlan(
        dataset=dataset,
        disclosure=disclosure,
        filters=[condition_of(item) for item in query.filters],
        group_by=[_grouping_of(item) for item in query.group_by],
        statistics=[_statistic_of(item) for item in query.statistics],
        join=None
        if query.join is None
        else release_pb2.JoinedDataset(dataset=query.join.dataset, disclosure=query.join.disclosure),
    )


def nearest_plan_of(nearest: NearestPlan) -> nearest_request_pb2.NearestPlan:
    """Write the nearest plan as proto, without its conditions: no value that a caller filters by is in a refusal."""
    bare = replace(nearest.query, filters=())
    message = nearest_request_pb2.NearestPlan(plan=plan_of(nearest.dataset, nearest.disclosure, bare))
    setattr(message, nearest.price.currency.value, float(nearest.price.amount))
    return message


def _grouping_of(item: Grouping) -> release_pb2.Grouping:
    match item:
        case ByKeys(field):
            return release_pb2.Grouping(field=field, keys=release_pb2.DeclaredKeys())
        case ByFoundKeys(field):
            return release_pb2.Grouping(field=field, found_keys=release_pb2.FoundKeys())
        case ByRegion(field, level):
            return release_pb2.Grouping(field=field, level=LEVELS_OF[level])
        case ByRegionTree(field, level):
            return release_pb2.Grouping(field=field, down_to=LEVELS_OF[level])
        case ByPeriod(field, period, first, last):
            periods = release_pb2.Periods(
                period=_PERIODS_OF[period], first_day=first.isoformat(), last_day=last.isoformat()
            )
            return release_pb2.Grouping(field=field, periods=periods)
        case ByBins(field, width):
            return release_pb2.Grouping(field=field, bins=release_pb2.Bins(width=float(width)))


def _statistic_of(item: Statistic) -> release_pb2.Statistic:
    field, weight = item.field or "", item.weight
    match item.kind:
        case StatisticKind.COUNT:
            return release_pb2.Statistic(count=release_pb2.Count(), weight=weight)
        case StatisticKind.COUNT_UNITS:
            return release_pb2.Statistic(count_units=release_pb2.CountUnits(), weight=weight)
        case StatisticKind.SUM:
            return release_pb2.Statistic(sum=release_pb2.Sum(field=field), weight=weight)
        case StatisticKind.MEAN:
            return release_pb2.Statistic(mean=release_pb2.Mean(field=field), weight=weight)
        case StatisticKind.VARIANCE:
            return release_pb2.Statistic(variance=release_pb2.Variance(field=field), weight=weight)
        case StatisticKind.QUANTILES:
            ranks = [float(rank) for rank in item.ranks]
            return release_pb2.Statistic(quantiles=release_pb2.Quantiles(field=field, ranks=ranks), weight=weight)


def presentation_of(item: release_pb2.Presentation) -> Presentation:
    """Read how answers are to be shown."""
    return Presentation(item.non_negative, item.round_to or 1, item.top or None, item.consistent)


def presentation_message_of(presentation: Presentation) -> release_pb2.Presentation:
    """Write how answers are shown as proto."""
    return release_pb2.Presentation(
        non_negative=presentation.non_negative,
        round_to=presentation.round_to,
        top=presentation.top or 0,
        consistent=presentation.consistent,
    )


def exact_price(currency: Currency, amount: float) -> Price:
    """Return the decimal that a caller wrote, exactly: 0.1 is 1/10, not the double nearest to it.

    What is no number stands as 0, and what is infinite as the largest double there is: no disclosure takes either, and
    a refusal can name a price that it takes.
    """
    if math.isnan(amount):
        return Price(currency, Fraction(0))
    return Price(currency, Fraction(repr(max(-sys.float_info.max, min(amount, sys.float_info.max)))))


_WIDEST = 2.0**53


def exact_margin(margin: float, path: str) -> float:
    """Return the margin of error asked for; wider ones than noise may be are all alike.

    Raises:
        NotWellFormed: REQUEST_INVALID for what is not finite or not above zero.
    """
    if math.isfinite(margin) and margin > 0:
        return min(margin, _WIDEST)
    raise _invalid(path, "must be a finite number above zero")


def wanted_margins(item: research_service_pb2.WantedMargins, statistics: int) -> tuple[Wanted | None, ...]:
    """Read the margins wanted of so many statistics.

    Raises:
        NotWellFormed: REQUEST_INVALID unless there is one for each, none below zero and one above it.
    """
    if len(item.statistics) != statistics:
        raise _invalid("margins.statistics", "must have one margin for each statistic")
    found: list[Wanted | None] = []
    for at, one in enumerate(item.statistics):
        if one.margin_95 == 0:
            found.append(None)
        else:
            found.append(Wanted(exact_margin(one.margin_95, f"margins.statistics[{at}].margin_95"), one.values))
    if not any(found):
        raise _invalid("margins.statistics", "must have one margin above zero")
    return tuple(found)


def _decimal(number: float, places: int) -> Fraction | None:
    """The shortest decimal that names a double, if it has no more places."""
    if not math.isfinite(number):
        return None
    exact = Fraction(repr(number))
    return exact if (exact * 10**places).denominator == 1 else None


def _invalid(path: str, rule: str) -> NotWellFormed:
    return NotWellFormed(ErrorReason.REQUEST_INVALID, path, rule)
