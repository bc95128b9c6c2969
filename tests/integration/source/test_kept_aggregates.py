"""What is kept of aggregates: always what the engine would answer, never of other data, and no more than its limit."""

import copy
import pickle
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.kept import KeptAggregates
from gateway.model.contract import Bounds, DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import Period
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, InPeriod, RowScope

LARGE = 2**24
BOUNDS = Bounds(-3, 5)
SUMS = [
    Measure(MeasureKind.ROWS, 2),
    Measure(MeasureKind.ROWS, 1),
    Measure(MeasureKind.UNITS, 2),
    *(Measure(kind, 2, "amount", BOUNDS) for kind in MeasureKind if kind not in {"rows", "units", "bins"}),
]
BINS = Measure(MeasureKind.BINS, 2, "amount", BOUNDS, 3)
CATEGORIES = (GroupKey("category", ("x", "y", "z")),)


class Engine:
    """The engine, which counts what it is asked; `meanwhile` happens before it reads."""

    def __init__(self, root: Path) -> None:
        self._engine = DuckDBSource(root, memory_limit="256MB", threads=2)
        self.asked: list[tuple[Measure, ...]] = []
        self.answers: list[pa.RecordBatch] = []
        self.meanwhile: Callable[[], object] = list

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        self.asked.append(plan.measures)
        self.meanwhile()
        answer = self._engine.aggregates(plan)
        self.answers.append(answer)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    engine = Engine(folder)
    yield engine
    engine.close()


@pytest.fixture
def contract(make_contract: Callable[..., DataContract]) -> DataContract:
    return make_contract("table.parquet")


@pytest.fixture
def write(folder: Path, schema: pa.Schema) -> Callable[[list[tuple[str, str, int]]], None]:
    """Write a table of (subject, category, amount)."""

    def written(rows: list[tuple[str, str, int]]) -> None:
        nothing = {"region": "hz", "score": 1, "consent": True, "ratio": None}
        moment = datetime(2026, 1, 2, 3)
        given = [
            {"subject": who, "category": where, "amount": amount, "day": moment.date(), "moment": moment, **nothing}
            for who, where, amount in rows
        ]
        pq.write_table(pa.Table.from_pylist(given, schema), folder / "table.parquet")

    return written


Write = Callable[[list[tuple[str, str, int]]], None]
ROWS = [(who, where, number) for number, who in enumerate("abcd") for where in "xyz"]


def asking(contract: DataContract, *measures: Measure, max_groups: int = 2) -> AggregatePlan:
    return AggregatePlan(contract, RowScope(None, None, ()), CATEGORIES, measures or tuple(SUMS[:2]), max_groups, "c0")


tables = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("wxyz"), st.integers(-9, 9)), max_size=25)
asked_measures = st.one_of(
    st.lists(st.sampled_from(SUMS), min_size=1, max_size=4).map(tuple), st.just((BINS,)), st.just((SUMS[0],) * 2)
)


# an example asks the engine up to a dozen times: a third as many of them
@settings(
    deadline=None,
    max_examples=settings().max_examples // 3,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(tables, st.lists(st.tuples(asked_measures, st.integers(1, 3)), min_size=1, max_size=3)),
        min_size=1,
        max_size=2,
    )
)
def test_what_is_kept_is_what_the_engine_answers(
    engine: Engine,
    contract: DataContract,
    write: Write,
    versions: list[tuple[list[tuple[str, str, int]], list[tuple[tuple[Measure, ...], int]]]],
) -> None:
    kept = KeptAggregates(engine, LARGE)
    for table, questions in versions:
        write(table)
        for measures, max_groups in questions:
            plan = asking(contract, *measures, max_groups=max_groups)
            assert kept.aggregates(plan).equals(engine.aggregates(plan))


def test_the_engine_is_asked_for_what_is_not_kept_alone(engine: Engine, contract: DataContract, write: Write) -> None:
    write(ROWS)
    kept = KeptAggregates(engine, LARGE)
    kept.aggregates(asking(contract, SUMS[0], SUMS[1]))
    kept.aggregates(asking(contract, SUMS[1], SUMS[2], SUMS[0], SUMS[1]))
    kept.aggregates(asking(contract, SUMS[2]))
    assert engine.asked == [(SUMS[0], SUMS[1]), (SUMS[2],)]


