"""Marginals that agree: non-negative, of one total, and with the same counts of a field wherever it is counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gateway.synthesis.columns import Column
from gateway.synthesis.marginals import NoisedMarginal, Weights, places

_ROUNDS = 20
_FITS = 50
_SUPPORT = 1e-9
_SURPRISE = 4.0


@dataclass(frozen=True, slots=True)
class Agreed:
    """The counts by each field, and by each pair of them (the first before the second), all of one total."""

    singles: tuple[Weights, ...]
    pairs: Mapping[tuple[int, int], Weights]


def agree(columns: Sequence[Column], marginals: Sequence[NoisedMarginal], total: float) -> Agreed:
    """Return counts near the noised ones that agree.

    What all marginals say of a field is averaged by inverse variance (Hay et al., VLDB 2010). Every pair is drawn
    towards independence by the part of it that noise explains, then moved to the averages of its two fields by least
    squares, cut at 0, and so on, and scaled to them at last (iterative proportional fitting, Deming and Stephan 1940).
    A field that nothing counts is uniform.
    """
    placed = [(places(columns, marginal), marginal) for marginal in marginals]
    singles = tuple(_single(place, column.cells, placed, total) for place, column in enumerate(columns))
    pairs: dict[tuple[int, int], Weights] = {}
    for fields, marginal in placed:
        if len(fields) == 2:
            first, second = fields
            counts = _of_total(marginal, total)
            if first > second:
                first, second, counts = second, first, counts.T
            ends = singles[first], singles[second]
            pairs[first, second] = _moved(_surely(counts, *ends, marginal.variance), *ends)
    return Agreed(singles, pairs)


def non_negative(counts: Weights, total: float) -> Weights:
    """Return the nearest counts (least squares) that are not negative and have the total.

    Duchi et al., "Efficient projections onto the l1-ball", ICML 2008, figure 1.
    """
    falling = np.sort(counts, axis=None)[::-1]
    surplus = np.cumsum(falling) - total
    # the largest is always kept; beyond 2^53 a float cannot tell
    kept = int(np.nonzero(falling * np.arange(1, counts.size + 1) > surplus)[0].max(initial=0))
    lowered: Weights = np.maximum(counts - surplus[kept] / (kept + 1), 0)
    return lowered


def _single(place: int, cells: int, placed: Sequence[tuple[tuple[int, ...], NoisedMarginal]], total: float) -> Weights:
    counts, trust = np.zeros(cells), 0.0
    for fields, marginal in placed:
        if place not in fields:
            continue
        others = tuple(axis for axis, field in enumerate(fields) if field != place)
        weight = 1 / (max(marginal.variance, _SUPPORT) * marginal.counts.size / cells)
        counts += weight * _of_total(marginal, total).sum(axis=others)
        trust += weight
    return non_negative(counts / trust, total) if trust else np.full(cells, total / cells)


def _of_total(marginal: NoisedMarginal, total: float) -> Weights:
    """The counts, scaled where they have another total than noise explains: rows without a declared key are missing."""
    counts = marginal.counts.astype(np.float64)
    found = float(counts.sum())
    noise = math.sqrt(marginal.variance * counts.size)
    return counts * (total / found) if found > 0 and abs(found - total) > _SURPRISE * noise else counts


def _surely(counts: Weights, rows: Weights, columns: Weights, variance: float) -> Weights:
    """The counts, as far from those of independent fields as more than noise explains (James and Stein 1961)."""
    apart = np.outer(rows, columns) / rows.sum()
    signal = counts - apart
    energy = float(np.square(signal).sum())
    noise = variance * (counts.shape[0] - 1) * (counts.shape[1] - 1)
    surely: Weights = apart + signal * max(1 - noise / max(energy, _SUPPORT), 0.0)
    return surely


def _moved(counts: Weights, rows: Weights, columns: Weights) -> Weights:
    height, width = counts.shape
    total = float(rows.sum())
    for _ in range(_ROUNDS):
        counts = counts + ((rows - counts.sum(axis=1)) / width)[:, None]
        counts = np.maximum(counts + ((columns - counts.sum(axis=0)) / height)[None, :], 0)
    # a trace of independence, so that a row that should have counts and lost them all can be scaled
    counts = non_negative(counts, total) + np.outer(rows, columns) * (_SUPPORT / total)
    for _ in range(_FITS):
        counts = counts * _ratio(rows, counts.sum(axis=1))[:, None]
        counts = counts * _ratio(columns, counts.sum(axis=0))[None, :]
    return counts


def _ratio(wanted: Weights, found: Weights) -> Weights:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found > 0)
