"""Questions to the data, as release plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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


def plan(
    dataset: str,
    disclosure: str,
    statistics: Sequence[release_pb2.Statistic],
    group_by: Sequence[str],
    filters: Iterable[Condition],
) -> release_pb2.ReleasePlan:
    """Return a release plan."""
    return release_pb2.ReleasePlan(
        dataset=dataset,
        disclosure=disclosure,
        filters=to_conditions(filters),
        group_by=group_by,
        statistics=statistics,
    )
