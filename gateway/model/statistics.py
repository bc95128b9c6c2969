"""Questions that are answered with differential privacy, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from gateway.model.attribution import Attribution
from gateway.model.coverage import Coverage
from gateway.model.filter import Condition
from gateway.model.grouping import Grouping
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import NoisePlan, Threshold
from gateway.model.signing import Certificate
from gateway.model.values import Scalar


class StatisticKind(StrEnum):
    """The statistics of the plan language."""

    COUNT = "count"
    COUNT_UNITS = "count_units"
    SUM = "sum"
    MEAN = "mean"
    VARIANCE = "variance"
    QUANTILES = "quantiles"


OF_A_FIELD = frozenset((StatisticKind.SUM, StatisticKind.MEAN, StatisticKind.VARIANCE, StatisticKind.QUANTILES))
"""The kinds that are about the numbers of a field; the others count."""


ADDITIVE = frozenset((StatisticKind.COUNT, StatisticKind.COUNT_UNITS, StatisticKind.SUM))
"""The kinds whose answers are measures as they are: these alone are rounded, raised to zero and ranked."""

WRITTEN_STATISTIC = r"count|count_units|(" + "|".join(sorted(OF_A_FIELD)) + r")\([A-Za-z_][A-Za-z0-9_]*\)"
"""A regular expression of statistics as they are written."""


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic: of a `field`, or a count.

    `ranks` are those of quantiles, from 0 to 1. `weight` is its share of the loss of the release, relative to the
    weights of the others.
    """

    kind: StatisticKind
    field: str | None
    ranks: tuple[Fraction, ...] = ()
    weight: int = 1

    def __str__(self) -> str:
        return self.kind.value if self.field is None else f"{self.kind.value}({self.field})"


@dataclass(frozen=True, slots=True)
class JoinedDataset:
    """The dataset, under one of its disclosures, whose rows are joined with the first one's by their privacy unit."""

    dataset: str
    disclosure: str

    def __str__(self) -> str:
        return f"{self.dataset}/{self.disclosure}"


@dataclass(frozen=True, slots=True)
class StatisticsQuery:
    """Filter, group, and compute several statistics at once; where there is a `join`, over the joined rows.

    Fields of the joined dataset are written with its name before them: see `model.joining`.
    """

    filters: tuple[Condition, ...]
    group_by: tuple[Grouping, ...]
    statistics: tuple[Statistic, ...]
    join: JoinedDataset | None = None


@dataclass(frozen=True, slots=True)
class Presentation:
    """What is done to noised answers before they are shown. It costs nothing, and each step is named with the answer.

    `non_negative` raises negative counts and sums to 0, which biases them; `round_to` rounds to multiples of it; `top`
    gives the so many cells whose first statistic, a count or a sum, is largest; `consistent` makes counts and sums over
    a tree of regions add up. Noised answers stay as they are stored: any presentation of a release can be had again.
    """

    non_negative: bool = False
    round_to: int = 1
    top: int | None = None
    consistent: bool = False


PLAIN = Presentation()


@dataclass(frozen=True, slots=True)
class NoisedMeasure:
    """The noised values of one measure, in the order of the cells; of a histogram, the bins of each cell in order."""

    plan: NoisePlan
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A differentially private release as it is stored, always the same: what was measured, with its noise.

    `id` is the SHA-256 (hex) of the canonical plan, its region and the data version. `cells` are the keys of the
    groupings, in order; where keys were found in the data, of the cells that reached the `threshold`. `certificate` is
    signed once, before it is stored; None for what was stored without. `attribution` is what the contract said
    then, and `joined_attribution` that of a joined dataset; `coverage`, what is not shown or counted, and why.
    """

    id: str
    created_at: datetime
    dataset: str
    disclosure: str
    region: str
    query: StatisticsQuery
    cells: tuple[tuple[Scalar, ...], ...]
    measures: tuple[NoisedMeasure, ...]
    loss: PrivacyLoss
    unit_kind: str
    data_version: str
    threshold: Threshold | None = None
    certificate: Certificate | None = None
    attribution: Attribution | None = None
    coverage: tuple[Coverage, ...] = ()
    joined_attribution: Attribution | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to one statistic in every cell, with the interval in which the truth lies with probability 0.95.

    `name` is the statistic's, and the rank's of a quantile. The truth is that of bounded contributions: what bounds
    take away is not in the interval. `steps` are what was done to the noised values, in words; none for what is
    unbiased and as measured.
    """

    name: str
    statistic: int
    values: tuple[int | float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    steps: tuple[str, ...] = ()
