"""Quantiles from noised counts over declared bins, one histogram (flat, or a tree of bins) for each cell.

For a quantile p and the boundaries of the bins, W(i) = (count below boundary i) - p·(count of all) rises with i. The
bin of the true quantile j has W(j) <= 0 <= W(j + 1), whatever the data: so the interval is made of the bins for which
neither half is refuted, each at alpha/2 on its one side. No union bound over boundaries is paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import Floats, IntegerNoise, Integers, sum_half_width

_MOST_BRANCHES = 64
_APPLIED = (PostProcessing.MONOTONE, PostProcessing.INTERPOLATED, PostProcessing.MIDDLE)


@dataclass(frozen=True, slots=True)
class BinTree:
    """Bins, and sums of `branching` neighbours at a time, level over level, until one more would leave a single node.

    The total of all is not measured: quantiles gain nothing from it. With `branching` >= `bins` there is one level, a
    flat histogram. Nodes are numbered from the bins upwards, left to right. A record is counted once in each of the
    `levels`: m records of a unit change the nodes by at most m·levels in L1 and m·√levels in L2 (all in one bin).

    Raises:
        ValueError: fewer than one bin or two branches.
    """

    bins: int
    branching: int

    def __post_init__(self) -> None:
        if self.bins < 1 or self.branching < 2:
            raise ValueError("a tree has bins, and two branches or more")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of nodes of each level, the bins first."""
        sizes = [self.bins]
        while sizes[-1] > self.branching:
            sizes.append(-(-sizes[-1] // self.branching))
        return tuple(sizes)

    @property
    def levels(self) -> int:
        """In how many nodes a record is counted."""
        return len(self.sizes)

    @property
    def nodes(self) -> int:
        """The number of nodes of all levels."""
        return sum(self.sizes)

    @property
    def forest(self) -> Forest:
        """The nodes with their parents."""
        return _forest(self)

    def node_counts(self, bins: Integers) -> Integers:
        """Return the exact counts (…, nodes) of all nodes from those of the bins (…, bins)."""
        padding = [(0, 0)] * (bins.ndim - 1) + [(0, self.nodes - self.bins)]
        return self.forest.totals(np.pad(bins, padding))


@lru_cache(maxsize=64)
def _forest(tree: BinTree) -> Forest:
    parents: list[int] = []
    start = 0
    for size in tree.sizes[:-1]:
        start += size
        parents += [start + place // tree.branching for place in range(size)]
        start = len(parents)
    return Forest((*parents, *[-1] * tree.sizes[-1]))


def quantiles(
    tree: BinTree, noised: Integers, noise: IntegerNoise, edges: Floats, at: tuple[float, ...]
) -> tuple[Estimates, ...]:
    """Return an estimate for each quantile in `at` and each cell, from the noised nodes (cells, nodes).

    `edges` are the bins + 1 boundaries, rising; bin i holds edges[i] <= value < edges[i + 1], and the last one its
    upper edge too. The true quantile p is the smallest value with at least a share p of all values at or below it.
    Answers are interpolated inside their bin, and rise with p in every cell, whichever others are asked. Intervals end
    at edges of bins, or where a value lies beyond, with it. Each interval holds by itself.

    Raises:
        ValueError: a quantile is outside 0..1, or the edges do not rise or do not fit the bins.
    """
    if len(edges) != tree.bins + 1 or not np.all(np.diff(edges) > 0):
        raise ValueError("there is one more edge than bins, and edges rise")
    if not all(0 <= p <= 1 for p in at):
        raise ValueError("a quantile is between 0 and 1")
    values = noised.astype(np.float64)
    if tree.levels > 1:
        values = tree.forest.consistent(values, np.ones(tree.nodes))[0][..., : tree.bins]
    below = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    rising, total = _rising(below), below[:, -1]
    found = []
    for p in at:
        values = _values(rising, total, p, edges)
        lower, upper = _interval(below - p * total[:, None], rank_half_widths(tree, p, noise), edges)
        # to widen an interval takes nothing from what it covers
        found.append(Estimates(values, np.minimum(lower, values), np.maximum(upper, values), _APPLIED))
    return tuple(found)


def rank_half_widths(tree: BinTree, p: float, noise: IntegerNoise) -> Floats:
    """Return the half-widths, at 95 %, of W(i) at the bins + 1 boundaries, in counts."""
    spread, fourth = _rank_spread(tree, p)
    return sum_half_width(spread * noise.variance, fourth * noise.fourth, max(p, 1 - p))


@lru_cache(maxsize=64)
def recommended_branching(bins: int, kind: Mechanism) -> int:
    """Return the branching with the smallest root mean square error of W at the median, at the same price.

    The noise of a tree grows with its levels (Laplace) or their square root (Gaussian). Flat is answered as `bins`.
    """
    choices = [max(bins, 2), *range(min(bins - 1, _MOST_BRANCHES), 1, -1)]
    errors = {branching: rank_error(BinTree(bins, branching), kind) for branching in choices}
    best: int = min(choices, key=errors.__getitem__)
    return best


def rank_error(tree: BinTree, kind: Mechanism) -> float:
    """Return the root mean square error of W at the median over all boundaries, for a flat histogram's noise of 1."""
    growth = tree.levels**2 if kind is Mechanism.LAPLACE else tree.levels
    return float(np.sqrt(growth * _rank_spread(tree, 0.5)[0].mean()))


@lru_cache(maxsize=256)
def _rank_spread(tree: BinTree, p: float) -> tuple[Floats, Floats]:
    """Return Σ w² at every boundary for a noise of variance 1, and Σ w⁴ (flat) or its upper bound (Σ w²)² (tree).

    W is linear in the leaves: (1 - p) left of the boundary, -p right of it. Its best estimate comes from the subtrees
    upwards; only the nodes that the boundary cuts need the joint variance of W and of their total.
    """
    left, right = 1 - p, p
    boundary = np.arange(tree.bins + 1)
    if tree.levels == 1:
        above = tree.bins - boundary
        return left**2 * boundary + right**2 * above, left**4 * boundary + right**4 * above
    known = tree.forest.upward(np.ones(tree.nodes))
    # the boundary stands left of bin i; for the last one all bins are left of it
    place = np.minimum(boundary, tree.bins - 1)
    own = np.where(boundary < tree.bins, -right, left)
    total, joint, spread = np.ones(tree.bins + 1), own.copy(), own**2
    start = 0
    for level, size in enumerate(tree.sizes):
        sums = np.concatenate([[0.0], np.cumsum(known[start : start + size])])
        top = level == tree.levels - 1
        first = np.zeros_like(place) if top else place // tree.branching * tree.branching
        after = np.full_like(place, size) if top else np.minimum(first + tree.branching, size)
        before, behind = sums[place] - sums[first], sums[after] - sums[place + 1]
        spread = spread + left**2 * before + right**2 * behind
        joint, total = joint + left * before - right * behind, total + before + behind
        if not top:
            # the node's own measurement of its total, with variance 1
            spread, joint, total = spread - joint**2 / (total + 1), joint / (total + 1), total / (total + 1)
        place, start = place // tree.branching, start + size
    return spread, spread**2


def _rising(below: Floats) -> Floats:
    """Return cumulative counts (cells, bins + 1) made non-decreasing: midway between the two that only just are."""
    up = np.maximum.accumulate(below, axis=1)
    down = np.minimum.accumulate(below[:, ::-1], axis=1)[:, ::-1]
    middle: Floats = (up + down) / 2
    return middle


def _values(rising: Floats, total: Floats, p: float, edges: Floats) -> Floats:
    """Return where the rising counts pass p times the total; the middle of all bins where the total is not above zero.

    Both the level and what lies below it rise with p, so that no quantile of a cell is below one of a smaller rank.
    """
    row, level = np.arange(len(rising)), p * total
    place = np.clip((rising < level[:, None]).sum(axis=1) - 1, 0, len(edges) - 2)
    low, high = rising[row, place], rising[row, place + 1]
    share = np.where(high > low, np.clip((level - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0), 0.5)
    inside = np.minimum(edges[place] + share * (edges[place + 1] - edges[place]), edges[place + 1])
    values: Floats = np.where(total > 0, inside, edges[0] + (edges[-1] - edges[0]) / 2)
    return values


def _interval(ranks: Floats, half: Floats, edges: Floats) -> tuple[Floats, Floats]:
    """Return the ends of the bins that are not ruled out, from W at every boundary (cells, bins + 1); or all bins."""
    bins = len(edges) - 1
    possible = (ranks[:, :-1] <= half[:-1]) & (ranks[:, 1:] >= -half[1:])
    found = possible.any(axis=1)
    first = np.where(found, possible.argmax(axis=1), 0)
    last = np.where(found, bins - 1 - possible[:, ::-1].argmax(axis=1), bins - 1)
    return edges[first], edges[last + 1]
