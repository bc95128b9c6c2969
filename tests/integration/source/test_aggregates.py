"""Bounded aggregates of the engine against plain Python on the same rows, and the promise of their sensitivity."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from math import prod
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.source_duckdb import DuckDBSource
from gateway.adapters.source_kept import KeptAggregates
from gateway.adapters.source_parts import Room
from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import (
    LONGEST_KEY,
    AggregatePlan,
    AsFound,
    AsIs,
    AtLevel,
    GroupKey,
    InBins,
    InPeriod,
    RowScope,
    finds_keys,
)
from gateway.privacy.sensitivity import sensitivity

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

LEAST, MOST = -(2**63), 2**63 - 1
ROWS, UNITS = Measure(MeasureKind.ROWS, 1), Measure(MeasureKind.UNITS, 1)
COUNTS = (MeasureKind.ROWS, MeasureKind.UNITS)

amounts = st.one_of(st.none(), st.integers(-20, 20), st.sampled_from([LEAST, MOST, LEAST + 1, 2**53 + 1]))
ratios = st.one_of(
    st.none(),
    st.floats(-3, 3),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.005, 0.015, -0.005, 1.0, 1e300, 5e-324, -0.0]),
)
moments = st.datetimes(datetime(2025, 12, 29), datetime(2026, 1, 3, 2)).map(lambda at: at.replace(microsecond=0))
rows = st.fixed_dictionaries(
    {
        "subject": st.sampled_from([None, "a", "b", "c", "1", "1:a", "", " a", "ａ"]),
        "region": st.sampled_from(
            ["hz", "hz/xc", "hz/xcx", "hz/xc/wl", "hz/xc/wl/c1", "hzx", "", "/hz", "hz//wl", None]
        ),
        "amount": amounts,
        "category": st.sampled_from(["x", "y", "z", "other", None]),
        "score": st.sampled_from([1, 2, 11, 99, None]),
        "consent": st.sampled_from([True, True, True, False, None]),
        "ratio": ratios,
        "day": st.one_of(st.none(), moments.map(lambda at: at.date())),
        "moment": st.one_of(st.none(), moments),
    }
)
narrow = st.tuples(st.integers(-30, 30), st.integers(-30, 30)).map(lambda pair: Bounds(min(pair), max(pair)))
wide = st.tuples(st.integers(-(2**58), 2**58), st.integers(-(2**58), 2**58)).map(
    lambda pair: Bounds(min(pair), max(pair))
)
most_rows = st.integers(1, 4)
about_numbers = st.sampled_from([MeasureKind.TOTAL, MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES])
counting = st.builds(Measure, st.sampled_from(COUNTS), most_rows)


@st.composite
def measures(draw: st.DrawFn) -> tuple[Measure, ...]:
    """Several sums at once, a field within one pair of bounds; or a histogram."""
    field = draw(st.sampled_from(["amount", "ratio"]))
    bounds = draw(narrow)
    of_field = st.builds(Measure, about_numbers, most_rows, st.just(field), st.just(bounds))
    of_total = st.builds(Measure, st.just(MeasureKind.TOTAL), most_rows, st.just("amount"), wide)
    bins = st.builds(Measure, st.just(MeasureKind.BINS), most_rows, st.just(field), st.just(bounds), st.integers(1, 20))
    return draw(
        st.one_of(
            st.lists(st.one_of(counting, of_field), min_size=1, max_size=4).map(tuple),
            st.tuples(of_total),
            st.tuples(bins),
        )
    )


DAYS = tuple(date(2025, 12, 29) + timedelta(days=number) for number in range(5))
groups = st.sampled_from(
    [
        (),
        (GroupKey("category", ("x", "y", "z")),),
        (GroupKey("score", (1, 2, 11)),),
        (GroupKey("category", ("x", "y", "z")), GroupKey("score", (1, 2, 11))),
        (GroupKey("region", ("hz", "hz/xc")),),
        (GroupKey("region", ("hz/xc", "hz/xcx"), AtLevel(2)),),
        (GroupKey("region", ("hz/xc/wl",), AtLevel(3)), GroupKey("category", ("x", "y"))),
        (GroupKey("day", DAYS, InPeriod(Period.DAY)),),
        (GroupKey("day", (date(2025, 12, 29),), InPeriod(Period.WEEK)),),
        (GroupKey("moment", (date(2025, 12, 1), date(2026, 1, 1)), InPeriod(Period.MONTH)),),
        (GroupKey("moment", (date(2025, 1, 1), date(2026, 1, 1)), InPeriod(Period.YEAR)),),
        (GroupKey("moment", tuple(datetime(2026, 1, 1, hour) for hour in range(24)), InPeriod(Period.HOUR)),),
        (GroupKey("score", tuple(range(0, 13, 5)), InBins(Bounds(0, 12), 5)),),
        (GroupKey("ratio", tuple(range(-200, 201, 150)), InBins(Bounds(-200, 200), 150)),),
        (GroupKey("category", (), AsFound()),),
        (GroupKey("score", (), AsFound()), GroupKey("category", ("x", "y"))),
        (GroupKey("day", (), AsFound()), GroupKey("region", (), AsFound())),
    ]
)
scopes = st.builds(
    RowScope,
    st.sampled_from([None, "hz", "hz/xc"]),
    st.sampled_from([None, "consent"]),
    st.sampled_from(
        [
            (),
            (Condition("amount", Operator.GREATER_OR_EQUAL, (-5,)),),
            (Condition("score", Operator.IN, (1, 11)), Condition("category", Operator.EQUAL, ("x",))),
        ]
    ),
)


@st.composite
def questions(draw: st.DrawFn, contract: DataContract) -> AggregatePlan:
    return AggregatePlan(
        contract,
        draw(scopes),
        draw(groups),
        draw(measures()),
        draw(st.integers(1, 4)),
        draw(st.text("0123456789abcdef", min_size=2, max_size=8)),
    )


def _holds(row: Row, condition: Condition) -> bool:
    value: Any = row[condition.field]
    if value is None:
        return False
    answers: dict[Operator, bool] = {
        Operator.EQUAL: value == condition.values[0],
        Operator.IN: value in condition.values,
        Operator.GREATER_OR_EQUAL: condition.operator is Operator.GREATER_OR_EQUAL and value >= condition.values[0],
    }
    return answers[condition.operator]


def _number(value: Any, bounds: Bounds) -> int | None:
    """A number as statistics count it; those of `ratio` in hundredths."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int):
        return _clamp(value, bounds.lower, bounds.upper)
    scaled = value * 100
    if scaled <= bounds.lower:
        return bounds.lower
    if scaled >= bounds.upper:
        return bounds.upper
    return _rounded(scaled)


