"""How much one privacy unit can change the answers: the L1 sensitivity of bounded contributions.

Neighbouring data differ by all the records of one privacy unit. A unit contributes to at most `max_groups` cells;
in each cell it adds at most `max_rows` to a count, 1 to a count of units, and max_rows × max(|lower|, |upper|) to a
sum. (User-level privacy by contribution bounding: Wilson et al. 2020, section 3.)
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from gateway.model.contract import Bounds, DataContract, DisclosureSpec, StatisticsSpec
from gateway.model.plan import BoundedStatistic, GroupKey
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery


@dataclass(frozen=True, slots=True)
class BoundedQuery:
    """A query with its declared keys and bounds, ready for sensitivity and for the engine."""

    group_by: tuple[GroupKey, ...]
    statistics: tuple[BoundedStatistic, ...]
    max_groups: int

    @property
    def cells(self) -> int:
        """The number of cells: every combination of declared keys."""
        return prod(len(group.keys) for group in self.group_by)


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A field of a query that the disclosure does not declare for this use. `place` is where in the plan it stands."""

    place: str


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The most that one unit changes a statistic's vector of cells, in L1, and how that comes about."""

    l1: int
    derivation: str


def bound(query: StatisticsQuery, contract: DataContract, disclosure: DisclosureSpec) -> BoundedQuery | Undeclared:
    """Look up declared keys and bounds for a query; what is not declared is not answered."""
    spec = disclosure.statistics
    if spec is None:
        return Undeclared("plan.disclosure")
    groups: list[GroupKey] = []
    for position, name in enumerate(query.group_by):
        twice = name in query.group_by[:position]
        keys = contract.fields[name].keys if name in spec.group_by and not twice else None
        if keys is None:
            return Undeclared(f"plan.group_by[{position}]")
        groups.append(GroupKey(name, keys))
    statistics: list[BoundedStatistic] = []
    for position, statistic in enumerate(query.statistics):
        bounded = _bound_statistic(statistic, contract, spec)
        if bounded is None:
            return Undeclared(f"plan.statistics[{position}]")
        statistics.append(bounded)
    cells = prod(len(group.keys) for group in groups)
    return BoundedQuery(tuple(groups), tuple(statistics), min(spec.max_groups, cells))


def _bound_statistic(statistic: Statistic, contract: DataContract, spec: StatisticsSpec) -> BoundedStatistic | None:
    match statistic.kind:
        case StatisticKind.COUNT | StatisticKind.COUNT_UNITS if statistic.field is None:
            return BoundedStatistic(statistic, None, spec.max_rows)
        case StatisticKind.SUM if statistic.field in spec.sums:
            bounds = contract.fields[statistic.field].bounds
            return None if bounds is None else BoundedStatistic(statistic, bounds, spec.max_rows)
        case _:
            return None


def sensitivity(statistic: BoundedStatistic, max_groups: int) -> Sensitivity:
    """Return the L1 sensitivity of one bounded statistic over all cells."""
    groups, rows = max_groups, statistic.max_rows
    match statistic.statistic.kind:
        case StatisticKind.COUNT:
            return Sensitivity(groups * rows, f"{groups} cells per unit × {rows} rows per cell")
        case StatisticKind.COUNT_UNITS:
            return Sensitivity(groups, f"{groups} cells per unit × 1")
        case StatisticKind.SUM:
            largest = _largest(statistic.bounds)
            return Sensitivity(
                groups * rows * largest, f"{groups} cells per unit × {rows} rows per cell × {largest} per row"
            )


def _largest(bounds: Bounds | None) -> int:
    if bounds is None:
        raise ValueError("a sum has bounds")
    return max(abs(bounds.lower), abs(bounds.upper))
