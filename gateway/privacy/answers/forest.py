"""Forests of nested groups (regions, bins, periods) in which every node's total was noised by itself.

Generalised least squares in two passes, linear in the number of nodes. Upwards, each node weighs its own measurement
with its children's sum by their variances; downwards, what the parent knows better is shared among the children. For
equal variances and regular trees that is Hay, Rastogi, Miklau and Suciu 2010, section 4; for any variances it is the
smoother of Rauch, Tung and Striebel 1965 on a tree. It is unbiased, and no linear unbiased estimate varies less.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gateway.privacy.answers.noise import Floats, Integers


@dataclass(frozen=True, slots=True)
class _Generation:
    """The nodes of one depth, brothers side by side: their parents, and where each parent's children start."""

    nodes: Integers
    parents: Integers
    starts: Integers
    place: Integers


@dataclass(frozen=True, slots=True)
class Forest:
    """Nodes by the place of their parents, -1 for a root. The children of a node are a partition of it.

    Raises:
        ValueError: a parent is not a node, or nodes stand in a ring.
    """

    parents: tuple[int, ...]
    generations: tuple[_Generation, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parents = np.array(self.parents, dtype=np.int64)
        if len(parents) and (parents.min() < -1 or parents.max() >= len(parents)):
            raise ValueError("every parent is a node, or -1")
        depths = _depths(parents)
        made = []
        for depth in range(1, int(depths.max(initial=0)) + 1):
            nodes = np.flatnonzero(depths == depth)
            nodes = nodes[np.argsort(parents[nodes], kind="stable")]
            above, starts, place = np.unique(parents[nodes], return_index=True, return_inverse=True)
            made.append(_Generation(nodes, above, starts, place))
        object.__setattr__(self, "generations", tuple(made))

    @property
    def roots(self) -> Integers:
        """The places of the nodes without a parent."""
        return np.flatnonzero(np.array(self.parents, dtype=np.int64) < 0)

    def totals(self, leaves: Integers) -> Integers:
        """Return the total of every node, from an array (…, nodes) in which the leaves are filled and the rest is 0."""
        totals = np.moveaxis(leaves, -1, 0).copy()
        for generation in reversed(self.generations):
            totals[generation.parents] += np.add.reduceat(totals[generation.nodes], generation.starts)
        return np.moveaxis(totals, 0, -1)

    def upward(self, variances: Floats) -> Floats:
        """Return, for every node, the variance of the best estimate from its own subtree alone.

        Where a node was not measured its variance is infinite; leaves are measured.
        """
        known = variances.astype(np.float64)
        for generation in reversed(self.generations):
            below = np.add.reduceat(known[generation.nodes], generation.starts)
            known[generation.parents] = 1 / (1 / known[generation.parents] + 1 / below)
        return known

    def consistent(self, values: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """Return the best linear unbiased estimates (…, nodes), which add up in every family, and their variances.

        `variances` are positive; infinite for nodes that were not measured, whose value is then not looked at.
        """
        known = self.upward(variances)
        tall = known.reshape(-1, *[1] * (values.ndim - 1))
        best = np.moveaxis(np.where(np.isinf(variances), 0.0, values), -1, 0).astype(np.float64)
        sums: list[tuple[Floats, Floats]] = []
        for generation in reversed(self.generations):
            above = generation.parents
            below = np.add.reduceat(best[generation.nodes], generation.starts)
            spread = np.add.reduceat(known[generation.nodes], generation.starts)
            own = tall[above] / variances[above].reshape(-1, *[1] * (values.ndim - 1))
            # the two weights, known/own and known/below, add up to one
            best[above] = own * best[above] + (1 - own) * below
            sums.append((below, spread))
        final = known.copy()
        for generation, (below, spread) in zip(self.generations, reversed(sums), strict=True):
            share = known[generation.nodes] / spread[generation.place]
            gain = best[generation.parents] - below
            best[generation.nodes] += share.reshape(-1, *[1] * (values.ndim - 1)) * gain[generation.place]
            final[generation.nodes] -= share**2 * (spread - final[generation.parents])[generation.place]
        return np.moveaxis(best, 0, -1), final


def _depths(parents: Integers) -> Integers:
    depths = np.where(parents < 0, 0, -1)
    for depth in range(len(parents)):
        waiting = depths < 0
        if not waiting.any():
            break
        found = waiting & (depths[parents] == depth) & (parents >= 0)
        if not found.any():
            raise ValueError("no node is its own ancestor")
        depths[found] = depth + 1
    return depths.astype(np.int64)