def _rounded(value: float) -> int:
    """Half away from zero, as engines do."""
    whole = math.floor(abs(value))
    return int(math.copysign(whole + (abs(value) - whole >= 0.5), value))


def _key(row: Row, group: GroupKey) -> Any:
    value = row[group.field]
    match group.by:
        case AsIs() | AsFound():
            return value
        case AtLevel(depth):
            parts = [] if value is None else value.split("/")[:depth]
            return "/".join(parts) if len(parts) == depth and all(parts) else None
        case InPeriod(period):
            return None if value is None else _start(value, period)
        case InBins(bounds, width):
            number = _number(value, bounds)
            return None if number is None else bounds.lower + (number - bounds.lower) // width * width


def _start(value: Any, period: Period) -> Any:
    if period is Period.HOUR:
        return value.replace(minute=0, second=0)
    day = value.date() if isinstance(value, datetime) else value
    starts = {
        Period.DAY: day,
        Period.WEEK: day - timedelta(days=day.weekday()),
        Period.MONTH: day.replace(day=1),
        Period.YEAR: day.replace(month=1, day=1),
    }
    return starts[period]


def _in_scope(row: Row, plan: AggregatePlan) -> bool:
    scope, region = plan.scope, row["region"]
    within = scope.region is None or (
        region is not None and region.split("/")[: scope.region.count("/") + 1] == scope.region.split("/")
    )
    consented = scope.consent_field is None or row[scope.consent_field] is True
    declared = all(
        _key(row, key) is not None if isinstance(key.by, AsFound) else _key(row, key) in key.keys
        for key in plan.group_by
    )
    return within and consented and declared and all(_holds(row, condition) for condition in scope.conditions)


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _contribution(measure: Measure, cell_rows: list[Row]) -> int:
    most, kind = measure.max_rows, measure.kind
    if kind is MeasureKind.ROWS:
        return min(len(cell_rows), most)
    if kind is MeasureKind.UNITS:
        return 1
    assert measure.bounds is not None and measure.field is not None
    low, high = measure.bounds.lower, measure.bounds.upper
    found = [_number(row[measure.field], measure.bounds) for row in cell_rows]
    values = [value for value in found if value is not None]
    if kind is MeasureKind.PRESENT:
        return min(len(values), most)
    if kind is MeasureKind.TOTAL:
        return _clamp(sum(values), min(0, most * low), max(0, most * high))
    offsets = [value - measure.centre for value in values]
    if kind is MeasureKind.SQUARES:
        offsets = [_rounded(float(offset) * float(offset) / measure.step) for offset in offsets]
    total = sum(offsets)
    if len(values) > most:
        total = _rounded(float(total) * most / len(values))
    return _clamp(total, 0 if kind is MeasureKind.SQUARES else -measure.largest, measure.largest)


