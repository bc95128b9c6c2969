"""No withheld figure follows from those that are shown: not in one snapshot, and not from one to the next."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import chain, combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.kernels.suppression.holdings import BUCKETS, SafetyRule
from gateway.kernels.suppression.pattern import shown_cells
from gateway.kernels.suppression.refresh import Published, first, refreshed
from gateway.kernels.suppression.tree import Tree
from tests.privacy.cells import Known, largest

K = 3
RULE = SafetyRule(K, Fraction(1, 10))


def _amounts(units: Sequence[int], begin: int = 0) -> NDArray[np.int64]:
    """Leaves of so many units, each in the next bucket."""
    amounts = np.zeros((len(units), 1, BUCKETS), np.int64)
    for leaf, count in enumerate(units):
        for unit in range(count):
            amounts[leaf, 0, (begin + leaf * 7 + unit) % BUCKETS] += 1
    return amounts


def _tree(chosen: random.Random, most: int = 14) -> Tree:
    """A tree whose cells have two or three below them, or one, of uneven depth."""
    parents, open_cells = [-1], [0]
    while open_cells and len(parents) < most:
        cell = open_cells.pop(chosen.randrange(len(open_cells)))
        for _ in range(chosen.choice((1, 2, 2, 3))):
            open_cells.append(len(parents))
            parents.append(cell)
    return Tree(parents)


def _below(tree: Tree, cell: int) -> set[int]:
    """The leaves of a cell, by their number."""
    return {number for number, leaf in enumerate(tree.leaves.tolist()) if cell in _above(tree, leaf)}


def _above(tree: Tree, cell: int) -> list[int]:
    path = [cell]
    while tree.parents[path[-1]] >= 0:
        path.append(int(tree.parents[path[-1]]))
    return path


@pytest.mark.parametrize("seed", range(40))
def test_no_snapshot_tells_of_too_few(seed: int) -> None:
    chosen = random.Random(seed)
    tree = _tree(chosen)
    units = [chosen.choice((0, 0, 1, 2, 3, 4, 9)) for _ in tree.leaves]
    rank = chosen.sample(range(len(tree)), len(tree))
    shown = shown_cells(tree, _amounts(units), RULE, rank)
    cells = {cell: _below(tree, cell) for cell in range(len(tree))}
    known = Known(len(units), (cells[cell] for cell in _places(shown)))
    for some in chain.from_iterable(combinations(range(len(units)), size) for size in range(1, len(units) + 1)):
        if known.tells(some):
            assert sum(units[leaf] for leaf in some) >= K
    sums = [(sorted(cells[cell]), sum(units[leaf] for leaf in cells[cell])) for cell in _places(shown)]
    for cell in _places(~shown):
        assert not known.tells(cells[cell])
        most = largest(sorted(cells[cell]), sums, len(units))
        others = sorted(set(range(len(units))) - cells[cell])
        rest = largest(others, sums, len(units))
        total = next((value for of, value in sums if len(of) == len(units)), None)
        if total is not None:
            # at least 0, and at most the total: between them lies all that it may be
            assert most is not None and rest is not None and most - (total - rest) >= K


@pytest.mark.parametrize("seed", range(80))
def test_no_two_snapshots_tell_of_too_few_changes(seed: int) -> None:
    chosen = random.Random(seed)
    tree = _tree(chosen)
    rank = chosen.sample(range(len(tree)), len(tree))
    leaves = len(tree.leaves)
    truth = [_amounts([chosen.choice((0, 1, 2, 3, 5, 9)) for _ in range(leaves)])]
    published: list[Published] = [first(tree, truth[0], RULE, rank)]
    for version in range(1, 5):
        now = truth[-1].copy()
        for leaf in range(leaves):
            there = _places(now[leaf, 0] > 0)
            gone = chosen.sample(there, min(len(there), chosen.choice((0, 0, 1, 3, 7))))
            come = chosen.sample(range(BUCKETS), chosen.choice((0, 0, 1, 2, 3, 4, 6)))
            now[leaf, 0, gone] = 0
            now[leaf, 0, come] = 1
        truth.append(now)
        published.append(refreshed(tree, published[-1], now, RULE, rank, version))
    cells = {cell: _below(tree, cell) for cell in range(len(tree))}
    _check_told(published, truth, cells)


def _check_told(published: Sequence[Published], truth: Sequence[NDArray[np.int64]], cells: dict[int, set[int]]) -> None:
    """The unknowns are the leaves in each version of the data. The attacker knows of each figure which it is of."""
    leaves = len(truth[0])

    def at(version: int, some: set[int]) -> list[int]:
        # who knows where nothing has changed takes it for the same unknown
        return [_same(truth, version, leaf) * leaves + leaf for leaf in some]

    rows = []
    for one in published:
        for cell in _places(one.shown):
            rows.append([place for leaf in cells[cell] for place in at(int(max(one.versions[leaf], 0)), {leaf})])
    known = Known(leaves * len(truth), rows)
    for version, now in enumerate(truth):
        for some in cells.values():
            if int(now[sorted(some)].sum()) < K:
                assert not known.tells(at(version, some))
            ever = np.zeros(BUCKETS, np.bool_)
            for earlier in range(version - 1, -1, -1):
                # who changed and changed back did change: what is told rests on them too
                ever |= (truth[earlier + 1] != truth[earlier])[sorted(some), 0].any(axis=0)
                if 0 < np.count_nonzero(ever) < K:
                    assert not known.tells(at(version, some), at(earlier, some))


def _same(truth: Sequence[NDArray[np.int64]], version: int, leaf: int) -> int:
    """The version since which a leaf is unchanged: what came back to where it was has changed twice."""
    while version and (truth[version - 1][leaf] == truth[version][leaf]).all():
        version -= 1
    return version


@pytest.mark.parametrize("seed", range(40))
def test_what_is_shown_adds_up_and_is_not_far_behind(seed: int) -> None:
    chosen = random.Random(seed)
    tree = _tree(chosen)
    rank = range(len(tree))
    before = first(tree, _amounts([9] * len(tree.leaves)), RULE, rank)
    assert before.shown.all()
    grown = _amounts([9 + chosen.choice((0, 1, 2, 8)) for _ in tree.leaves])
    after = refreshed(tree, before, grown, RULE, rank, 1)
    assert after.shown.all()
    behind = np.abs(grown - after.amounts).sum(axis=(1, 2))
    assert (behind < K).all()


def test_little_more_is_withheld_than_must_be() -> None:
    """Against all ways there are, counting a withheld cell as many times as it has leaves."""
    withheld, least = [], []
    for seed in range(40):
        chosen = random.Random(seed)
        tree = _tree(chosen, most=9)
        units = [chosen.choice((0, 1, 2, 5, 9)) for _ in tree.leaves]
        cells = {cell: _below(tree, cell) for cell in range(len(tree))}
        shown = shown_cells(tree, _amounts(units), RULE, range(len(tree)))
        withheld.append(sum(len(cells[cell]) for cell in _places(~shown)))
        least.append(
            min(
                sum(len(cells[cell]) for cell in cells.keys() - set(some))
                for size in range(len(tree) + 1)
                for some in combinations(range(len(tree)), size)
                if _safe(some, tree, cells, units)
            )
        )
    assert all(one >= other for one, other in zip(withheld, least, strict=True))
    assert sum(withheld) <= 1.1 * sum(least)


def _places(flags: NDArray[np.bool_]) -> list[int]:
    places: list[int] = np.flatnonzero(flags).tolist()
    return places


def _safe(some: Sequence[int], tree: Tree, cells: dict[int, set[int]], units: Sequence[int]) -> bool:
    """Whether every shown cell, less the shown ones below it, is of nobody's or of enough units."""
    for cell in some:
        inside = [cells[other] for other in some if other != cell and cell in _above(tree, other)]
        left = cells[cell] - set().union(*inside)
        if left and sum(units[leaf] for leaf in left) < K:
            return False
    return True


