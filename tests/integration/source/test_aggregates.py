"""Bounded aggregates of the engine against plain Python on the same rows, to the edges of numbers and calendar."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.contract import Bounds
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import LONGEST_KEY, AggregatePlan, AsFound, GroupKey, InPeriod, RowScope
from tests.integration.source.engine_bench import Bench, row, total
from tests.integration.source.questions import questions, rows, with_patience
from tests.integration.source.reference import LEAST, MOST, Row, expected

ROWS = Measure(MeasureKind.ROWS, 1)
UNITS = Measure(MeasureKind.UNITS, 1)


@with_patience
@given(st.data(), st.lists(rows, max_size=30))
def test_the_engine_answers_as_the_reference(bench: Bench, data: st.DataObject, table: list[Row]) -> None:
    plan = data.draw(questions(bench.contract))
    assert bench.answer(table, plan) == expected(table, plan)


def test_a_text_that_is_too_long_and_a_day_beyond_the_calendar_are_no_found_keys(bench: Bench) -> None:
    blank: Row = dict.fromkeys(bench.schema.names)
    longest = "长" * LONGEST_KEY
    table = [blank | {"subject": name, "category": key} for name in "ab" for key in (longest, longest + "长", "x")]
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


def test_null_is_nothing_and_never_a_bound(bench: Bench) -> None:
    assert bench.answer([row("a", None)], total(bench.contract, 18, 65, 2)) == {(): (0,)}
    assert bench.answer([row("a", None), row("a", 3)], total(bench.contract, 18, 65, 3)) == {(): (18,)}


def test_a_total_beyond_int64_stops_at_its_edge(bench: Bench) -> None:
    plan = total(bench.contract, LEAST + 1, MOST, 1)
    assert bench.answer([row("a", MOST), row("b", MOST)], plan) == {(): (MOST,)}
    assert bench.answer([row("a", LEAST), row("b", LEAST)], plan) == {(): (LEAST,)}


def test_no_unit_in_scope_gives_no_row(bench: Bench) -> None:
    for group_by in ((), (GroupKey("category", ("x",)),), (GroupKey("category", ()),)):
        assert (
            bench.answer(
                [row(None, 5), row("a", 5, "nowhere")][: 1 + bool(group_by)], total(bench.contract, 0, 9, 1, group_by)
            )
            == {}
        )


def test_offsets_of_very_many_rows_and_far_bounds_do_not_overflow(bench: Bench) -> None:
    # the centre of the bounds times the rows of one unit leaves 64 bits; the answer must not fail for it
    measure = Measure(MeasureKind.OFFSETS, 1, "amount", Bounds(2**62, 2**62 + 4))
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), (), (measure,), 1, "00")
    assert bench.answer([row("a", 2**62 + 4)] * 5, plan) == {(): (2,)}


def test_a_unit_with_many_rows_weighs_as_its_mean(bench: Bench) -> None:
    kinds = (MeasureKind.PRESENT, MeasureKind.OFFSETS, MeasureKind.SQUARES)
    asked = tuple(Measure(kind, 2, "amount", Bounds(0, 10)) for kind in kinds)
    plan = AggregatePlan(bench.contract, RowScope(None, None, ()), (), asked, 1, "00")
    # ten rows of 7 count as two: two values, 2 above the centre each
    assert bench.answer([row("a", 7)] * 10, plan) == {(): (2, 4, 8)}


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("days", [2**31 - 1, -(2**31) + 1, 10**8, -(10**6), 2_932_897])
def test_a_date_beyond_the_calendar_fails_nobody_s_answer(bench: Bench, period: Period, days: int) -> None:
    field, start = ("moment", datetime(2026, 1, 1)) if period is Period.HOUR else ("day", date(2026, 1, 1))
    crowd = pa.Table.from_pylist(
        [row("a", 1) | {"day": date(2026, 1, 1), "moment": datetime(2026, 1, 1)}] * 3, bench.schema
    )
    far = pa.Table.from_pylist([row("b", 1)], bench.schema)
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