def _bins(plan: AggregatePlan, unit: str, cell: Key, cell_rows: list[Row]) -> dict[Key, tuple[int]]:
    """What a unit adds to the bins of one of its cells: bins that come first, until its rows are used up."""
    (measure,) = plan.measures
    assert measure.bounds is not None and measure.field is not None
    counted: dict[int, int] = defaultdict(int)
    for row in cell_rows:
        value = _number(row[measure.field], measure.bounds)
        if value is not None:
            counted[measure.bounds.lower + (value - measure.bounds.lower) // measure.width * measure.width] += 1
    left, taken = measure.max_rows, {}
    for bin_ in sorted(counted, key=lambda lower: (_hash(plan.salt, unit, (*cell, lower)), lower)):
        taken[(*cell, bin_)] = (min(left, counted[bin_]),)
        left -= taken[(*cell, bin_)][0]
    return taken


def _hash(salt: str, unit: str, cell: Key) -> str:
    *framed, last = (unit, *map(str, cell)) if cell else (unit,)
    text = salt[:16] + "".join(f"{len(part)}:{part}" for part in framed) + last
    return hashlib.md5(text.encode()).hexdigest()


def _expected(table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
    """The semantics of the plan in plain Python: {cell: values}."""
    histogram = plan.measures[0].kind is MeasureKind.BINS
    cells: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in table:
        counts = not histogram or _contribution(replace(plan.measures[0], kind=MeasureKind.PRESENT), [row])
        if row["subject"] not in (None, " a", "ａ") and _in_scope(row, plan) and counts:
            cells[row["subject"]][tuple(_key(row, key) for key in plan.group_by)].append(row)
    drawn = finds_keys(plan.group_by) or (
        bool(plan.group_by) and prod(len(key.keys) for key in plan.group_by) > plan.max_groups
    )
    result: dict[Key, list[int]] = {}
    for unit, own in cells.items():
        kept = sorted(own, key=lambda cell: (_hash(plan.salt, unit, cell), cell))
        for cell in kept[: plan.max_groups] if drawn else kept:
            parts = {cell: tuple(_contribution(measure, own[cell]) for measure in plan.measures)}
            for place, added in (_bins(plan, unit, cell, own[cell]) if histogram else parts).items():
                totals = result.setdefault(place, [0] * len(plan.measures))
                for number, value in enumerate(added):
                    totals[number] += value
    return {cell: tuple(_clamp(total, LEAST, MOST) for total in totals) for cell, totals in result.items()}


class Bench:
    """Answers of the engine for rows given one time after another."""

    def __init__(self, folder: Path, schema: pa.Schema, make_contract: Callable[..., DataContract]) -> None:
        self.folder, self.schema = folder, schema
        contract = make_contract("table.parquet")
        ratio = replace(contract.fields["ratio"], decimals=2)
        self.contract = replace(contract, fields={**contract.fields, "ratio": ratio})
        self.source = DuckDBSource(folder, memory_limit="256MB", threads=2)
        self.kept = KeptAggregates(self.source, 2**20)

    def answer(self, table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
        pq.write_table(pa.Table.from_pylist(table, self.schema), self.folder / "table.parquet")
        batch = self.kept.aggregates(plan)  # of the engine, since the table is another one; and then of what is kept
        assert self.kept.aggregates(plan).equals(batch)
        width = len(plan.group_by) + (plan.measures[0].kind is MeasureKind.BINS)
        assert batch.schema.names[width:] == [f"s{place}" for place in range(len(plan.measures))]
        assert all(kind == pa.int64() for kind in batch.schema.types[width:])
        answers = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        cells = {row[:width]: row[width:] for row in answers}
        assert len(cells) == len(answers)
        return cells


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema, make_contract: Callable[..., DataContract]
) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("aggregates"), schema, make_contract)
    yield bench
    bench.source.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.lists(rows, max_size=30))
