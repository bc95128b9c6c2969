"""Typed questions to a source. An engine renders them; nobody writes SQL."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition
from gateway.model.statistics import Statistic
from gateway.model.values import Scalar


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which rows may be read at all: the region subtree (None: the whole dataset), consent, and conditions."""

    region: str | None
    consent_field: str | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Read `columns` (in that order) of the rows in scope, at most `limit`."""

    contract: DataContract
    columns: tuple[str, ...]
    scope: RowScope
    limit: int | None


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A grouping field with its declared keys. Rows with other keys, or NULL, are outside the question."""

    field: str
    keys: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class BoundedStatistic:
    """A statistic with the bounds that each privacy unit's contribution is clamped to.

    count: at most `max_rows` for a unit and cell. count_units: 1. sum: each value clamped to `bounds`, NULL
    counting as nothing, and the unit's total in a cell clamped to max_rows times the bounds.
    """

    statistic: Statistic
    bounds: Bounds | None
    max_rows: int


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """Bounded exact aggregates per cell. A unit contributes to at most `max_groups` cells.

    Which cells of a unit count is drawn by a hash keyed with `salt` (hex), with the cell's keys as tie-breaker.
    """

    contract: DataContract
    scope: RowScope
    group_by: tuple[GroupKey, ...]
    statistics: tuple[BoundedStatistic, ...]
    max_groups: int
    salt: str
