"""Questions to the data, as release plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.api.v1 import release_pb2, research_service_pb2
from gateway.client.values import Condition, from_conditions, to_conditions
from gateway.client.words import word


def count() -> release_pb2.Statistic:
    """The number of records."""
    return release_pb2.Statistic(count=release_pb2.Count())


def count_units() -> release_pb2.Statistic:
    """The number of distinct privacy units, such as persons."""
    return release_pb2.Statistic(count_units=release_pb2.CountUnits())


def sum_of(field: str) -> release_pb2.Statistic:
    """The sum of a field, each value clamped to its declared bounds."""
    return release_pb2.Statistic(sum=release_pb2.Sum(field=field))


def mean_of(field: str) -> release_pb2.Statistic:
    """The mean of a field, each value clamped to its declared bounds."""
    return release_pb2.Statistic(mean=release_pb2.Mean(field=field))


def variance_of(field: str) -> release_pb2.Statistic:
    """The population variance of a field."""
    return release_pb2.Statistic(variance=release_pb2.Variance(field=field))


def quantiles_of(field: str, *ranks: float) -> release_pb2.Statistic:
    """Quantiles of a field at ranks from 0 to 1; without any, its median. More ranks cost nothing more."""
    return release_pb2.Statistic(quantiles=release_pb2.Quantiles(field=field, ranks=ranks or (0.5,)))


def weighed(statistic: release_pb2.Statistic, weight: int) -> release_pb2.Statistic:
    """The same statistic with another share of the price: twice the weight gives twice the share."""
    other = release_pb2.Statistic()
    other.CopyFrom(statistic)
    other.weight = weight
    return other


def by_level(field: str, level: str) -> release_pb2.Grouping:
    """By the regions of a level: city, district, street or community."""
    number = release_pb2.RegionLevel.Value(f"REGION_LEVEL_{level.upper()}")
    return release_pb2.Grouping(field=field, level=number)


def down_to(field: str, level: str) -> release_pb2.Grouping:
    """By every region from the one asked for down to a level. `Shown(consistent=True)` makes them add up."""
    number = release_pb2.RegionLevel.Value(f"REGION_LEVEL_{level.upper()}")
    return release_pb2.Grouping(field=field, down_to=number)


def by_period(field: str, period: str, first_day: date, last_day: date) -> release_pb2.Grouping:
    """By periods: hour, day, week, month or year, from the one of a first day to the one of a last. A time series."""
    number = release_pb2.Period.Value(f"PERIOD_{period.upper()}")
    periods = release_pb2.Periods(period=number, first_day=first_day.isoformat(), last_day=last_day.isoformat())
    return release_pb2.Grouping(field=field, periods=periods)


def by_found_keys(field: str) -> release_pb2.Grouping:
    """By the keys that are found in the data. The plan asks for `count_units`, whose answers tell which are shown."""
    return release_pb2.Grouping(field=field, found_keys=release_pb2.FoundKeys())


def by_bins(field: str, width: float) -> release_pb2.Grouping:
    """By bins of a number, from its lower bound on: a histogram."""
    return release_pb2.Grouping(field=field, bins=release_pb2.Bins(width=width))


def plan(
    dataset: str,
    disclosure: str,
    statistics: Sequence[release_pb2.Statistic],
    group_by: Sequence[str | release_pb2.Grouping],
    filters: Iterable[Condition],
    join: tuple[str, str] | None = None,
) -> release_pb2.ReleasePlan:
    """Return a release plan. A name alone groups by the field's declared keys.

    `join` is a dataset that shares the privacy unit, and the disclosure under which it is asked for. Its fields are
    written with its name before them: "residents.age_band".
    """
    return release_pb2.ReleasePlan(
        dataset=dataset,
        disclosure=disclosure,
        filters=to_conditions(filters),
        group_by=[
            release_pb2.Grouping(field=one, keys=release_pb2.DeclaredKeys()) if isinstance(one, str) else one
            for one in group_by
        ],
        statistics=statistics,
        join=None if join is None else release_pb2.JoinedDataset(dataset=join[0], disclosure=join[1]),
    )


def within(margin: float, *, values: int = 0) -> research_service_pb2.WantedMargin:
    """A margin that a statistic should have at the most, at 95 %, in its own unit.

    A mean, a variance and quantiles have one only for a cell of so many `values`, spread evenly over the bounds;
    without it, each of their measures has it.
    """
    return research_service_pb2.WantedMargin(margin_95=margin, values=values)


def wanted_margins(
    margins: Iterable[float | research_service_pb2.WantedMargin | None], *, in_rho: bool
) -> research_service_pb2.WantedMargins:
    """Return the margins wanted of the statistics, in order; None where any will do."""
    return research_service_pb2.WantedMargins(
        statistics=[one if isinstance(one, research_service_pb2.WantedMargin) else within(one or 0) for one in margins],
        in_rho=in_rho,
    )


def asked_again(plan: release_pb2.ReleasePlan) -> dict[str, Any]:
    """Return a plan as the arguments of `release`, `estimate` and `rehearse`; filters and join where it has some."""
    arguments: dict[str, Any] = {
        "dataset": plan.dataset,
        "disclosure": plan.disclosure,
        "statistics": list(plan.statistics),
        "group_by": list(plan.group_by),
    }
    if plan.filters:
        arguments["filters"] = from_conditions(plan.filters)
    if plan.HasField("join"):
        arguments["join"] = (plan.join.dataset, plan.join.disclosure)
    return arguments


def in_words(plan: release_pb2.ReleasePlan) -> str:
    """Write a plan in words, without its filters, such as "count, sum(fee) by gate, came_at by month"."""
    statistics = ", ".join(map(_statistic_in_words, plan.statistics))
    groups = ", ".join(map(_grouping_in_words, plan.group_by))
    words = f"{statistics} by {groups}" if groups else statistics
    return f"{words}, joined with {plan.join.dataset}" if plan.HasField("join") else words


def _statistic_in_words(statistic: release_pb2.Statistic) -> str:
    kind = statistic.WhichOneof("kind") or ""
    field = getattr(getattr(statistic, kind), "field", "") if kind else ""
    words = f"{kind}({field})" if field else kind
    return f"{words} at weight {statistic.weight}" if statistic.weight > 1 else words


def _grouping_in_words(grouping: release_pb2.Grouping) -> str:
    match grouping.WhichOneof("by"):
        case "level":
            return f"{grouping.field} by {word(release_pb2.RegionLevel.DESCRIPTOR, grouping.level)}"
        case "down_to":
            return f"{grouping.field} down to {word(release_pb2.RegionLevel.DESCRIPTOR, grouping.down_to)}"
        case "periods":
            periods = grouping.periods
            period = word(release_pb2.Period.DESCRIPTOR, periods.period)
            return f"{grouping.field} by {period} from {periods.first_day} to {periods.last_day}"
        case "bins":
            return f"{grouping.field} by bins of {grouping.bins.width:g}"
        case _:
            return grouping.field


@dataclass(frozen=True, slots=True)
class Shown:
    """How answers are shown. Free, and any of it can be had again: see the certificate for what was done.

    `non_negative` raises negative counts and sums to 0, `round_to` rounds them, `top` gives only so many cells, those
    whose first statistic is largest, and `consistent` makes counts and sums over a tree of regions add up.
    """

    non_negative: bool = False
    round_to: int = 1
    top: int = 0
    consistent: bool = False

    def to_message(self) -> release_pb2.Presentation:
        """Return it as it travels."""
        return release_pb2.Presentation(
            non_negative=self.non_negative, round_to=self.round_to, top=self.top, consistent=self.consistent
        )


AS_MEASURED = Shown()
