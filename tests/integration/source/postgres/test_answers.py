"""PostgreSQL answers as the reference does, in plain Python on the same rows: to the last digit and byte."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, DailyPlan, GroupKey, RowScope
from tests.integration.source.engine_bench import Bench
from tests.integration.source.postgres.tables import COLUMNS, Tables
from tests.integration.source.questions import questions, rows, with_patience
from tests.integration.source.reference import Key, Row, expected
from tests.integration.source.test_joins import NAMES, joins
from tests.integration.source.test_joins import _expected as joined_as_expected
from tests.integration.source.test_joins import tables as joined_tables

MakeContract = Callable[..., DataContract]
fewer = settings(with_patience, max_examples=with_patience.max_examples // 2)
"""Each example is a table of a server."""


@pytest.fixture(scope="module")
def contract(make_table_contract: MakeContract, tables: Tables) -> DataContract:
    tables.make("asked")
    return make_table_contract("asked")


def cells(source: PostgresSource, plan: AggregatePlan) -> dict[Key, Key]:
    batch = source.aggregates(plan)
    width = len(plan.group_by) + (plan.measures[0].kind is MeasureKind.BINS)
    answers: list[tuple[Any, ...]] = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return {row[:width]: row[width:] for row in answers}


@fewer
@given(st.data(), st.lists(rows, max_size=30))
def test_it_aggregates_as_the_reference(
    source: PostgresSource, contract: DataContract, tables: Tables, data: st.DataObject, table: list[Row]
) -> None:
    plan = data.draw(questions(contract))
    tables.fill("asked", table)
    assert cells(source, plan) == expected(table, plan)


@dataclass
class _Sides:
    """Both datasets of a join."""

    own: DataContract
    other: DataContract


@pytest.fixture(scope="module")
def sides(make_table_contract: MakeContract, tables: Tables) -> _Sides:
    for name in ("own", "other"):
        tables.make(name, (), **{column: COLUMNS[column] for column in NAMES})
    return _Sides(make_table_contract("own", NAMES), make_table_contract("other", NAMES))


@fewer
@given(st.data(), joined_tables, joined_tables)
def test_it_joins_as_the_reference(
    source: PostgresSource, sides: Any, tables: Tables, data: st.DataObject, own: list[Row], other: list[Row]
) -> None:
    plan = data.draw(joins(sides))
    tables.fill("own", own)
    tables.fill("other", other)
    assert cells(source, plan) == joined_as_expected(own, other, plan)


@fewer
@given(st.lists(rows, max_size=30), st.integers(1, 3), st.sampled_from([None, "hz"]))
def test_it_counts_days_as_the_embedded_engine_does(
    source: PostgresSource,
    bench: Bench,
    contract: DataContract,
    tables: Tables,
    table: list[Row],
    most: int,
    region: str | None,
) -> None:
    tables.fill("asked", table)
    bench.write(table)
    plan = DailyPlan(
        contract=contract,
        scope=RowScope(region, None, ()),
        advances_by="moment",
        begin=date(2025, 12, 30),
        first=date(2025, 12, 31),
        after=date(2026, 1, 3),
        days_per_unit=most,
        group_by=(GroupKey("category", ("x", "y", "z")),),
        measures=(Measure(MeasureKind.ROWS, 2), Measure(MeasureKind.TOTAL, 2, "amount", Bounds(-5, 9))),
        max_groups=1,
        salt="5a",
    )
    assert source.days(plan).equals(bench.source.days(replace(plan, contract=bench.contract)))


def test_it_tells_guessable_columns_from_others(
    source: PostgresSource, make_table_contract: MakeContract, tables: Tables
) -> None:
    names = ("subject", "category")
    tables.make("guessed", subject="text", category="text")
    tables.session.execute(
        b"INSERT INTO city.guessed SELECT md5(g::text), CASE WHEN g % 3 = 0 THEN 'x' ELSE 'y' END "
        b"FROM generate_series(1, 30000) g"
    )
    contract = make_table_contract("guessed", names)
    everything = RowScope(None, None, ())
    assert source.guessable(contract, "category", everything)
    assert not source.guessable(contract, "subject", everything)
