"""From one snapshot to the next: what may be shown anew beside all that was shown before.

Whoever keeps earlier figures can take differences. So a leaf's figures stay as they were published until enough has
changed: leaves advance a block at a time, and a block advances only if the difference of its totals is itself safe. All
cells are totals of leaves as published, some older and some newer, and add up. A block that is cut in smaller ones must
advance in each of them; blocks that are joined need not.

Where blocks are joined because one of them is too small by now, its figure is hidden by the others only as far as those
have changed: what they were is known. So the joined block advances only if they have changed enough by themselves, and
stays as it was otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.kernels.suppression.holdings import Integers, Leaves, SafetyRule, checked
from gateway.kernels.suppression.pattern import shown_cells
from gateway.kernels.suppression.tree import NOBODY, Flags, Places, Tree, owners, with_implied


@dataclass(frozen=True, slots=True, repr=False)
class Published:
    """What is shown of a tree: which cells, and the amounts of each leaf (see `holdings`) as of when it advanced last.

    `told` (leaves) names what was told of these amounts: leaves of one name are those of one block when it advanced; -1
    for a leaf that was in no block yet.
    """

    shown: Flags
    amounts: Integers
    told: Places

    @property
    def versions(self) -> Places:
        """The number of the snapshot that each leaf is of; -1 for a leaf of which nothing was told."""
        versions: Places = self.told // len(self.shown)
        return versions


def first(tree: Tree, now: Integers, rule: SafetyRule, rank: Sequence[int]) -> Published:
    """Publish a first snapshot, number 0."""
    shown = shown_cells(tree, now, rule, rank)
    return Published(shown, now, _owned(tree, shown))


def refreshed(
    tree: Tree, before: Published, now: Integers, rule: SafetyRule, rank: Sequence[int], version: int
) -> Published:
    """Publish the snapshot of a number, as far as the one published before it lets it be shown."""
    return _Refresh(tree, before, now, rule, rank, version).made()


def _owned(tree: Tree, shown: Flags) -> Places:
    """The owner of each leaf's block."""
    owned: Places = owners(tree, shown)[tree.leaves]
    return owned


class _Refresh:
    def __init__(
        self, tree: Tree, before: Published, now: Integers, rule: SafetyRule, rank: Sequence[int], version: int
    ) -> None:
        self._tree, self._before, self._rule, self._rank = tree, before, rule, rank
        self._now = checked(now, len(tree.leaves))
        self._change = self._now - before.amounts
        self._version = version
        self._advanced = np.zeros(len(tree.leaves), np.bool_)

    def made(self) -> Published:
        told = self._before.told
        shown = self._cut(self._joined(self._before.shown))
        owned = _owned(self._tree, shown)
        # of what is in no block nothing was told, now as ever
        moved = self._advanced | ((owned != NOBODY) & (told == NOBODY))
        return Published(shown, self._mixed(moved), np.where(moved, self._version * len(self._tree) + owned, told))

    def _joined(self, shown: Flags) -> Flags:
        """Advance the blocks that may; where one is safe no longer, withhold cells, which joins it with others."""
        while True:
            blocks = self._blocks(shown)
            moved = np.zeros_like(self._advanced)
            for block in blocks:
                moved[block] = self._has_moved(block)
            fewer = shown_cells(self._tree, self._mixed(moved), self._rule, self._rank, allowed=shown)
            if (fewer == shown).all():
                break
            shown = fewer
        for block in blocks:
            self._advanced[block] = self._may_advance(block)
        return with_implied(self._tree, shown)

    def _cut(self, shown: Flags) -> Flags:
        """Show the cells that a first snapshot would, where what it cuts off and what it leaves may both advance."""
        wanted = shown_cells(self._tree, self._now, self._rule, self._rank)
        for cell in np.flatnonzero(wanted & ~shown).tolist():
            own, rest = self._parts(shown, cell)
            if own.size and self._may_own(own) and (rest is None or (rest.size and self._may_own(rest))):
                shown = shown.copy()
                shown[cell] = True
                advancing = own if rest is None else np.concatenate([own, rest])
                self._advanced[advancing] = self._before.told[advancing] != NOBODY
        return with_implied(self._tree, shown)

    def _blocks(self, shown: Flags) -> list[Leaves]:
        owner = _owned(self._tree, shown)
        order = np.argsort(owner, kind="stable")
        cuts = np.flatnonzero(np.diff(owner[order])) + 1
        return [block for block in np.split(order, cuts) if owner[block[0]] != NOBODY]

    def _parts(self, shown: Flags, cell: int) -> tuple[Leaves, Leaves | None]:
        """The leaves that a cell would own, and those that their block would keep; None if they are in no block."""
        owner = owners(self._tree, shown)
        single = shown.copy()
        single[cell] = True
        leaves = _owned(self._tree, single)
        own = np.flatnonzero(leaves == cell)
        parent = owner[cell]
        return own, None if parent == NOBODY else np.flatnonzero(leaves == parent)

    def _may_own(self, leaves: Leaves) -> bool:
        """Whether leaves may be a block now: safe, and changed enough where anything was told of them before."""
        told = leaves[self._before.told[leaves] != NOBODY]
        return self._is_safe(leaves) and (not told.size or self._may_advance(told))

    def _may_advance(self, leaves: Leaves) -> bool:
        """Whether leaves of which something was told may be told of anew, together."""
        names = self._before.told[leaves]
        if not self._has_moved(leaves):
            return False
        large = [part for name in np.unique(names) if self._is_safe(part := leaves[names == name])]
        return bool(large) and self._has_moved(np.concatenate(large))

    def _is_safe(self, leaves: Leaves) -> bool:
        return self._rule.is_safe(self._now[leaves].sum(axis=0))

    def _has_moved(self, leaves: Leaves) -> bool:
        return self._rule.has_moved(self._change[leaves].sum(axis=0))

    def _mixed(self, advanced: Flags) -> Integers:
        """The amounts as published, with those of some leaves as they are now."""
        return np.where(advanced[:, None, None], self._now, self._before.amounts)
