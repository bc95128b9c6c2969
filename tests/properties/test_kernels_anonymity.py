"""k-anonymity, l-diversity and t-closeness against a reference that is slow and follows the definitions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.worst_class import measure
from gateway.kernels.anonymity.census import Census, Demand, Figures, Tally
from gateway.kernels.anonymity.sensitive import holdings
from gateway.kernels.anonymity.units import UNIT_BITS

FIELDS: list[tuple[str, pa.DataType]] = [
    ("district", pa.string()),
    ("floor", pa.int64()),
    ("amount", pa.float64()),
    ("urban", pa.bool_()),
    ("born", pa.date32()),
    ("illness", pa.string()),
    ("salary", pa.int64()),
    ("seen", pa.date32()),
]
SCHEMA = pa.schema(FIELDS)
QUASI = ("district", "floor", "amount", "urban", "born")
WORDS, NUMBERS = ("illness",), ("salary", "seen")
SENSITIVE = WORDS + NUMBERS
DAY = date(1990, 1, 1)


@dataclass(frozen=True)
class Row:
    unit: int | None
    quasi: tuple[Any, ...]
    sensitive: tuple[Any, ...]


def _or_null(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(values, values, values, st.none())


days = st.integers(0, 3).map(lambda years: DAY + timedelta(365 * years))
rows = st.builds(
    Row,
    st.one_of(st.integers(0, 6), st.integers(0, 6), st.none()),
    st.tuples(
        _or_null(st.sampled_from(["", "上城", "xihu"])),
        st.sampled_from([None, 0, 0, 0, -(2**63), 2**63 - 1]),
        st.sampled_from([None, 0.0, 0.0, -0.0]),
        st.sampled_from([None, True, True]),
        st.sampled_from([None, DAY, DAY, DAY]),
    ),
    st.tuples(_or_null(st.sampled_from("abcde")), _or_null(st.sampled_from([-5, 0, 10, 2**62])), _or_null(days)),
)
# few classes with many rows each, so that k, l and t are met now and then
crowds = st.builds(
    lambda some, more: [Row(one.unit, some[0].quasi, one.sensitive) for one in more] + some,
    st.lists(rows, min_size=1, max_size=6),
    st.lists(rows, max_size=20),
)
tables = st.one_of(st.lists(rows, max_size=30), crowds)


def _tag(unit: int | None) -> bytes:
    return bytes(16) if unit is None else sha256(str(unit).encode()).digest()[:16]


def _batch(table: list[Row]) -> pa.RecordBatch:
    columns = list(zip(*((*row.quasi, *row.sensitive) for row in table), strict=True)) or [()] * len(SCHEMA)
    return pa.record_batch(
        [pa.array(list(column), kind) for column, kind in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA
    )


def _tags(table: list[Row]) -> bytes:
    return b"".join(_tag(row.unit) for row in table)


def _cut(table: list[Row], cuts: Iterable[int]) -> list[list[Row]]:
    ends = sorted({0, len(table), *(cut % (len(table) + 1) for cut in cuts)})
    return [table[start:end] for start, end in pairwise(ends)]


# The reference


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(repr(value) for value in row.quasi)  # tells -0.0 from 0.0, True from 1, and NULL from all


def _classes(table: list[Row]) -> dict[Any, list[Row]]:
    classes: dict[Any, list[Row]] = defaultdict(list)
    for row in table:
        classes[_key(row)].append(row)
    return classes


def _units(members: list[Row]) -> int:
    return len({row.unit for row in members if row.unit is not None})


def _held(members: list[Row], place: int) -> dict[int, set[Any]]:
    held: dict[int, set[Any]] = defaultdict(set)
    for row in members:
        if row.unit is not None:
            held[row.unit].add(row.sensitive[place])
    return held


def _diversity(members: list[Row], place: int) -> int:
    held = {unit: values - {None} for unit, values in _held(members, place).items() if values - {None}}
    if not held:
        return 0
    holders = {value: sum(value in values for values in held.values()) for value in set().union(*held.values())}
    voices = {min(values, key=lambda value: (holders[value], value)) for values in held.values()}
    return min(len(voices), 1 + len(held) - max(holders.values()))


def _shares(held: dict[int, set[Any]]) -> dict[Any, Fraction]:
    shares: dict[Any, Fraction] = defaultdict(Fraction)
    for values in held.values():
        for value in values:
            shares[value] += Fraction(1, len(values) * len(held))
    return shares


def _distance(members: list[Row], table: list[Row], place: int, ordered: bool) -> Fraction:
    of_class, of_table = _shares(_held(members, place)), _shares(_held(table, place))
    if not of_class:
        return Fraction(0)
    if not ordered:
        return sum((abs(of_class[value] - of_table[value]) for value in of_table), Fraction(0)) / 2
    nulls, all_nulls = of_class.pop(None, Fraction(0)), of_table.pop(None, Fraction(0))
    values = sorted(of_table)
    moved = Fraction(0)
    if nulls < 1 and len(values) > 1:
        climbed = Fraction(0)
        for value in values[:-1]:
            climbed += of_class[value] / (1 - nulls) - of_table[value] / (1 - all_nulls)
            moved += abs(climbed)
        moved /= len(values) - 1
    return abs(nulls - all_nulls) + min(1 - nulls, 1 - all_nulls) * moved


def _may_leave(table: list[Row], demand: Demand) -> dict[Any, bool]:
    leave = {}
    for key, members in _classes(table).items():
        leave[key] = (
            _units(members) >= demand.k
            and all(_diversity(members, SENSITIVE.index(name)) >= least for name, least in demand.diversity.items())
            and all(
                _distance(members, table, SENSITIVE.index(name), name in NUMBERS) <= Fraction(most)
                for name, most in demand.closeness.items()
            )
        )
    return leave


# The comparison

demands = st.builds(
    Demand,
    st.lists(st.sampled_from(QUASI), min_size=5, max_size=5, unique=True).map(tuple),
    st.integers(1, 5),
    st.dictionaries(st.sampled_from(SENSITIVE), st.integers(1, 3), max_size=2),
    # no distance of so few units equals one of these
    st.dictionaries(st.sampled_from(SENSITIVE), st.sampled_from([0.1234567, 0.3456789, 0.5678901]), max_size=2),
)


def _decided(table: list[Row], demand: Demand, first: Iterable[int], second: Iterable[int]) -> tuple[list[bool], Tally]:
    census = Census(demand)
    for part in _cut(table, first):
        census.add(_batch(part), _tags(part))
    verdicts = census.verdicts()
    return [
        bool(leaves) for part in _cut(table, second) for leaves in verdicts.mask(_batch(part)).to_pylist()
    ], verdicts.tally


def _figures(table: list[Row], census: Census, first: Iterable[int]) -> Figures:
    for part in _cut(table, first):
        census.add(_batch(part), _tags(part))
    return census.figures()


cuts = st.lists(st.integers(0, 100), max_size=5)


@given(tables, demands, cuts, cuts)
def test_the_rows_that_leave_are_those_of_the_definition(
    table: list[Row], demand: Demand, first: list[int], second: list[int]
) -> None:
    leave = _may_leave(table, demand)
    expected = [leave[_key(row)] for row in table]
    decided, tally = _decided(table, demand, first, second)
    assert decided == expected
    assert (tally.classes, tally.rows_withheld) == (len(leave), expected.count(False))


@given(tables, demands, cuts, cuts, st.permutations(range(30)))
def test_neither_batches_nor_the_order_of_rows_decide(
    table: list[Row], demand: Demand, first: list[int], second: list[int], order: list[int]
) -> None:
    decided, tally = _decided(table, demand, [], [])
    assert _decided(table, demand, first, second) == (decided, tally)
    order = [place for place in order if place < len(table)]
    shuffled, shuffled_tally = _decided([table[place] for place in order], demand, second, first)
    assert shuffled_tally == tally
    assert shuffled == [decided[place] for place in order]


@given(tables, st.integers(1, 4), st.booleans(), cuts)
def test_units_of_each_class_are_counted_up_to_k_or_to_the_last(
    table: list[Row], k: int, exact: bool, first: list[int]
) -> None:
    figures = _figures(table, Census(Demand(QUASI, k), exact=exact), first)
    present = figures.rows > 0
    assert Counter(zip(figures.rows[present].tolist(), figures.units[present].tolist(), strict=True)) == Counter(
        (len(members), _units(members) if exact else min(k, _units(members))) for members in _classes(table).values()
    )


@given(tables, cuts)
def test_each_class_is_as_diverse_and_as_near_as_defined(table: list[Row], first: list[int]) -> None:
    asked = Demand(QUASI, 1, dict.fromkeys(SENSITIVE, 1), dict.fromkeys(SENSITIVE, 1.0))
    figures = _figures(table, Census(asked), first)
    present = figures.rows > 0
    counted = [figures.rows, figures.units, *(figures.diversity[name] for name in SENSITIVE)]
    classes = list(_classes(table).values())
    assert Counter(zip(*(numbers[present].tolist() for numbers in counted), strict=True)) == Counter(
        (len(members), _units(members), *(_diversity(members, place) for place in range(len(SENSITIVE))))
        for members in classes
    )
    for place, name in enumerate(SENSITIVE):
        distances = sorted(float(_distance(members, table, place, name in NUMBERS)) for members in classes)
        assert sorted(figures.closeness[name][present]) == pytest.approx(distances, abs=1e-9)


@given(tables, cuts)
def test_measures_are_those_of_the_definition(table: list[Row], first: list[int]) -> None:
    found = measure(((_batch(part), _tags(part)) for part in _cut(table, first)), QUASI, SENSITIVE)
    classes = list(_classes(table).values())
    assert (found.rows, found.classes) == (len(table), len(classes))
    assert found.k == min(map(_units, classes), default=0)
    for place, name in enumerate(SENSITIVE):
        assert found.diversity[name] == min((_diversity(members, place) for members in classes), default=0)
        farthest = max((_distance(members, table, place, name in NUMBERS) for members in classes), default=Fraction(0))
        assert found.closeness[name] == pytest.approx(float(farthest), abs=1e-9)


@given(tables, demands)
def test_what_has_left_meets_k_and_l_by_itself(table: list[Row], demand: Demand) -> None:
    decided, _ = _decided(table, demand, [], [])
    left = [row for row, leaves in zip(table, decided, strict=True) if leaves]
    for members in _classes(left).values():
        assert _units(members) >= demand.k
        for name, least in demand.diversity.items():
            assert _diversity(members, SENSITIVE.index(name)) >= least


@given(tables, st.sampled_from([0.2, 0.5]))
def test_each_class_that_left_lies_within_twice_t_of_all_that_left(table: list[Row], most: float) -> None:
    table = [Row(unit, row.quasi, row.sensitive) for unit, row in enumerate(table) if None not in row.sensitive]
    demand = Demand(QUASI, 1, {}, dict.fromkeys(SENSITIVE, most))
    decided, _ = _decided(table, demand, [], [])
    left = [row for row, leaves in zip(table, decided, strict=True) if leaves]
    # a value that is gone narrows the order: only total variation is the same scale before and after
    assert measure([(_batch(left), _tags(left))], QUASI, WORDS).closeness["illness"] <= 2 * most + 1e-9


# Streams of some size


def _group_sizes(batch: pa.RecordBatch, units: np.ndarray[Any, Any], quasi: list[str]) -> Mapping[Any, int]:
    """Different units of each class, by Arrow's own aggregation."""
    table = pa.table({**{name: batch.column(name) for name in quasi}, "unit": pa.array(units)})
    counted = table.group_by(quasi).aggregate([("unit", "count_distinct")]).to_pydict()
    keys = zip(*(counted[name] for name in quasi), strict=True)
    return dict(zip(keys, counted["unit_count_distinct"], strict=True))


