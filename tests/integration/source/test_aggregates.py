"""Bounded aggregates of the engine against plain Python on the same rows, and the promise of their sensitivity."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
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
from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import AggregatePlan, BoundedStatistic, GroupKey, RowScope
from gateway.model.statistics import Statistic, StatisticKind

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

LEAST, MOST = -(2**63), 2**63 - 1

amounts = st.one_of(st.none(), st.integers(-20, 20), st.sampled_from([LEAST, MOST, LEAST + 1, 2**53 + 1]))
rows = st.fixed_dictionaries(
    {
        "subject": st.sampled_from([None, "a", "b", "c", "1", "1:a", "", " a", "ａ"]),
        "region": st.sampled_from(["hz", "hz/xc", "hz/xcx", "hz/xc/wl", "hzx", None]),
        "amount": amounts,
        "category": st.sampled_from(["x", "y", "z", "other", None]),
        "score": st.sampled_from([1, 2, 11, 99, None]),
        "consent": st.sampled_from([True, True, True, False, None]),
    }
)
bounds = st.one_of(
    st.tuples(st.integers(-30, 30), st.integers(-30, 30)),
    st.tuples(st.integers(-(2**58), 2**58), st.integers(-(2**58), 2**58)),
).map(lambda pair: Bounds(min(pair), max(pair)))
statistics = st.lists(
    st.one_of(
        st.builds(
            BoundedStatistic,
            st.sampled_from([Statistic(StatisticKind.COUNT, None), Statistic(StatisticKind.COUNT_UNITS, None)]),
            st.none(),
            st.integers(1, 4),
        ),
        st.builds(BoundedStatistic, st.just(Statistic(StatisticKind.SUM, "amount")), bounds, st.integers(1, 4)),
    ),
    min_size=1,
    max_size=3,
)
groups = st.sampled_from(
    [
        (),
        (GroupKey("category", ("x", "y", "z")),),
        (GroupKey("score", (1, 2, 11)),),
        (GroupKey("category", ("x", "y", "z")), GroupKey("score", (1, 2, 11))),
        (GroupKey("region", ("hz", "hz/xc")),),
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
        tuple(draw(statistics)),
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


def _in_scope(row: Row, plan: AggregatePlan) -> bool:
    scope, region = plan.scope, row["region"]
    within = scope.region is None or (
        region is not None and region.split("/")[: scope.region.count("/") + 1] == scope.region.split("/")
    )
    consented = scope.consent_field is None or row[scope.consent_field] is True
    declared = all(row[key.field] in key.keys for key in plan.group_by)
    return within and consented and declared and all(_holds(row, condition) for condition in scope.conditions)


def _clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def _contribution(bounded: BoundedStatistic, cell_rows: list[Row]) -> int:
    kind, most = bounded.statistic.kind, bounded.max_rows
    if kind is StatisticKind.COUNT:
        return min(len(cell_rows), most)
    if kind is StatisticKind.COUNT_UNITS:
        return 1
    assert bounded.bounds is not None
    low, high = bounded.bounds.lower, bounded.bounds.upper
    total = sum(_clamp(row["amount"], low, high) for row in cell_rows if row["amount"] is not None)
    return _clamp(total, min(0, most * low), max(0, most * high))


def _hash(salt: str, unit: str, cell: Key) -> str:
    parts = [salt, unit, *map(str, cell)]
    return hashlib.md5("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()


def _expected(table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
    """The semantics of the plan in plain Python: {cell: values}."""
    cells: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in table:
        if row["subject"] not in (None, " a", "ａ") and _in_scope(row, plan):
            cells[row["subject"]][tuple(row[key.field] for key in plan.group_by)].append(row)
    drawn = bool(plan.group_by) and prod(len(key.keys) for key in plan.group_by) > plan.max_groups
    result: dict[Key, list[int]] = {}
    for unit, own in cells.items():
        kept = sorted(own, key=lambda cell: (_hash(plan.salt, unit, cell), cell))
        for cell in kept[: plan.max_groups] if drawn else kept:
            totals = result.setdefault(cell, [0] * len(plan.statistics))
            for place, bounded in enumerate(plan.statistics):
                totals[place] += _contribution(bounded, own[cell])
    return {cell: tuple(_clamp(total, LEAST, MOST) for total in totals) for cell, totals in result.items()}


class Bench:
    """Answers of the engine for rows given one time after another."""

    def __init__(self, folder: Path, schema: pa.Schema, make_contract: Callable[..., DataContract]) -> None:
        self.folder, self.schema = folder, schema
        self.contract = make_contract("table.parquet")
        self.source = DuckDBSource(folder, memory_limit="256MB", threads=2)

    def answer(self, table: list[Row], plan: AggregatePlan) -> dict[Key, Key]:
        pq.write_table(pa.Table.from_pylist(table, self.schema), self.folder / "table.parquet")
        batch = self.source.aggregates(plan)
        width = len(plan.group_by)
        assert batch.schema.names[width:] == [f"s{place}" for place in range(len(plan.statistics))]
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
    nothing = (0,) * len(plan.statistics)
    for place, bounded in enumerate(plan.statistics):
        per_cell = 1 if bounded.statistic.kind is StatisticKind.COUNT_UNITS else bounded.max_rows
        if bounded.bounds is not None:
            per_cell *= max(abs(bounded.bounds.lower), abs(bounded.bounds.upper))
        moved = 0
        for cell in cells:
            change = with_unit.get(cell, nothing)[place] - without.get(cell, nothing)[place]
            assert change == alone.get(cell, nothing)[place]  # nothing of the others' changed
            moved += abs(change)
        assert moved <= per_cell * (plan.max_groups if plan.group_by else 1)
        assert len(alone) <= (plan.max_groups if plan.group_by else 1)


def _row(subject: str | None, amount: int | None, category: str = "x") -> Row:
    return {"subject": subject, "region": "hz", "amount": amount, "category": category, "score": 1, "consent": True}


def _sum(contract: DataContract, low: int, high: int, most: int, group_by: tuple[GroupKey, ...] = ()) -> AggregatePlan:
    bounded = BoundedStatistic(Statistic(StatisticKind.SUM, "amount"), Bounds(low, high), most)
    return AggregatePlan(contract, RowScope(None, None, ()), group_by, (bounded,), 1, "00")


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
        answer = bench.answer(table, AggregatePlan(plan.contract, plan.scope, group, plan.statistics, 1, f"{salt:02x}"))
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
    bounded = (
        BoundedStatistic(Statistic(StatisticKind.COUNT_UNITS, None), None, 1),
        BoundedStatistic(Statistic(StatisticKind.SUM, "amount"), Bounds(-3, 5), 2),
    )
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), group_by, bounded, max_groups, "c0ffee")
    answer = bench.answer(table, plan)
    assert answer == _expected(table, plan)
    assert sum(values[0] for values in answer.values()) == 8 * max_groups  # every unit has all nine cells
