"""How far made-up rows are from the counts they were made of. Both are released: to compare them costs nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gateway.synthesis.agreement import non_negative
from gateway.synthesis.columns import Column
from gateway.synthesis.marginals import NoisedMarginal, Weights, places

_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class MarginalQuality:
    """One counted marginal beside the rows.

    `total_variation` is half the sum of |share of the rows − share of the noised counts| over all cells, from 0
    (alike). `noise` is how much of it noise alone brings about in expectation, if the rows had the true shares: below
    it rows may be nearer to the truth than the counts are. `margin_95` is the half-width of 95 % of a count's noise.
    """

    fields: tuple[str, ...]
    cells: int
    margin_95: float
    total_variation: float
    noise: float


@dataclass(frozen=True, slots=True)
class Association:
    """Cramér's V of two fields (0: independent, 1: one tells the other) in the rows and in the noised counts.

    Negative counts are brought to 0 first, by least squares under the same total.
    """

    fields: tuple[str, ...]
    rows: float
    counts: float


@dataclass(frozen=True, slots=True)
class Quality:
    """The report of one extract, marginals and associations in the order the marginals were given."""

    marginals: tuple[MarginalQuality, ...]
    associations: tuple[Association, ...]

    @property
    def mean_total_variation(self) -> float:
        """Over all marginals."""
        return sum(one.total_variation for one in self.marginals) / len(self.marginals)

    @property
    def mean_noise(self) -> float:
        """What noise alone would make of that."""
        return sum(one.noise for one in self.marginals) / len(self.marginals)


def quality_of_rows(table: pa.Table, columns: Sequence[Column], marginals: Sequence[NoisedMarginal]) -> Quality:
    """Compare rows with the noised counts. A row without a cell in one of the fields is not in the counts by it.

    Raises:
        ValueError: a column is not in the table, or a marginal is not by one or two of the columns.
    """
    if not {column.name for column in columns} <= set(table.column_names):
        raise ValueError("a column of the extract is not in the table")
    codes = [column.encode(table.column(column.name)) for column in columns]

    def counted(fields: tuple[int, ...]) -> Weights:
        cells = tuple(columns[field].cells for field in fields)
        kept = np.logical_and.reduce([codes[field] >= 0 for field in fields])
        at = np.ravel_multi_index([codes[field][kept] for field in fields], cells)
        return np.bincount(at, minlength=math.prod(cells)).reshape(cells).astype(np.float64)

    found = [(marginal, counted(places(columns, marginal))) for marginal in marginals]
    return Quality(
        tuple(_compared(marginal, counts) for marginal, counts in found),
        tuple(_association(marginal, counts) for marginal, counts in found if counts.ndim == 2),
    )


def cramers_v(counts: Weights) -> float:
    """Return Cramér's V of a table of non-negative counts; 0 where a field has one value or there are no counts."""
    total = float(counts.sum())
    if total <= 0:
        return 0.0
    apart = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    there = apart > 0
    chi = float((np.square(counts[there] - apart[there]) / apart[there]).sum())
    values = min(np.count_nonzero(counts.sum(axis=1)), np.count_nonzero(counts.sum(axis=0)))
    return math.sqrt(chi / total / (values - 1)) if values > 1 else 0.0


def _compared(marginal: NoisedMarginal, counts: Weights) -> MarginalQuality:
    total = max(float(marginal.counts.sum()), 1.0)
    apart = np.abs(counts / max(float(counts.sum()), 1.0) - marginal.counts / total).sum() / 2
    deviation = math.sqrt(marginal.variance)
    noise = marginal.counts.size * deviation * math.sqrt(2 / math.pi) / total / 2
    return MarginalQuality(marginal.fields, marginal.counts.size, _NORMAL_95 * deviation, float(apart), noise)


def _association(marginal: NoisedMarginal, counts: Weights) -> Association:
    total = max(float(marginal.counts.sum()), 1.0)
    return Association(
        marginal.fields, cramers_v(counts), cramers_v(non_negative(marginal.counts.astype(np.float64), total))
    )