def test_the_engine_answers_as_the_reference(bench: Bench, data: st.DataObject, table: list[Row]) -> None:
    plan = data.draw(questions(bench.contract))
    assert bench.answer(table, plan) == _expected(table, plan)


def test_a_text_that_is_too_long_and_a_day_beyond_the_calendar_are_no_found_keys(bench: Bench) -> None:
    row: Row = dict.fromkeys(bench.schema.names)
    longest = "长" * LONGEST_KEY
    table = [row | {"subject": name, "category": key} for name in "ab" for key in (longest, longest + "长", "x")]
    plan = AggregatePlan(
        bench.contract, RowScope(None, None, ()), (GroupKey("category", (), AsFound()),), (UNITS,), 3, "00"
    )
    assert bench.answer(table, plan) == {("x",): (2,), (longest,): (2,)}
    days = pa.table({"subject": ["a", "b"], "day": pa.array([10**7, 0], pa.int32()).cast(pa.date32())})
    pq.write_table(days, bench.folder / "table.parquet")
    only = {name: bench.contract.fields[name] for name in days.schema.names}
    by_day = (GroupKey("day", (), AsFound()),)
    narrow = replace(plan, contract=replace(bench.contract, fields=only, digest="days"), group_by=by_day)
    assert bench.source.aggregates(narrow).to_pylist() == [{"g0": date(1970, 1, 1), "s0": 1}]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.lists(rows, min_size=1, max_size=30))
def test_one_unit_moves_the_answer_by_no_more_than_its_bound(
    bench: Bench, data: st.DataObject, table: list[Row]
) -> None:
    plan = data.draw(questions(bench.contract))
    unit = data.draw(st.sampled_from([row["subject"] for row in table]))
    with_unit = bench.answer(table, plan)
    without = bench.answer([row for row in table if row["subject"] != unit], plan)
    alone = bench.answer([row for row in table if row["subject"] == unit], plan)
    cells = with_unit.keys() | without.keys() | alone.keys()
    nothing = (0,) * len(plan.measures)
    groups = plan.max_groups if plan.group_by else 1
    for place, measure in enumerate(plan.measures):
        bound = sensitivity(measure, groups)
        moved = []
        for cell in cells:
            change = with_unit.get(cell, nothing)[place] - without.get(cell, nothing)[place]
            assert change == alone.get(cell, nothing)[place]  # nothing of the others' changed
            moved.append(change)
        assert sum(map(abs, moved)) <= bound.l1
        assert sum(change * change for change in moved) <= bound.l2_squared
        assert len({cell[: len(plan.group_by)] for cell in alone}) <= groups


@pytest.fixture(scope="module")
def small(bench: Bench) -> Iterator[DuckDBSource]:
    """An engine whose memory holds ten rows: it goes through more of them in parts."""
    source = DuckDBSource(bench.folder, memory_limit="256MB", threads=2)
    source._room = Room(1_000)
    yield source
    source.close()


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.lists(rows, min_size=11, max_size=30))
def test_parts_add_up_to_the_whole(bench: Bench, small: DuckDBSource, data: st.DataObject, table: list[Row]) -> None:
    plan = data.draw(questions(bench.contract))
    bench.answer(table, plan)
    whole, parts = bench.source.aggregates(plan), small.aggregates(plan)
    assert parts.schema == whole.schema and parts.equals(whole)


def test_parts_stop_at_the_edge_together(bench: Bench, small: DuckDBSource) -> None:
    # every part goes beyond, and two of them come back: were each stopped by itself, the whole would hang on the parts
    for group_by in ((), (GroupKey("category", ("x",)),)):
        plan = _sum(bench.contract, LEAST + 1, MOST, 1, group_by)
        table = [_row(f"u{number}", MOST if number % 3 else LEAST) for number in range(40)]
        whole = bench.answer(table, plan)
        assert set(whole.values()) == {(MOST,)}
        assert small.aggregates(plan).column(len(group_by)).to_pylist() == [MOST]
        table = [_row(f"u{number}", LEAST if number % 2 else MOST) for number in range(40)]
        assert set(bench.answer(table, plan).values()) == {(0,)}
        assert small.aggregates(plan).column(len(group_by)).to_pylist() == [0]


