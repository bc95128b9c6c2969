"""Joined rows of the engine against plain Python on the same rows, and the promise of their sensitivity."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.kept import KeptAggregates
from gateway.adapters.sources.parts import Room
from gateway.model.contract import Bounds, CanonicalForm, DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, Joining, RowScope
from gateway.model.storage import SourceKind
from gateway.privacy.sensitivity import sensitivity

Row: TypeAlias = dict[str, Any]
Key: TypeAlias = tuple[Any, ...]

NAMES = ("subject", "region", "amount", "category", "score", "consent")
BOUNDS = Bounds(-5, 5)
UNITS = ["a", "a", "a", "a", "b", "b", "c", "1", None, " a"]
WITHIN = ["hz", "hz/xc", "hz/xcx"]

rows = st.fixed_dictionaries(
    {
        "subject": st.sampled_from(UNITS),
        "region": st.sampled_from(["hz/xc", "hz/xc", "hz/xc/wl", "hz/xcx", None]),
        "amount": st.one_of(st.none(), st.integers(-9, 9)),
        "category": st.sampled_from(["x", "x", "y", "y", "z", None]),
        "score": st.sampled_from([1, 2, 11, None]),
        "consent": st.sampled_from([True, True, True, True, False, None]),
    }
)
tables = st.one_of(st.lists(rows, max_size=16), st.lists(rows, min_size=8, max_size=24))
scopes = st.builds(
    RowScope,
    st.sampled_from([None, None, *WITHIN]),
    st.sampled_from([None, "consent"]),
    st.sampled_from([(), (Condition("amount", Operator.GREATER_OR_EQUAL, (-3,)),)]),
)
MEASURES = [
    (Measure(MeasureKind.ROWS, 3), Measure(MeasureKind.UNITS, 1)),
    (Measure(MeasureKind.TOTAL, 2, "other.amount", BOUNDS), Measure(MeasureKind.TOTAL, 2, "amount", BOUNDS)),
    (Measure(MeasureKind.ROWS, 2), Measure(MeasureKind.TOTAL, 2, "other.score", Bounds(0, 10))),
]
GROUPS = [
    (),
    (GroupKey("other.category", ("x", "y")),),
    (GroupKey("category", ("x", "y")), GroupKey("other.score", (1, 2, 11))),
]


class Bench:
    """Answers of the engine for two tables, given one time after another."""

    def __init__(self, folder: Path, schema: pa.Schema, make_contract: Callable[..., DataContract]) -> None:
        self.own = make_contract("own.parquet", SourceKind.PARQUET, NAMES)
        self.other = replace(make_contract("other.csv", SourceKind.CSV, NAMES), dataset="other")
        self.folder = folder
        self.schema = pa.schema([schema.field(name) for name in NAMES])
        self.source = DuckDBSource(folder, memory_limit="256MB", threads=2)

    def write(self, own: Sequence[Row], other: Sequence[Row]) -> None:
        pq.write_table(pa.Table.from_pylist(list(own), self.schema), self.folder / "own.parquet")
        pc.write_csv(pa.Table.from_pylist(list(other), self.schema), self.folder / "other.csv")

    def answer(self, plan: AggregatePlan) -> dict[Key, Key]:
        batch = self.source.aggregates(plan)
        width = len(plan.group_by)
        answers = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        return {row[:width]: row[width:] for row in answers}


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema, make_contract: Callable[..., DataContract]
) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("joins"), schema, make_contract)
    yield made
    made.source.close()


@st.composite
def joins(draw: st.DrawFn, bench: Bench) -> AggregatePlan:
    groups, measures = draw(st.sampled_from(GROUPS)), draw(st.sampled_from(MEASURES))
    named = {group.field for group in groups} | {one.field for one in measures if one.field is not None}
    own, other = draw(st.sampled_from([(1, 1), (1, 2), (3, 1), (1, 9)]))
    joining = Joining(bench.other, draw(scopes), other, own, tuple(sorted(named)))
    salt = draw(st.text("0123456789abcdef", min_size=2, max_size=8))
    return AggregatePlan(bench.own, draw(scopes), groups, measures, draw(st.integers(1, 2)), salt, joining)


def _hash(salt: str, *values: Any) -> str:
    *framed, last = map(str, values)
    text = salt[:16] + "".join(f"{len(part)}:{part}" for part in framed) + last
    return hashlib.md5(text.encode()).hexdigest()


def _in_scope(row: Row, scope: RowScope) -> bool:
    region = row["region"]
    within = scope.region is None or (region is not None and f"{region}/".startswith(f"{scope.region}/"))
    consented = scope.consent_field is None or row["consent"] is True
    return within and consented and all(row["amount"] is not None and row["amount"] >= -3 for _ in scope.conditions)


def _taking_part(table: Sequence[Row], scope: RowScope, most: int, columns: list[str], salt: str) -> list[Row]:
    """The rows of each unit that are drawn. What is missing is hashed as an empty text, and comes last among equals."""
    units: dict[Any, list[Row]] = defaultdict(list)
    for row in table:
        if row["subject"] is not None and _in_scope(row, scope):
            units[row["subject"]].append(row)

    def order(row: Row) -> Key:
        values = [row[name] for name in columns]
        drawn = _hash(salt, row["subject"], *("" if value is None else value for value in values))
        return drawn, *((value is None, value or 0) for value in values)

    return [row for own in units.values() for row in sorted(own, key=order)[:most]]


def _expected(own: Sequence[Row], other: Sequence[Row], plan: AggregatePlan) -> dict[Key, Key]:
    """The semantics of a join in plain Python."""
    joined = plan.joined
    assert joined is not None
    mine = [name for name in joined.columns if "." not in name]
    theirs = [name.removeprefix("other.") for name in joined.columns if "." in name]
    left = _taking_part(own, plan.scope, joined.own_rows, mine, plan.salt)
    right = _taking_part(other, joined.scope, joined.rows, theirs, plan.salt)
    pairs = [
        {**one, **{f"other.{name}": value for name, value in two.items()}}
        for one, two in product(left, right)
        if one["subject"] == two["subject"] and one["subject"] != " a"
    ]
    cells: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for pair in pairs:
        cell = tuple(pair[group.field] for group in plan.group_by)
        if all(key in group.keys for key, group in zip(cell, plan.group_by, strict=True)):
            cells[pair["subject"]][cell].append(pair)
    result: dict[Key, list[int]] = {}
    for unit, held in cells.items():
        kept = sorted(held, key=lambda cell: (_hash(plan.salt, unit, *cell), cell))
        for cell in kept[: plan.max_groups] if plan.group_by else kept:
            totals = result.setdefault(cell, [0] * len(plan.measures))
            for place, measure in enumerate(plan.measures):
                totals[place] += _contribution(measure, held[cell])
    return {cell: tuple(totals) for cell, totals in result.items()}


def _contribution(measure: Measure, pairs: list[Row]) -> int:
    if measure.kind is MeasureKind.UNITS:
        return 1
    if measure.kind is MeasureKind.ROWS:
        return min(len(pairs), measure.max_rows)
    assert measure.bounds is not None and measure.field is not None
    low, high, most = measure.bounds.lower, measure.bounds.upper, measure.max_rows
    values: list[int] = [min(max(pair[measure.field], low), high) for pair in pairs if pair[measure.field] is not None]
    return min(max(sum(values), min(0, most * low)), max(0, most * high))


slow = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(st.data(), tables, tables)
def test_the_engine_joins_as_the_reference(bench: Bench, data: st.DataObject, own: list[Row], other: list[Row]) -> None:
    plan = data.draw(joins(bench))
    bench.write(own, other)
    assert bench.answer(plan) == _expected(own, other, plan)


@slow
@given(st.data(), tables, tables)
def test_a_unit_moves_no_answer_further_than_promised(
    bench: Bench, data: st.DataObject, own: list[Row], other: list[Row]
) -> None:
    """Neighbours differ by all of one unit's rows in both datasets."""
    plan = data.draw(joins(bench))
    bench.write(own, other)
    with_all = bench.answer(plan)
    bench.write([row for row in own if row["subject"] != "a"], [row for row in other if row["subject"] != "a"])
    without = bench.answer(plan)
    nothing = (0,) * len(plan.measures)
    for place, measure in enumerate(plan.measures):
        moved = [with_all.get(cell, nothing)[place] - without.get(cell, nothing)[place] for cell in with_all | without]
        bound = sensitivity(measure, plan.max_groups)
        assert sum(map(abs, moved)) <= bound.l1
        assert sum(one * one for one in moved) <= bound.l2_squared


