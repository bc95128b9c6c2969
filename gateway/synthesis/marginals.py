"""Noised counts as they come from a release."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.synthesis.columns import Column

Counts = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]
"""Counts that need not be whole."""


@dataclass(frozen=True, slots=True)
class NoisedMarginal:
    """Counts by one or two fields with their noise: one axis for each field, its cells in the order of the column.

    `variance` is that of the noise of one cell. Counts may be negative: they are as released.

    Raises:
        ValueError: not one or two fields, not as many axes, or a variance that is no number from 0 on.
    """

    fields: tuple[str, ...]
    counts: Counts
    variance: float

    def __post_init__(self) -> None:
        if len(self.fields) not in (1, 2) or not len(set(self.fields)) == len(self.fields) == self.counts.ndim:
            raise ValueError("a marginal is by one or two fields, with an axis for each")
        if not (math.isfinite(self.variance) and self.variance >= 0):
            raise ValueError("a variance is a number from 0 on")


def estimated_total(marginals: Sequence[NoisedMarginal]) -> float:
    """Return how many rows there are, from what all marginals say of it, each by its inverse variance; at least 1.

    Raises:
        ValueError: there are no marginals.
    """
    if not marginals:
        raise ValueError("a total is estimated from marginals")
    trust = [1 / (max(marginal.variance, _EXACT) * marginal.counts.size) for marginal in marginals]
    sums = [float(marginal.counts.sum()) for marginal in marginals]
    return max(sum(weight * size for weight, size in zip(trust, sums, strict=True)) / sum(trust), 1.0)


def places(columns: Sequence[Column], marginal: NoisedMarginal) -> tuple[int, ...]:
    """Return where the marginal's fields are among the columns.

    Raises:
        ValueError: one is not there, or has other cells.
    """
    names = [column.name for column in columns]
    if not set(marginal.fields) <= set(names):
        raise ValueError("a marginal is by fields of the extract")
    found = tuple(names.index(field) for field in marginal.fields)
    if marginal.counts.shape != tuple(columns[place].cells for place in found):
        raise ValueError("a marginal has the cells of its fields")
    return found


_EXACT = 1e-9
"""Stands for a variance of 0, so that weights stay finite."""