def _row(subject: str | None, amount: int | None, category: str = "x") -> Row:
    given = {"subject": subject, "region": "hz", "amount": amount, "category": category, "score": 1, "consent": True}
    return given | {"ratio": None, "day": None, "moment": None}


def _sum(contract: DataContract, low: int, high: int, most: int, group_by: tuple[GroupKey, ...] = ()) -> AggregatePlan:
    total = Measure(MeasureKind.TOTAL, most, "amount", Bounds(low, high))
    return AggregatePlan(contract, RowScope(None, None, ()), group_by, (total,), 1, "00")


def test_null_is_nothing_and_never_a_bound(bench: Bench) -> None:
    assert bench.answer([_row("a", None)], _sum(bench.contract, 18, 65, 2)) == {(): (0,)}
    assert bench.answer([_row("a", None), _row("a", 3)], _sum(bench.contract, 18, 65, 3)) == {(): (18,)}


def test_a_total_beyond_int64_stops_at_its_edge(bench: Bench) -> None:
    plan = _sum(bench.contract, LEAST + 1, MOST, 1)
    assert bench.answer([_row("a", MOST), _row("b", MOST)], plan) == {(): (MOST,)}
    assert bench.answer([_row("a", LEAST), _row("b", LEAST)], plan) == {(): (LEAST,)}


def test_no_unit_in_scope_gives_no_row(bench: Bench) -> None:
    for group_by in ((), (GroupKey("category", ("x",)),), (GroupKey("category", ()),)):
        assert (
            bench.answer(
                [_row(None, 5), _row("a", 5, "nowhere")][: 1 + bool(group_by)], _sum(bench.contract, 0, 9, 1, group_by)
            )
            == {}
        )


def test_every_cell_of_a_unit_can_be_drawn(bench: Bench) -> None:
    table = [_row("a", 1, category) for category in "xyz"]
    group = (GroupKey("category", ("x", "y", "z")),)
    drawn: set[Key] = set()
    for salt in range(40):
        plan = _sum(bench.contract, 0, 1, 1, group)
        answer = bench.answer(table, AggregatePlan(plan.contract, plan.scope, group, plan.measures, 1, f"{salt:02x}"))
        assert len(answer) == 1
        drawn |= answer.keys()
    assert drawn == set(product("xyz"))


@pytest.mark.parametrize("max_groups", range(1, 10))
def test_units_with_more_cells_than_count_are_cut_to_those_drawn(bench: Bench, max_groups: int) -> None:
    chance = Random(max_groups)
    table = [
        _row(unit, chance.randrange(-9, 9), category) | {"score": score}
        for unit, category, score in product("abcdefgh", "xyz", (1, 2, 11))
        for _ in range(chance.randrange(1, 4))
    ]
    group_by = (GroupKey("category", ("x", "y", "z")), GroupKey("score", (1, 2, 11)))
    asked = (UNITS, Measure(MeasureKind.TOTAL, 2, "amount", Bounds(-3, 5)))
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), group_by, asked, max_groups, "c0ffee")
    answer = bench.answer(table, plan)
    assert answer == _expected(table, plan)
    assert sum(values[0] for values in answer.values()) == 8 * max_groups  # every unit has all nine cells


def test_offsets_of_very_many_rows_and_far_bounds_do_not_overflow(bench: Bench) -> None:
    # the centre of the bounds times the rows of one unit leaves 64 bits; the answer must not fail for it
    measure = Measure(MeasureKind.OFFSETS, 1, "amount", Bounds(2**62, 2**62 + 4))
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), (), (measure,), 1, "00")
    assert bench.answer([_row("a", 2**62 + 4)] * 5, plan) == {(): (2,)}


def test_a_unit_with_many_rows_weighs_as_its_mean(bench: Bench) -> None:
    kinds = (MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES)
    asked = tuple(Measure(kind, 2, "amount", Bounds(0, 10)) for kind in kinds)
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), (), asked, 1, "00")
    # ten rows of 7 count as two: two values, 2 above the centre each
    assert bench.answer([_row("a", 7)] * 10, plan) == {(): (2, 4, 8)}