@slow
@given(st.data(), tables, tables)
def test_parts_of_units_add_up_to_the_whole(
    bench: Bench, data: st.DataObject, own: list[Row], other: list[Row]
) -> None:
    plan = data.draw(joins(bench))
    bench.write(own, other)
    whole = bench.answer(plan)
    room = bench.source._room
    bench.source._room = Room(5_000)  # five rows at a time
    try:
        assert bench.answer(plan) == whole
    finally:
        bench.source._room = room


def _counting(bench: Bench, own_rows: int = 9, rows: int = 1) -> AggregatePlan:
    everything = RowScope(None, None, ())
    joining = Joining(bench.other, everything, rows, own_rows, ("other.category",))
    groups = (GroupKey("other.category", ("x", "y")),)
    return AggregatePlan(bench.own, everything, groups, MEASURES[0], 1, "5a", joining)


def _row(**values: Any) -> Row:
    return {**dict.fromkeys(NAMES), **values}


def test_a_histogram_is_of_joined_rows(bench: Bench) -> None:
    bench.write(
        [_row(subject="a"), _row(subject="a"), _row(subject="b")],
        [_row(subject="a", amount=2), _row(subject="b", amount=-4)],
    )
    plan = replace(
        _counting(bench),
        group_by=(),
        measures=(Measure(MeasureKind.BINS, 5, "other.amount", BOUNDS, 5),),
        joined=Joining(bench.other, RowScope(None, None, ()), 1, 9, ("other.amount",)),
    )
    batch = bench.source.aggregates(plan)
    assert dict(zip(batch.column("b").to_pylist(), batch.column("s0").to_pylist(), strict=True)) == {-5: 1, 0: 2}


