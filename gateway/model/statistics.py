"""Questions that are answered with differential privacy, and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from gateway.model.filter import Condition
from gateway.model.loss import PrivacyLoss
from gateway.model.values import Scalar


class StatisticKind(StrEnum):
    """The statistics of the plan language."""

    COUNT = "count"
    COUNT_UNITS = "count_units"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Statistic:
    """One statistic; `field` for a sum alone."""

    kind: StatisticKind
    field: str | None

    def __str__(self) -> str:
        return self.kind.value if self.field is None else f"{self.kind.value}({self.field})"


@dataclass(frozen=True, slots=True)
class StatisticsQuery:
    """Filter, group by declared keys, and compute several statistics at once."""

    filters: tuple[Condition, ...]
    group_by: tuple[str, ...]
    statistics: tuple[Statistic, ...]


@dataclass(frozen=True, slots=True)
class NoisePlan:
    """The noise one statistic will get, settled before anything is charged.

    `sensitivity` is the most that one privacy unit changes the vector of cells, in L1, with `derivation` saying
    how; `scale` is that of the integer Laplace mechanism; `epsilon` is the loss OpenDP states for it, exact.
    """

    statistic: Statistic
    sensitivity: int
    derivation: str
    scale: float
    epsilon: Fraction
    margin_95: float
    bias_note: str

    @property
    def mechanism(self) -> str:
        """The name of the mechanism, for receipts."""
        return "integer Laplace"


@dataclass(frozen=True, slots=True)
class Cell:
    """The noisy answers for one combination of keys, one for each statistic."""

    keys: tuple[Scalar, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A differentially private release as it is stored and delivered, always the same.

    `id` is the SHA-256 (hex) of the canonical plan, its region and the data version.
    """

    id: str
    created_at: datetime
    dataset: str
    disclosure: str
    region: str
    query: StatisticsQuery
    cells: tuple[Cell, ...]
    noise: tuple[NoisePlan, ...]
    loss: PrivacyLoss
    unit_kind: str
    data_version: str