def test_a_sum_that_is_one_units_is_withheld() -> None:
    amounts = _amounts([6, 6, 6, 6])
    sums = amounts.copy() * 10
    sums[1, 0, 7] = 10_000
    both = np.concatenate([amounts, sums], axis=1)
    shown = shown_cells(Tree([-1, 0, 0, 1, 1, 2, 2]), both, RULE, range(7))
    # nothing else is large enough to hide it
    assert not shown[[0, 1, 4]].any() and shown[[2, 3, 5, 6]].all()


def test_a_change_of_too_few_is_not_told() -> None:
    rule, tree = SafetyRule(5, Fraction(1, 10)), Tree([-1, 0, 0])
    before = first(tree, _amounts([9, 9]), rule, range(3))
    for come, advanced in ((4, False), (5, True)):
        after = refreshed(tree, before, _amounts([9 + come, 9]), rule, range(3), 1)
        assert after.versions.tolist() == [int(advanced), 0]


def test_a_change_that_is_one_units_is_not_told() -> None:
    tree = Tree([-1, 0, 0])
    before = np.concatenate([_amounts([9, 9]), _amounts([9, 9]) * 1000], axis=1)
    now = before.copy()
    now[0, 1, :9] += 10
    assert refreshed(tree, first(tree, before, RULE, range(3)), now, RULE, range(3), 1).versions.tolist() == [1, 0]
    now[0, 1, 3] += 900
    assert refreshed(tree, first(tree, before, RULE, range(3)), now, RULE, range(3), 1).versions.tolist() == [0, 0]