def test_whatever_a_vector_depends_on_makes_another(
    engine: Engine, make_contract: Callable[..., DataContract], contract: DataContract, write: Write
) -> None:
    write(ROWS)
    kept, plan = KeptAggregates(engine, LARGE), asking(contract)
    day = (GroupKey("moment", (plan_day := datetime(2026, 1, 2).date(),), InPeriod(Period.DAY)),)
    others: dict[str, list[AggregatePlan]] = {
        "contract": [replace(plan, contract=replace(contract, digest="another"))],
        "scope": [
            replace(plan, scope=RowScope("hz", None, ())),
            replace(plan, scope=RowScope(None, "consent", ())),
            *(
                replace(plan, scope=RowScope(None, None, (Condition("amount", Operator.LESS_OR_EQUAL, (most,)),)))
                for most in (1, 2)
            ),
        ],
        "group_by": [
            replace(plan, group_by=()),
            replace(plan, group_by=(GroupKey("category", ("x", "y")),)),
            replace(plan, group_by=day),
            replace(plan, group_by=(GroupKey("moment", (plan_day,), InPeriod(Period.WEEK)),)),
        ],
        "measures": [asking(contract, SUMS[2]), asking(contract, BINS)],
        "max_groups": [replace(plan, max_groups=1)],
        "salt": [replace(plan, salt="c1")],
    }
    # a field that is new in a plan belongs here; what is joined is not kept at all, and versions have their own test
    assert others.keys() == {one.name for one in fields(AggregatePlan)} - {"joined", "version"}
    for different in [plan, *(one for ones in others.values() for one in ones)]:
        before = len(engine.asked)
        answer = kept.aggregates(different)
        assert len(engine.asked) == before + 1
        assert kept.aggregates(different).equals(answer)
        assert len(engine.asked) == before + 1


def test_nothing_outlives_the_data(engine: Engine, contract: DataContract, write: Write, folder: Path) -> None:
    kept, plan = KeptAggregates(engine, LARGE), asking(contract)
    write(ROWS)
    first = kept.aggregates(plan)
    write(ROWS[1:])
    assert not kept.aggregates(plan).equals(first)
    assert len(kept._kept) == 4
    kept.forget_changed()
    assert len(kept._kept) == 2 and kept.aggregates(plan).equals(engine.aggregates(plan))
    assert len(engine.asked) == 3
    (folder / "table.parquet").unlink()
    kept.forget_changed()
    assert not kept._kept and kept._bytes == 0


def test_data_that_changes_meanwhile_is_not_kept(engine: Engine, contract: DataContract, write: Write) -> None:
    kept, plan = KeptAggregates(engine, LARGE), asking(contract, SUMS[0])
    write(ROWS)
    engine.meanwhile = lambda: write(ROWS[1:])
    with pytest.raises(Fault) as raised:
        kept.aggregates(plan)
    assert raised.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED and not kept._kept


def test_a_failure_is_not_kept(engine: Engine, contract: DataContract, write: Write) -> None:
    kept = KeptAggregates(engine, LARGE)
    write(ROWS)
    with pytest.raises(ValueError, match="at least one row"):
        kept.aggregates(asking(contract, Measure(MeasureKind.ROWS, 0)))
    assert not kept._kept


def test_what_was_used_last_is_kept_the_longest(engine: Engine, contract: DataContract, write: Write) -> None:
    write(ROWS)
    measuring = KeptAggregates(engine, LARGE)
    measuring.aggregates(asking(contract, SUMS[0]))
    one = measuring._bytes
    kept = KeptAggregates(engine, 2 * one)
    first, second, third = (asking(contract, measure) for measure in SUMS[:3])
    for plan in (first, second, first, third):
        kept.aggregates(plan)
    engine.asked.clear()
    for plan in (first, third, second):
        kept.aggregates(plan)
    assert engine.asked == [second.measures] and kept._bytes <= 2 * one


@pytest.mark.parametrize("limit", [0, 1])
def test_a_limit_of_nothing_keeps_nothing(engine: Engine, contract: DataContract, write: Write, limit: int) -> None:
    write(ROWS)
    kept = KeptAggregates(engine, limit)
    answers = [kept.aggregates(asking(contract)) for _ in range(2)]
    assert answers[0].equals(answers[1]) and len(engine.asked) == 2 and not kept._kept


def test_what_it_counts_for_is_of_the_plan_and_covers_what_it_holds(
    engine: Engine, contract: DataContract, write: Write
) -> None:
    sizes = []
    for rows in (ROWS, ROWS[:1], []):
        write(rows)
        kept = KeptAggregates(engine, LARGE)
        kept.aggregates(asking(contract, *SUMS))
        sizes.append(kept._bytes)
        buffers = {
            buffer.address: buffer.size
            for one in kept._kept.values()
            for array in (*one.keys, one.values)
            for buffer in array.buffers()
            if buffer is not None
        }
        assert sum(buffers.values()) <= kept._bytes
    assert len(set(sizes)) == 1


def test_no_memory_of_the_engine_is_held(engine: Engine, contract: DataContract, write: Write) -> None:
    """A vector that points into the engine's answer would keep all of it, of which nothing is counted."""
    write(ROWS)
    kept = KeptAggregates(engine, LARGE)
    again = [kept.aggregates(asking(contract, *SUMS[:3])) for _ in range(2)][1]
    (answer,) = engine.answers
    assert again.equals(answer)
    held, theirs = (
        {buffer.address for column in batch.columns for buffer in column.buffers() if buffer is not None}
        for batch in (again, answer)
    )
    assert held and theirs and not held & theirs


def test_it_shows_nothing_and_cannot_leave(engine: Engine, contract: DataContract, write: Write) -> None:
    write([("a", "x", 4_711)])
    kept = KeptAggregates(engine, LARGE)
    kept.aggregates(asking(contract, Measure(MeasureKind.TOTAL, 1, "amount", Bounds(0, 9_999))))
    assert all("4711" not in repr(shown) for shown in (kept, *kept._kept.keys(), *kept._kept.values()))
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            attempt(kept)
