"""Trees of cells, and the blocks into which the cells that are shown cut their leaves.

What is shown of a tree of totals is worth exactly this: the leaves of a shown cell that lie below no smaller shown cell
are a *block*, and its total can be reckoned out (the cell less the topmost shown cells below it). Shown cells are sums
of blocks, and blocks are disjoint, so that every figure that follows from the shown ones is made of totals of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1
"""The owner of leaves about which nothing is shown; the parent of a cell at the top."""


class Tree:
    """Cells by number, parents before their children. A cell is the sum of its children; one without any is a leaf."""

    __slots__ = ("children", "layers", "leaves", "parents", "sizes")

    def __init__(self, parents: Sequence[int]) -> None:
        """Take the parent of each cell, -1 at the top.

        Raises:
            ValueError: if a parent does not precede its child.
        """
        if any(not NOBODY <= parent < place for place, parent in enumerate(parents)):
            raise ValueError("parents precede their children")
        children: list[list[int]] = [[] for _ in parents]
        depths = [0] * len(parents)
        for place, parent in enumerate(parents):
            if parent != NOBODY:
                children[parent].append(place)
                depths[place] = depths[parent] + 1
        self.parents: Places = np.array(parents, np.int64)
        self.children = tuple(map(tuple, children))
        self.layers = tuple(np.flatnonzero(np.array(depths) == depth) for depth in range(max(depths, default=-1) + 1))
        self.leaves = np.flatnonzero([not below for below in children])
        self.sizes = self.totals(np.ones(len(self.leaves), np.int64))

    def __len__(self) -> int:
        return len(self.parents)

    def totals(self, leaves: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the totals of each cell (first axis), from those of the leaves in their order."""
        totals = np.zeros((len(self), *leaves.shape[1:]), np.int64)
        totals[self.leaves] = leaves
        for layer in self.layers[:0:-1]:
            np.add.at(totals, self.parents[layer], totals[layer])
        return totals


def owners(tree: Tree, shown: Flags) -> Places:
    """Return for each cell the smallest shown cell that it lies in or is: of a leaf, the owner of its block."""
    owner = np.full(len(tree), NOBODY, np.int64)
    for depth, layer in enumerate(tree.layers):
        above = owner[tree.parents[layer]] if depth else NOBODY
        owner[layer] = np.where(shown[layer], layer, above)
    return owner


def with_implied(tree: Tree, shown: Flags) -> Flags:
    """Return the shown cells with all others that follow from them: to show these tells nothing more.

    A cell follows where it is made of whole blocks: where what is not shown below it is nothing, or is all of a block.
    """
    shown, owner = shown.copy(), owners(tree, shown)
    owning = owner[tree.leaves]
    block = np.bincount(owning[owning != NOBODY], minlength=len(tree))
    unshown = np.zeros(len(tree), np.int64)
    unshown[tree.leaves] = 1
    for layer in tree.layers[::-1]:
        whole = (owner[layer] != NOBODY) & (unshown[layer] == block[owner[layer]])
        shown[layer] |= whole | (unshown[layer] == 0)
        below = layer[~shown[layer]]
        below = below[tree.parents[below] != NOBODY]
        np.add.at(unshown, tree.parents[below], unshown[below])
    return shown