def test_a_block_is_cut_only_where_each_part_has_changed_enough() -> None:
    """Of leaves that were told together, figures of today, shown apart, less their total of then, tell the change."""
    rule, tree = SafetyRule(5, Fraction(1, 10)), Tree([-1, 0, 0])
    before = first(tree, _amounts([9, 3]), rule, range(3))
    assert before.shown.tolist() == [True, False, False]
    for now, shown, versions in (
        # large enough to be shown by itself, but two have come: 9 and 5 beside 12 would tell of them
        ([9, 5], [True, False, False], [0, 0]),
        # enough have come to the one, and not to the other
        ([9, 9], [True, False, False], [1, 1]),
        ([14, 9], [True, True, True], [1, 1]),
    ):
        after = refreshed(tree, before, _amounts(now), rule, range(3), 1)
        assert (after.shown.tolist(), after.versions.tolist()) == (shown, versions), now


def test_what_has_become_too_small_is_withheld_and_stays_as_it_was_where_nothing_hides_it() -> None:
    tree = Tree([-1, 0, 0])
    before = first(tree, _amounts([9, 9]), RULE, range(3))
    alone = refreshed(tree, before, _amounts([1, 9]), RULE, range(3), 1)
    assert alone.shown.tolist() == [True, False, False] and alone.versions.tolist() == [0, 0]
    hidden = refreshed(tree, before, _amounts([1, 15]), RULE, range(3), 1)
    assert hidden.shown.tolist() == [True, False, False] and hidden.versions.tolist() == [1, 1]


@pytest.mark.parametrize("units, share", [(1, "1/10"), (33, "1/10"), (5, "0"), (5, "2")])
def test_a_rule_that_protects_nothing_is_none(units: int, share: str) -> None:
    with pytest.raises(ValueError):
        SafetyRule(units, Fraction(share))


def test_amounts_of_another_shape_are_refused() -> None:
    tree = Tree([-1, 0, 0])
    for amounts in (np.zeros((3, 1, BUCKETS), np.int64), np.zeros((2, 1, 3), np.int64), -_amounts([1, 1])):
        with pytest.raises(ValueError):
            shown_cells(tree, amounts, RULE, range(3))
    with pytest.raises(ValueError):
        Tree([0])
