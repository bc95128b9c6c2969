"""Totals over a tree of regions that add up: each node noised by itself, then made consistent."""

from __future__ import annotations

import numpy as np

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import Floats, Integers, sum_half_width


def consistent_totals(forest: Forest, values: Integers, variances: Floats, kind: Mechanism) -> Estimates:
    """Return estimates that add up in every family, unbiased, none with more variance than its own measurement.

    `values` are the noised totals (…, nodes) and `variances` the noises' variances (nodes). For Laplace noise the
    half-width is that of a single Laplace noise of the same variance, at most 8 % too wide.
    """
    best, known = forest.consistent(values.astype(np.float64), variances)
    half = sum_half_width(known, known**2 if kind is Mechanism.LAPLACE else np.zeros_like(known), 1.0)
    return Estimates(best, best - half, best + half, (PostProcessing.CONSISTENT,))


def whole_totals(forest: Forest, values: Integers, variances: Floats, kind: Mechanism) -> Estimates:
    """Return whole, non-negative totals (nodes) that add up, from the consistent ones.

    From the roots down, the children of each node are moved to the nearest non-negative values with their parent's
    total, weighted by their variances, and rounded by largest remainders (top-down, as Abowd et al. 2022).
    The values are biased upwards where counts are small. The intervals are those of the unbiased estimates, held to
    whole non-negative numbers, and widened to hold the value.
    """
    unbiased = consistent_totals(forest, values, variances, kind)
    known = forest.upward(variances)
    whole = np.zeros(len(forest.parents), dtype=np.int64)
    roots = forest.roots
    whole[roots] = np.rint(np.maximum(unbiased.values[roots], 0.0)).astype(np.int64)
    for generation in forest.generations:
        families = np.split(generation.nodes, generation.starts[1:])
        for parent, children in zip(generation.parents, families, strict=True):
            whole[children] = _shared(unbiased.values[children], known[children], int(whole[parent]))
    figures = whole.astype(np.float64)
    lower = np.minimum(np.ceil(np.maximum(unbiased.lower, 0.0)), figures)
    upper = np.maximum(np.floor(np.maximum(unbiased.upper, 0.0)), figures)
    return Estimates(figures, lower, upper, (PostProcessing.CONSISTENT_WHOLE,))


def _shared(values: Floats, variances: Floats, total: int) -> Integers:
    """Return non-negative whole numbers that add up to the total, near max(0, value - t·variance) for the fitting t.

    The projection on a simplex (Duchi et al. 2008, figure 1), with weights.
    """
    order = np.argsort(-values / variances)
    excess = (np.cumsum(values[order]) - total) / np.cumsum(variances[order])
    kept = int(np.flatnonzero(values[order] / variances[order] >= excess)[-1]) if total > 0 else 0
    real = np.maximum(values - excess[kept] * variances, 0.0) if total > 0 else np.zeros_like(values)
    floor = np.floor(real)
    missing = total - int(floor.sum())
    result = floor.astype(np.int64)
    places = np.argsort(floor - real, kind="stable")
    if missing < 0:
        # totals beyond 2^53 are no longer whole as floats
        result[np.argmax(result)] += missing
    else:
        result[places[:missing]] += 1
    return result