def test_more_rows_than_take_part_change_nothing(bench: Bench) -> None:
    few = [_row(subject="a", category="x"), _row(subject="b", category="y")]
    bench.write(few, few)
    once = bench.answer(_counting(bench, own_rows=1))
    bench.write(few * 50, few * 50)
    assert bench.answer(_counting(bench, own_rows=1)) == once == {("x",): (1, 1), ("y",): (1, 1)}


@pytest.mark.parametrize("name", ["place", "unit", "Unit"])
def test_a_field_may_have_any_name(bench: Bench, name: str) -> None:
    """Of a field that is called as a column of the join's own, too, the first row of a unit takes part alone."""
    rows = [_row(subject="a", score=one) for one in (1, 2)] * 9 + [_row(subject="b", score=2)]
    bench.write(rows, [_row(subject="a"), _row(subject="b")])
    fields = {name if field == "score" else field: spec for field, spec in bench.own.fields.items()}
    fields[name] = replace(fields[name], name=name)
    table = pq.read_table(bench.folder / "own.parquet")
    pq.write_table(table.rename_columns(list(fields)), bench.folder / "own.parquet")
    plan = replace(
        _counting(bench, own_rows=1),
        contract=replace(bench.own, fields=MappingProxyType(fields), digest=name),
        group_by=(GroupKey(name, (1, 2)),),
        max_groups=2,
    )
    assert plan.joined is not None
    found = bench.answer(replace(plan, joined=replace(plan.joined, columns=(name,))))
    assert found.keys() <= {(1,), (2,)} and found[2,][0] >= 1
    assert [sum(column) for column in zip(*found.values(), strict=True)] == [2, 2]


@pytest.mark.parametrize(
    "other",
    [
        lambda other: replace(other, dataset="permits"),  # no name tells its fields from the plan's own
        lambda other: replace(
            other, fields={**other.fields, "subject": replace(other.fields["subject"], canonical=CanonicalForm.PLATE)}
        ),
    ],
    ids=["itself", "another form"],
)
def test_what_is_no_join_is_not_run(bench: Bench, other: Callable[[DataContract], DataContract]) -> None:
    bench.write([], [])
    plan = _counting(bench)
    assert plan.joined is not None
    with pytest.raises(ValueError):
        bench.source.aggregates(replace(plan, joined=replace(plan.joined, contract=other(bench.other))))


def test_rows_are_never_multiplied(bench: Bench) -> None:
    bench.write([], [])
    with pytest.raises(ValueError, match="one row of a unit"):
        bench.source.aggregates(_counting(bench, own_rows=2, rows=2))


def test_data_that_changes_meanwhile_gives_no_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.write([_row(subject="a")], [_row(subject="a", category="x")])
    plan = _counting(bench)
    stream = bench.source._stream

    def then_changed(files: Any, *rest: Any) -> Any:
        for batch in stream(files, *rest):
            (bench.folder / "other.csv").write_text("gone\n", "utf-8")
            yield batch

    monkeypatch.setattr(bench.source, "_stream", then_changed)
    with pytest.raises(Fault) as caught:
        bench.source.aggregates(plan)
    assert caught.value.reason is ErrorReason.SOURCE_UNAVAILABLE


def test_a_join_that_does_not_go_into_memory_is_gone_through_in_parts(bench: Bench) -> None:
    """What is charged for is not lost to an engine that runs out of memory."""
    units, visits = 15_000, 20
    names = [f"3301{number:013d}X" for number in range(units)]
    columns = {name: pa.nulls(units * visits, bench.schema.field(name).type) for name in NAMES}
    columns["subject"] = pa.array(names * visits, bench.schema.field("subject").type)
    pq.write_table(pa.table(columns, bench.schema), bench.folder / "own.parquet")
    guests = pa.Table.from_pylist([_row(subject=name, category="x") for name in names], bench.schema)
    pc.write_csv(guests, bench.folder / "other.csv")
    assert bench.answer(_counting(bench, own_rows=30)) == {("x",): (3 * units, units)}


def test_joined_answers_are_read_anew(bench: Bench) -> None:
    kept = KeptAggregates(bench.source, 2**20)
    bench.write([_row(subject="a")], [_row(subject="a", category="x")])
    assert kept.aggregates(_counting(bench)).column("g0").to_pylist() == ["x"]
    bench.write([_row(subject="a")], [_row(subject="a", category="y")])
    assert kept.aggregates(_counting(bench)).column("g0").to_pylist() == ["y"]
