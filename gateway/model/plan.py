"""Typed questions to a source. An engine renders them; nobody writes SQL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import prod

from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition
from gateway.model.grouping import Period
from gateway.model.joining import joined_contract
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, NoisePlan, Threshold
from gateway.model.values import FieldType, Scalar


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which rows may be read at all: the region subtree (None: the whole dataset), consent, and conditions."""

    region: str | None
    consent_field: str | None
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One of some parts of the rows: every row is in exactly one, the same at every reading of one data version.

    What a source cannot divide is in the first part as a whole, and the others are empty.
    """

    number: int
    of: int


WHOLE = Part(0, 1)
"""All rows as one part."""


@dataclass(frozen=True, slots=True)
class RowPlan:
    """Read `columns` (in that order) of the rows in scope, at most `limit`.

    `version` is the data version that is read and no other; None: the data as it stands. Of subjects that a caller
    names, `few` rows are expected. Of the rows, only a `part` is read.
    """

    contract: DataContract
    columns: tuple[str, ...]
    scope: RowScope
    limit: int | None
    version: str | None = None
    few: bool = False
    part: Part = WHOLE


@dataclass(frozen=True, slots=True)
class AsIs:
    """The key is the field's own value."""


@dataclass(frozen=True, slots=True)
class AsFound:
    """The key is the field's own value, and no list says which there are. Texts longer than `LONGEST_KEY` are none."""


LONGEST_KEY = 256
"""The characters of the longest text that is a key of its own."""

FOUND_TYPES = frozenset((FieldType.STRING, FieldType.INT64, FieldType.DATE))
"""The types whose values are found as keys."""


@dataclass(frozen=True, slots=True)
class AtLevel:
    """The key is the first `depth` segments of a region path."""

    depth: int


@dataclass(frozen=True, slots=True)
class InPeriod:
    """The key is the first day (of an hour, the first instant) of the period that holds a date or timestamp."""

    period: Period


@dataclass(frozen=True, slots=True)
class InBins:
    """The key is the lower end of the bin that holds a number of the field's fixed point, clamped to the bounds."""

    bounds: Bounds
    width: int


@dataclass(frozen=True, slots=True)
class InBuckets:
    """The key is the number of the bucket that a hash puts a text or integer into, from 0 to before `buckets`."""

    buckets: int


Derivation = AsIs | AsFound | AtLevel | InPeriod | InBins | InBuckets


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A field with the keys of its cells, and how a row's key comes about.

    Rows with other keys, or NULL, are outside the question. The keys of bins are integers of the field's fixed point.
    Where `tree` is given, the keys are the leaves of a tree of regions, and the cells are all its regions, parents
    first: those above a leaf hold the totals of what is below them. Of keys that are yet to be found, there are none
    here.
    """

    field: str
    keys: tuple[Scalar, ...]
    by: Derivation = AsIs()
    tree: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[Scalar, ...]:
        """The keys of the cells."""
        return self.tree or self.keys

    @property
    def levels(self) -> int:
        """How many cells of this grouping a row counts in."""
        return len({path.count("/") for path in self.tree}) or 1

    @property
    def parents(self) -> tuple[int, ...]:
        """For each cell of the tree the place of the region above it; -1 for the one asked for."""
        places = {path: place for place, path in enumerate(self.tree)}
        return tuple(places.get(path.rpartition("/")[0], -1) for path in self.tree)


@dataclass(frozen=True, slots=True)
class BoundedQuery:
    """A query with its keys and bounds, ready for sensitivity and for the engine.

    A unit contributes to at most `max_groups` combinations of keys. `measures` are those of each statistic, in order.
    At most one grouping has a tree. `delta` is what may be lost by showing keys that are found; 0 where all are known.
    """

    group_by: tuple[GroupKey, ...]
    measures: tuple[tuple[Measure, ...], ...]
    max_groups: int
    delta: Fraction = Fraction(0)

    @property
    def found(self) -> bool:
        """Whether keys are yet to be found."""
        return finds_keys(self.group_by)

    @property
    def cells(self) -> int:
        """The number of cells: every combination of the groupings' cells; 0 where keys are yet to be found."""
        return prod(len(group.cells) for group in self.group_by)

    @property
    def levels(self) -> int:
        """In how many cells a row counts: one, or one on each level of a tree."""
        return prod(group.levels for group in self.group_by)


def finds_keys(group_by: Iterable[GroupKey]) -> bool:
    """Whether one of the groupings has keys that are yet to be found."""
    return any(isinstance(group.by, AsFound) for group in group_by)


@dataclass(frozen=True, slots=True)
class SettledRelease:
    """A release as it will be made: its cells and bounds, the noise of every measure, and what all of it loses.

    Of cells with found keys, those are shown that reach the `threshold`.
    """

    query: BoundedQuery
    noise: tuple[NoisePlan, ...]
    loss: PrivacyLoss
    threshold: Threshold | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """The rows in scope of the dataset whose rows are joined with a plan's own, wherever their privacy unit is one.

    Of a unit, at most `rows` of them take part, and at most `own_rows` of the plan's own: drawn by a hash that is keyed
    with the plan's salt, of `columns`. These are all fields that the whole question is about, so that each of its
    plans draws the same rows. `version` is as in the plan.
    """

    contract: DataContract
    scope: RowScope
    rows: int
    own_rows: int
    columns: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """Bounded exact aggregates per cell. A unit contributes to at most `max_groups` cells.

    Which cells of a unit count is drawn by a hash keyed with `salt` (hex), with the cell's keys as tie-breaker; so is,
    of a histogram, which of its bins count first. A measure of bins is measured by itself. Where rows are `joined`, it
    is the joined rows that are in cells and are measured. `version` is the data version that is read and no other;
    None: the data as it stands.
    """

    contract: DataContract
    scope: RowScope
    group_by: tuple[GroupKey, ...]
    measures: tuple[Measure, ...]
    max_groups: int
    salt: str
    joined: Joining | None = None
    version: str | None = None

    @property
    def fields(self) -> DataContract:
        """The contract that declares every field of the plan: with a join, those of both datasets."""
        return self.contract if self.joined is None else joined_contract(self.contract, self.joined.contract)


@dataclass(frozen=True, slots=True)
class DailyPlan:
    """Bounded exact aggregates per day and cell, of the days from `first` to before `after`.

    A row counts on the day of its `advances_by`. A unit counts on the first `days_per_unit` days, from `begin` on, on
    which it has rows in any cell; on each of them in at most `max_groups` cells, drawn by a hash keyed with `salt`.
    `version` is the data version that is read and no other; None: the data as it stands.
    """

    contract: DataContract
    scope: RowScope
    advances_by: str
    begin: date
    first: date
    after: date
    days_per_unit: int
    group_by: tuple[GroupKey, ...]
    measures: tuple[Measure, ...]
    max_groups: int
    salt: str
    version: str | None = None