@pytest.mark.parametrize("max_rows", [1, 2, 5])
@pytest.mark.parametrize("max_groups", [1, 2, 3])
def test_histograms_of_units_with_many_cells_and_rows_are_cut_alike(
    bench: Bench, max_groups: int, max_rows: int
) -> None:
    chance = Random(max_groups * 10 + max_rows)
    table = [
        _row(unit, chance.choice([None, *range(-9, 9)]), category)
        for unit, category in product("abcdefgh", "xyz")
        for _ in range(chance.randrange(1, 8))
    ]
    histogram = Measure(MeasureKind.BINS, max_rows, "amount", Bounds(-6, 6), 3)
    group_by = (GroupKey("category", ("x", "y", "z")),)
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), group_by, (histogram,), max_groups, "c0ffee")
    answer = bench.answer(table, plan)
    assert answer == _expected(table, plan)
    assert 8 * max_groups <= sum(value for (value,) in answer.values()) <= 8 * max_groups * max_rows


def _ratio(subject: str, ratio: float | None, category: str = "x") -> Row:
    return _row(subject, None, category) | {"ratio": ratio}


@pytest.mark.parametrize("extreme", [math.inf, -math.inf, 6.0, 0.0])
@pytest.mark.parametrize(
    "condition",
    [
        (),
        (Condition("ratio", Operator.GREATER, (5.0,)),),
        (Condition("ratio", Operator.LESS, (5.0,)),),
        (Condition("ratio", Operator.EQUAL, (6.0,)),),
    ],
)
def test_what_becomes_of_nan_is_no_single_person_s_doing(
    bench: Bench, extreme: float, condition: tuple[Condition, ...]
) -> None:
    # an engine that knows a column's least and greatest value may decide for all rows at once, and forget the NaN
    crowd = [_ratio(f"p{number}", math.nan) for number in range(200)] + [_ratio("q", 1.0)]
    kinds = (MeasureKind.TOTAL, MeasureKind.PRESENT, MeasureKind.OFFSETS)
    plans = [
        (ROWS, *(Measure(kind, 1, "ratio", Bounds(-200, 200)) for kind in kinds)),
        (Measure(MeasureKind.BINS, 1, "ratio", Bounds(-200, 200), 50),),
    ]
    for measures in plans:
        plan = AggregatePlan(bench.contract, RowScope(None, None, condition), (), measures, 1, "00")
        with_it, without = bench.answer([*crowd, _ratio("r", extreme)], plan), bench.answer(crowd, plan)
        for cell in with_it.keys() | without.keys():
            nothing = (0,) * len(measures)
            moved = zip(with_it.get(cell, nothing), without.get(cell, nothing), measures, strict=True)
            assert all(abs(after - before) <= measure.largest for after, before, measure in moved)


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("days", [2**31 - 1, -(2**31) + 1, 10**8, -(10**6), 2_932_897])
def test_a_date_beyond_the_calendar_fails_nobody_s_answer(bench: Bench, period: Period, days: int) -> None:
    field, start = ("moment", datetime(2026, 1, 1)) if period is Period.HOUR else ("day", date(2026, 1, 1))
    crowd = pa.Table.from_pylist(
        [_row("a", 1) | {"day": date(2026, 1, 1), "moment": datetime(2026, 1, 1)}] * 3, bench.schema
    )
    far = pa.Table.from_pylist([_row("b", 1)], bench.schema)
    columns: dict[str, pa.Array[Any]] = {
        "day": pa.array([days], pa.int32()).cast(pa.date32()),
        "moment": pa.array([max(-(2**63) + 2, min(2**63 - 2, days * 86_400_000_000))], pa.int64()).cast(
            pa.timestamp("us")
        ),
    }
    for name, column in columns.items():
        far = far.set_column(far.schema.get_field_index(name), name, column)
    pq.write_table(pa.concat_tables([crowd, far]), bench.folder / "table.parquet")
    first = date(2025, 12, 29) if period is Period.WEEK else start
    plan = AggregatePlan(
        bench.contract, RowScope(None, None, ()), (GroupKey(field, (first,), InPeriod(period)),), (ROWS,), 1, "00"
    )
    assert bench.source.aggregates(plan).column("s0").to_pylist() == [1]
