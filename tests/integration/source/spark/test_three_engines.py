"""Files, a database and a lake answer alike: the same rows in each, the same questions, to the last byte and digit."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa
import pytest

from gateway.adapters.postgres.source import PostgresSource
from gateway.adapters.spark.source import SparkSource
from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AsFound, AtLevel, GroupKey, InBins, InBuckets, InPeriod, RowPlan, RowScope
from gateway.ports import Source
from tests.integration.source.engine_bench import Bench
from tests.integration.source.postgres.conftest import make_table_contract, tables  # noqa: F401
from tests.integration.source.postgres.conftest import source as database  # noqa: F401
from tests.integration.source.postgres.tables import Tables
from tests.integration.source.reference import Row
from tests.integration.source.spark.lakes import Files

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

ROWS: list[Row] = [
    {
        "subject": ["a", "b", "王", "é", "e\u0301", "ａ", "", None][number % 8],
        "region": ["hz", "hz/xc", "hz/xcx", "hz/xc/wl", None][number % 5],
        "amount": [None, 7, -(2**63), 2**63 - 1, 2**53 + 1][number % 5],
        "category": ["x", "y", "𝕏", None][number % 4],
        "score": [1, -1, 2**31 - 1, None][number % 4],
        "consent": [True, True, False, None][number % 4],
        "ratio": [0.005, -0.0, 0.015, 1e300, float("nan"), float("-inf"), None][number % 7],
        "day": [date(1, 1, 1), date(1582, 10, 10), date(2026, 1, 1), date(9999, 12, 31), None][number % 5],
        "moment": [datetime(1, 1, 1), datetime(1582, 10, 10, 23, 59, 59), datetime(2026, 3, 29, 1, 30), None][
            number % 4
        ],
    }
    for number in range(120)
]
COUNTS = (Measure(MeasureKind.ROWS, 2), Measure(MeasureKind.UNITS, 1))
EVERYTHING = RowScope(None, None, ())
AMOUNT, RATIO = Bounds(-(2**58), 2**58), Bounds(-100, 100)
DAYS = (date(1, 1, 1), date(1582, 1, 1), date(2026, 1, 1), date(9999, 1, 1))
QUESTIONS: list[tuple[RowScope, tuple[GroupKey, ...], tuple[Measure, ...], int]] = [
    (EVERYTHING, (), (Measure(MeasureKind.TOTAL, 3, "amount", AMOUNT),), 1),
    (RowScope("hz/xc", "consent", ()), (GroupKey("category", (), AsFound()),), COUNTS, 2),
    (
        EVERYTHING,
        (GroupKey("day", DAYS, InPeriod(Period.YEAR)),),
        (Measure(MeasureKind.SQUARES, 2, "ratio", RATIO),),
        2,
    ),
    (EVERYTHING, (GroupKey("moment", DAYS, InPeriod(Period.YEAR)), GroupKey("score", (1, -1))), COUNTS, 1),
    (
        EVERYTHING,
        (GroupKey("region", ("hz/xc", "hz/xcx"), AtLevel(2)),),
        (Measure(MeasureKind.OFFSETS, 2, "ratio", RATIO),),
        1,
    ),
    (EVERYTHING, (GroupKey("category", tuple(range(4)), InBuckets(4)),), COUNTS, 1),
    (EVERYTHING, (GroupKey("ratio", tuple(range(-100, 101, 50)), InBins(RATIO, 50)),), COUNTS, 1),
    (
        RowScope(None, None, (Condition("day", Operator.LESS_OR_EQUAL, (date(1582, 10, 10),)),)),
        (GroupKey("day", (), AsFound()),),
        (Measure(MeasureKind.BINS, 2, "ratio", RATIO, 30),),
        2,
    ),
]


Engines = Callable[[str], list[tuple[Source, DataContract]]]


@pytest.fixture
def engines(
    bench: Bench,
    database: PostgresSource,  # noqa: F811
    source: SparkSource,
    lake: Files,
    tables: Tables,  # noqa: F811
    make_table_contract: Callable[..., DataContract],  # noqa: F811
    make_lake_contract: Callable[..., DataContract],
) -> Engines:
    """Three engines with the same rows, each with its contract, under some name."""

    def filled(name: str) -> list[tuple[Source, DataContract]]:
        bench.write(ROWS)
        tables.make(name, ROWS)
        lake.fill(name, ROWS, files=3)
        return [
            (bench.source, bench.contract),
            (database, make_table_contract(name)),
            (source, make_lake_contract(name)),
        ]

    return filled


def test_three_engines_answer_alike(engines: Engines, bench: Bench) -> None:
    asked_of = engines("alike")
    for scope, groups, measures, most in QUESTIONS:
        asked = AggregatePlan(bench.contract, scope, groups, measures, most, "5a17")
        answers = [engine.aggregates(replace(asked, contract=contract)) for engine, contract in asked_of]
        assert answers[0].num_rows, groups
        for answer in answers[1:]:
            assert answer.equals(answers[0]), groups
    plan = RowPlan(bench.contract, tuple(bench.contract.fields), RowScope("hz", None, ()), None)
    rows = [
        pa.Table.from_batches(engine.rows(replace(plan, contract=contract), 50)).to_pylist()
        for engine, contract in asked_of
    ]
    assert repr(rows[0]) == repr(rows[1]) == repr(rows[2])


def test_three_engines_refuse_the_same_values_and_take_a_nul_alike(engines: Engines) -> None:
    asked_of = engines("refused")
    refused = [
        *(Condition("ratio", operator, (value,)) for operator in Operator for value in (math.nan, math.inf)),
        Condition("amount", Operator.IN, (1, 2**63)),
        Condition("subject", Operator.EQUAL, ("\ud800",)),
    ]
    found = []
    for engine, contract in asked_of:
        columns = ("subject", "amount", "day")
        for condition, few in ((one, few) for one in refused for few in (False, True)):
            with pytest.raises(ValueError) as caught:
                list(engine.rows(RowPlan(contract, columns, RowScope(None, None, (condition,)), None, few=few), 50))
            assert type(caught.value) is ValueError
        # what a token stands for, read in another dataset, may have one
        with_nul = Condition("subject", Operator.IN, ("王", "王\x00", "\x00", "b"))
        plan = RowPlan(contract, columns, RowScope(None, None, (with_nul,)), None)
        found.append(pa.Table.from_batches(engine.rows(plan, 50)).to_pylist())
    assert len(found[0]) == 30 and repr(found[0]) == repr(found[1]) == repr(found[2])