@pytest.mark.parametrize("spread", [3, 60, 5_000], ids=["few-classes", "many-classes", "hashed"])
def test_a_long_stream_is_counted_as_arrow_counts_it(spread: int) -> None:
    random = np.random.default_rng(spread)
    rows = 200_000
    words = [f"zhejiang/hangzhou/{'x' * (place % 3)}{place}" for place in range(min(spread, 700))]
    batch = pa.record_batch(
        {
            "place": pa.array(words).take(random.integers(0, len(words), rows)),
            "floor": pa.array(random.integers(0, spread, rows) * 1_000),
            "amount": pa.array(random.integers(0, min(spread, 9), rows) / 2),
        }
    )
    units = random.integers(0, 2_000, rows)
    tags = np.random.default_rng(1).bytes(16 * 2_000)
    by_row = np.frombuffer(tags, "V16")[units].tobytes()
    quasi = ["place", "floor", "amount"]
    sizes = _group_sizes(batch, units, quasi)
    k = sorted(sizes.values())[len(sizes) // 3] + 1
    census = Census(Demand(tuple(quasi), k))
    for start in range(0, rows, 50_000):
        census.add(batch.slice(start, 50_000), by_row[16 * start : 16 * (start + 50_000)])
    verdicts = census.verdicts()
    keys = zip(*(batch.column(name).to_pylist() for name in quasi), strict=True)
    expected = np.array([sizes[key] >= k for key in keys])
    assert (verdicts.mask(batch).to_numpy(zero_copy_only=False) == expected).all()
    assert verdicts.tally.rows_withheld == int((~expected).sum())
    assert measure([(batch, by_row)], quasi).k == min(sizes.values())


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.integers(0, 5)), max_size=40))
def test_holdings_are_the_same_whether_they_fit_in_a_word_or_not(triples: list[tuple[int, int, int]]) -> None:
    classes, units, ranks = np.array(triples, np.uint64).reshape(-1, 3).T
    far = np.uint64(1 << 25)  # with as many classes there is no room left for the values
    near, distant = (holdings((one << UNIT_BITS) | units, ranks) for one in (classes, classes + far))
    assert list(zip(near.pairs >> UNIT_BITS, near.pairs & np.uint64(7), near.ranks, strict=True)) == sorted({*triples})
    assert np.array_equal(near.pairs, distant.pairs - (far << UNIT_BITS))
    assert np.array_equal(near.ranks, distant.ranks)
    assert np.array_equal(near.first, distant.first)
