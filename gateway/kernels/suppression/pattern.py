"""Which cells of a tree are shown: those that may be told, less those that would give the others away.

From the leaves up, each cell is shown if the block that it would own is safe, so that every block is. Where it is not,
shown cells beside what is withheld are withheld too until it is (complementary suppression); where that does not help,
the cell itself is, and what is left below it becomes part of a larger block.

The literature picks the complement whose value is smallest. The pattern tells of that choice, and so bounds what it
hides (a minimality attack: Wong et al., VLDB 2007). Here it is picked by what everybody may know: how many cells go
with it, how many leaves it has, and a `rank` that is not of the data.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gateway.kernels.suppression.holdings import Integers, SafetyRule, checked
from gateway.kernels.suppression.tree import NOBODY, Flags, Tree


def shown_cells(
    tree: Tree, amounts: Integers, rule: SafetyRule, rank: Sequence[int], allowed: Flags | None = None
) -> Flags:
    """Return which cells are shown, of those `allowed`, if given; from the `amounts` of the leaves (see `holdings`).

    Every block is safe. If all cells are allowed, no cell that is withheld follows from those that are shown.

    Raises:
        ValueError: for amounts of another shape, or negative ones.
    """
    return _Pattern(tree, checked(amounts, len(tree.leaves)), rule, rank, allowed).made()


class _Pattern:
    def __init__(
        self, tree: Tree, amounts: Integers, rule: SafetyRule, rank: Sequence[int], allowed: Flags | None
    ) -> None:
        self._children, self._parents, self._sizes = tree.children, tree.parents.tolist(), tree.sizes.tolist()
        self._rule, self._rank = rule, rank
        self._allowed = [True] * len(tree) if allowed is None else allowed.tolist()
        self._shown = [False] * len(tree)
        # of each cell, how many leaves lie below it and below no shown cell, and what they hold
        self._leaves = [0] * len(tree)
        self._amounts: list[Integers] = [np.zeros(amounts.shape[1:], np.int64)] * len(tree)
        for leaf, own in zip(tree.leaves.tolist(), amounts, strict=True):
            self._leaves[leaf], self._amounts[leaf] = 1, own

    def made(self) -> Flags:
        for cell in range(len(self._parents) - 1, -1, -1):
            if self._allowed[cell] and (self._is_safe(cell) or self._complemented(cell)):
                self._shown[cell] = True
            else:
                self._pass_up(cell, self._parents[cell])
        return np.array(self._shown)

    def _is_safe(self, cell: int) -> bool:
        """Whether the block that a cell would own is safe. There may be none: then it follows from what is shown."""
        return not self._leaves[cell] or self._rule.is_safe(self._amounts[cell])

    def _complemented(self, cell: int) -> bool:
        """Withhold more below a cell until its block is safe; nothing of it if that is of no use."""
        before = self._leaves[cell], self._amounts[cell]
        ways = [way for child in self._children[cell] if (way := self._way(child))]
        # each way begins with a child of the cell: none crosses another
        ways.sort(key=self._loss)
        taken: list[list[int]] = []
        for way in ways:
            taken.append(way)
            self._pass_up(way[-1], cell)
            if self._is_safe(cell):
                for withheld in (place for way in taken for place in way):
                    self._shown[withheld] = False
                return True
        self._leaves[cell], self._amounts[cell] = before
        return False

    def _way(self, cell: int) -> list[int]:
        """The shown cells to withhold from a shown one downwards, until one that owns a block; none if there is none.

        A cell that owns none is the sum of shown ones: withheld alone it would follow from them.
        """
        if not self._shown[cell]:
            return []
        if self._leaves[cell]:
            return [cell]
        ways = [way for child in self._children[cell] if (way := self._way(child))]
        if not ways:
            return []
        return [cell, *min(ways, key=self._loss)]

    def _loss(self, way: list[int]) -> tuple[int, int, int]:
        return len(way), self._sizes[way[0]], self._rank[way[0]]

    def _pass_up(self, cell: int, to: int) -> None:
        if to == NOBODY or not self._leaves[cell]:
            return
        self._leaves[to] += self._leaves[cell]
        self._amounts[to] = self._amounts[to] + self._amounts[cell]
