"""Spark answers as the reference does, in plain Python on the same rows: to the last digit and byte."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.spark.source import SparkSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, DailyPlan, GroupKey, RowScope
from tests.integration.source.engine_bench import Bench
from tests.integration.source.questions import questions, rows, with_patience
from tests.integration.source.reference import Key, Row, expected
from tests.integration.source.spark.lakes import Files
from tests.integration.source.test_joins import NAMES, joins
from tests.integration.source.test_joins import _expected as joined_as_expected
from tests.integration.source.test_joins import tables as joined_tables

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

MakeContract = Callable[..., DataContract]
few = settings(with_patience, max_examples=max(3, with_patience.max_examples // 25))
"""A question takes a cluster's engine some tenths of a second, so several are asked of a table."""


@pytest.fixture(scope="module")
def contract(make_lake_contract: MakeContract) -> DataContract:
    return make_lake_contract("asked")


def cells(source: SparkSource, plan: AggregatePlan) -> dict[Key, Key]:
    batch = source.aggregates(plan)
    width = len(plan.group_by) + (plan.measures[0].kind is MeasureKind.BINS)
    answers: list[tuple[Any, ...]] = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return {row[:width]: row[width:] for row in answers}


@few
@given(st.data(), st.lists(rows, max_size=30))
def test_it_aggregates_as_the_reference(
    source: SparkSource, contract: DataContract, lake: Files, data: st.DataObject, table: list[Row]
) -> None:
    lake.fill("asked", table)
    for _ in range(3):
        plan = data.draw(questions(contract))
        assert cells(source, plan) == expected(table, plan)


@dataclass
class _Sides:
    """Both datasets of a join."""

    own: DataContract
    other: DataContract


@pytest.fixture(scope="module")
def sides(make_lake_contract: MakeContract) -> _Sides:
    return _Sides(make_lake_contract("own", NAMES), make_lake_contract("other", NAMES))


@few
@given(st.data(), joined_tables, joined_tables)
def test_it_joins_as_the_reference(
    source: SparkSource, sides: Any, lake: Files, data: st.DataObject, own: list[Row], other: list[Row]
) -> None:
    lake.fill("own", own)
    lake.fill("other", other)
    plan = data.draw(joins(sides))
    assert cells(source, plan) == joined_as_expected(own, other, plan)


@few
@given(st.lists(rows, max_size=30), st.integers(1, 3), st.sampled_from([None, "hz"]))
def test_it_counts_days_as_the_embedded_engine_does(
    source: SparkSource,
    bench: Bench,
    contract: DataContract,
    lake: Files,
    table: list[Row],
    most: int,
    region: str | None,
) -> None:
    lake.fill("asked", table)
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
