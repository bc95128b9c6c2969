"""Questions to the data, as release plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from gateway.api.v1 import release_pb2
from gateway.client.values import Condition, to_conditions


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
) -> release_pb2.ReleasePlan:
    """Return a release plan. A name alone groups by the field's declared keys."""
    return release_pb2.ReleasePlan(
        dataset=dataset,
        disclosure=disclosure,
        filters=to_conditions(filters),
        group_by=[
            release_pb2.Grouping(field=one, keys=release_pb2.DeclaredKeys()) if isinstance(one, str) else one
            for one in group_by
        ],
        statistics=statistics,
    )


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
