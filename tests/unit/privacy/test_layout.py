"""Cells in their order: what the engine names, what it leaves out, and what lies above it in a tree of regions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.contract import Bounds
from gateway.model.errors import Fault
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AtLevel, BoundedQuery, GroupKey, InBins
from gateway.privacy.layout import cells_of, laid_out
from gateway.privacy.sensitivity import sensitivity

ROWS, UNITS = Measure(MeasureKind.ROWS, 3), Measure(MeasureKind.UNITS, 3)
DAYS = GroupKey("day", (date(2026, 1, 1), date(2026, 1, 2)))
SECTORS = GroupKey("sector", ("b", "a", "c"))
LEAVES = ("hz/x/1", "hz/x/2", "hz/y/1")
TREE = GroupKey("place", LEAVES, AtLevel(3), ("hz", "hz/x", "hz/y", *LEAVES))
BINS = Measure(MeasureKind.BINS, 3, "amount", Bounds(0, 9), 2, 2)


def query(*groups: GroupKey, measures: tuple[Measure, ...] = (ROWS, UNITS)) -> BoundedQuery:
    return BoundedQuery(groups, tuple((measure,) for measure in measures), 1)


def found(rows: Mapping[Any, tuple[int, ...]], groups: int, measures: int) -> pa.RecordBatch:
    names = [*(f"g{place}" for place in range(groups)), *(f"s{place}" for place in range(measures))]
    lines = [(*key, *value) for key, value in rows.items()]
    columns: list[list[Any]] = [[line[place] for line in lines] for place in range(len(names))]
    types = [pa.string() if not column else None for column in columns[:groups]] + [pa.int64()] * measures
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=names)


keys = st.sampled_from(list(product(DAYS.keys, SECTORS.keys)))


@given(st.dictionaries(keys, st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_every_cell_has_its_place_and_those_not_named_are_empty(rows: dict[tuple[Any, ...], tuple[int, int]]) -> None:
    asked = query(DAYS, SECTORS)
    cells = cells_of(asked, [0, 0])
    assert list(cells) == list(product(DAYS.keys, SECTORS.keys))
    for place, vector in enumerate(laid_out(found(rows, 2, 2), asked, (ROWS, UNITS))):
        assert dict(zip(cells, vector, strict=True)) == {cell: rows.get(cell, (0, 0))[place] for cell in cells}


def test_without_groups_there_is_one_cell() -> None:
    assert cells_of(query(), []) == ((),)
    assert list(laid_out(found({(): (5, 2)}, 0, 2), query(), (ROWS, UNITS))) == [(5,), (2,)]
    assert list(laid_out(found({}, 0, 2), query(), (ROWS, UNITS))) == [(0,), (0,)]


def test_bins_are_named_in_the_field_s_own_units() -> None:
    bins = GroupKey("share", (0, 50, 100), InBins(Bounds(0, 100), 50))
    assert cells_of(query(bins), [2]) == ((0.0,), (0.5,), (1.0,))
    assert cells_of(query(bins), [0]) == ((0,), (50,), (100,))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param({("b",): (1, 1), ("elsewhere",): (1, 1)}, id="a cell that is none"),
        pytest.param({("b",): (1, 1), (None,): (1, 1)}, id="a NULL"),
    ],
)
def test_an_engine_that_names_what_is_no_cell_is_not_believed(rows: dict[tuple[Any, ...], tuple[int, int]]) -> None:
    with pytest.raises(Fault):
        list(laid_out(found(rows, 1, 2), query(SECTORS), (ROWS, UNITS)))


def test_an_engine_that_names_a_cell_twice_or_gives_other_columns_is_not_believed() -> None:
    once = found({("b",): (1, 1)}, 1, 2)
    twice = pa.Table.from_batches([once, once]).combine_chunks().to_batches()[0]
    for batch in (twice, once.select(["g0", "s0"])):
        with pytest.raises(Fault):
            list(laid_out(batch, query(SECTORS), (ROWS, UNITS)))


@given(st.dictionaries(st.sampled_from(list(product(SECTORS.keys, LEAVES, DAYS.keys))), st.tuples(st.integers(0, 99))))
def test_regions_above_hold_the_totals_of_those_below(rows: dict[tuple[Any, ...], tuple[int]]) -> None:
    asked = query(SECTORS, TREE, DAYS, measures=(ROWS,))
    cells = cells_of(asked, [0, 0, 0])
    (vector,) = laid_out(found(rows, 3, 1), asked, (ROWS,))
    assert cells == tuple(product(SECTORS.keys, TREE.tree, DAYS.keys)) and asked.levels == 3
    for (sector, place, day), value in zip(cells, vector, strict=True):
        below = [leaf for leaf in LEAVES if leaf == place or leaf.startswith(f"{place}/")]
        assert value == sum(rows.get((sector, leaf, day), (0,))[0] for leaf in below)


@pytest.mark.parametrize("max_groups", [1, 2, 3])
def test_a_unit_moves_a_tree_by_no_more_than_its_sensitivity(max_groups: int) -> None:
    asked = query(TREE, measures=(ROWS,))
    worst = [0, 0]
    for counts in product(range(ROWS.max_rows + 1), repeat=3):
        if sum(map(bool, counts)) <= max_groups:
            rows = {(leaf,): (count,) for leaf, count in zip(LEAVES, counts, strict=True) if count}
            (vector,) = laid_out(found(rows, 1, 1), asked, (ROWS,))
            worst = [max(worst[0], sum(vector)), max(worst[1], sum(value * value for value in vector))]
    bound = sensitivity(ROWS, max_groups, asked.levels)
    assert worst[0] == bound.l1
    # two of three leaves have one region above them, and the third has another: the bound is for any tree
    assert worst[1] <= bound.l2_squared
    assert max_groups > 2 or worst[1] == bound.l2_squared


def test_a_histogram_is_laid_out_with_the_nodes_above_its_bins() -> None:
    asked = query(SECTORS, measures=(BINS,))
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["b", "b", "c"]), pa.array([0, 8, 2], pa.int64()), pa.array([3, 1, 2], pa.int64())],
        names=["g0", "b", "s0"],
    )
    (vector,) = laid_out(batch, asked, (BINS,))
    # five bins, then three pairs of them, then two pairs of those; sector by sector
    assert vector == (3, 0, 0, 0, 1, 3, 0, 1, 3, 1) + (0,) * 10 + (0, 2, 0, 0, 0, 2, 0, 0, 2, 0)
