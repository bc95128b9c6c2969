"""Lookups out of memory: what the engine answers, to the last byte, whatever the rows and the scope."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.points import IndexedPoints
from gateway.kernels.points import point_index
from gateway.model.contract import DataContract, DisclosureKind, DisclosureSpec
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.model.storage import SourceKind
from gateway.model.values import Scalar
from tests.integration.source.questions import amounts, moments, rows, with_patience

MakeContract: TypeAlias = Callable[..., DataContract]
MIB = 1 << 20
REGIONS = st.sampled_from([None, "hz", "hz/xc", "h", "", "hz/", "/hz", "%", "hz/xc/wl/c1"])
SUBJECTS = st.sampled_from([None, "a", "b", "c", "1", "1:a", "", " a", "ａ", "A", "a ", "nobody", "nil"])
NUMBERS = st.one_of(st.integers(-20, 20), st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, -1, -2, 2**61 - 1]))
RATIOS = st.one_of(st.floats(-3, 3), st.sampled_from([-0.0, 0.0, 1.0, 5e-324]))
"""Those that engines can be asked about; the rows hold others as well."""


def _looked_up(contract: DataContract, *keys: str) -> DataContract:
    """The contract, with a lookup by some keys."""
    lookup = DisclosureSpec("one", DisclosureKind.LOOKUP, "", {}, keys, frozenset(), (), (), None, None, "", None)
    return replace(contract, disclosures={"one": lookup})


def _whole(plan: RowPlan, source: DuckDBSource | IndexedPoints) -> tuple[pa.Schema, list[str]]:
    schema = pa.schema([])
    found: list[str] = []
    for batch in source.rows(plan, 1_000):
        schema = batch.schema
        found += [repr(batch.slice(place, 1).to_pydict()) for place in range(batch.num_rows)]
    return schema, found


class Points:
    """An engine, and an index before it that was made of the data as it stands."""

    def __init__(self, folder: Path, schema: pa.Schema, contract: DataContract) -> None:
        self.folder, self.schema, self.contract = folder, schema, contract
        self.engine = DuckDBSource(folder, memory_limit="256MB", threads=1)
        self.indexed = IndexedPoints(self.engine, 64 * MIB)

    def plan(self, scope: RowScope, limit: int | None = None, *columns: str) -> RowPlan:
        version = self.engine.data_version(self.contract)
        return RowPlan(self.contract, columns or tuple(self.contract.fields), scope, limit, version, few=True)

    def ready(self) -> None:
        """Have the index made, over all columns."""
        plan = self.plan(_asked("subject", "a"))
        assert _until(lambda: _answers_by_itself(self.indexed, plan))


def _asked(field: str, *values: Scalar) -> RowScope:
    return RowScope(None, None, (Condition(field, Operator.IN, values),))


def _until(met: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not (done := met()) and time.monotonic() < end:
        time.sleep(0.005)
    return done


def _answers_by_itself(indexed: IndexedPoints, plan: RowPlan) -> bool:
    stream = indexed.rows(plan, 1_000)
    own = getattr(stream, "gi_code", None) is IndexedPoints._points.__code__
    assert list(stream) is not None
    return own


@pytest.fixture(scope="module")
def points(
    tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema, make_contract: MakeContract
) -> Iterator[Points]:
    contract = _looked_up(make_contract("t.parquet"), "subject", "amount")
    made = Points(tmp_path_factory.mktemp("points"), schema, contract)
    yield made
    made.indexed.close()
    made.engine.close()


conditions = st.one_of(
    st.builds(
        Condition, st.just("category"), st.just(Operator.IN), st.tuples(st.sampled_from(["x", "y", None]), SUBJECTS)
    ),
    *(
        st.builds(
            Condition, st.just(field), st.sampled_from([one for one in Operator if one is not Operator.IN]), values
        )
        for field, values in {
            "region": st.tuples(st.sampled_from(["hz", "hz/xc", "", "z", "西"])),
            "score": st.tuples(st.integers(0, 100)),
            "amount": st.tuples(NUMBERS),
            "ratio": st.tuples(RATIOS),
            "consent": st.tuples(st.booleans()),
            "day": st.tuples(st.dates(date(2025, 12, 29), date(2026, 1, 3))),
            "moment": st.tuples(moments),
        }.items()
    ),
    st.builds(Condition, st.just("ratio"), st.just(Operator.IN), st.tuples(RATIOS, RATIOS)),
    st.builds(Condition, st.just("day"), st.just(Operator.IN), st.tuples(st.none(), st.just(date(2026, 1, 1)))),
)
keys = st.one_of(
    st.builds(Condition, st.just("subject"), st.just(Operator.IN), st.lists(SUBJECTS, max_size=4).map(tuple)),
    st.builds(Condition, st.just("amount"), st.just(Operator.IN), st.lists(amounts, max_size=4).map(tuple)),
)
scopes = st.builds(
    lambda region, consent, key, others: RowScope(region, consent, (*others[:1], key, *others[1:])),
    REGIONS,
    st.sampled_from([None, "consent"]),
    keys,
    st.lists(conditions, max_size=2),
)


@settings(with_patience, max_examples=8)
@given(
    data=st.lists(rows, max_size=40), asked=st.lists(st.tuples(scopes, st.sampled_from([None, 0, 1, 3])), min_size=12)
)
def test_answers_are_the_engines(
    points: Points, data: list[dict[str, Any]], asked: list[tuple[RowScope, int | None]]
) -> None:
    pq.write_table(pa.Table.from_pylist(data, points.schema), points.folder / "t.parquet")
    points.ready()
    for scope, limit in asked:
        plan = points.plan(scope, limit)
        assert _answers_by_itself(points.indexed, plan)
        schema, found = _whole(plan, points.indexed)
        known, expected = _whole(plan, points.engine)
        assert found == expected
        assert not expected or schema.equals(known)


def test_rows_of_one_key_come_in_their_order_and_colliding_hashes_are_told_apart(points: Points) -> None:
    # in Python, −1 and −2 have one hash, and so have all that are equal modulo 2⁶¹ − 1
    numbers = [-1, -2, 0, 2**61 - 1, -1, -2, 2**62 - 2] * 50
    table = pa.Table.from_pylist([{"amount": one, "score": place} for place, one in enumerate(numbers)], points.schema)
    pq.write_table(table, points.folder / "t.parquet", row_group_size=9)
    points.ready()
    for values in [(-1,), (-2,), (0,), (2**61 - 1,), (0, -2), (7,), (-1, None, -1)]:
        plan = points.plan(_asked("amount", *values), None, "score", "amount")
        assert _whole(plan, points.indexed) == _whole(plan, points.engine) or values == (7,)
    assert _whole(points.plan(_asked("amount", 7)), points.indexed)[1] == []


def test_a_subject_that_is_not_there_takes_the_work_of_one_that_is() -> None:
    rows = pa.record_batch({"subject": ["b", None, "a"]})
    index = point_index([rows], rows.schema, ["subject"], lambda size: True)
    assert index is not None
    for value, found in (("a", 1), ("b", 1), ("nobody", 1), (None, 0)):
        assert index.candidates("subject", (value,)).num_rows == found
    assert index.candidates("subject", ("a", "b", "nobody")).to_pylist() == [{"subject": "b"}, {"subject": "a"}]


def test_csv_and_odd_dates(root: Path, schema: pa.Schema, make_contract: MakeContract) -> None:
    table = pa.table(
        {
            "subject": ["a", "b", None],
            "day": pa.array([-(2**31) + 10, 3_000_000, 0], pa.int32()).cast(pa.date32()),
            "moment": pa.array([-(2**62), 2**62, 0], pa.int64()).cast(pa.timestamp("us")),
        }
    )
    pq.write_table(table, root / "odd.parquet")
    contract = _looked_up(make_contract("odd.parquet", names=("subject", "day", "moment")), "subject")
    odd = Points(root, schema, contract)
    odd.ready()
    for scope in (
        _asked("subject", "a", "b"),
        RowScope(None, None, (*_asked("subject", "a", "b").conditions, Condition("day", Operator.LESS, (date.min,)))),
        RowScope(
            None, None, (*_asked("subject", "a").conditions, Condition("moment", Operator.LESS, (datetime(1, 1, 1),)))
        ),
    ):
        plan = odd.plan(scope)
        assert _answers_by_itself(odd.indexed, plan)
        found, expected = pa.Table.from_batches(odd.indexed.rows(plan, 9)), list(odd.engine.rows(plan, 9))
        assert found.equals(pa.Table.from_batches(expected, found.schema))
    odd.indexed.close()
    pc.write_csv(pa.table({"subject": ["a", "a ", ""], "amount": [1, None, 3]}), root / "t.csv")
    csv = Points(root, schema, _looked_up(make_contract("t.csv", SourceKind.CSV, ("subject", "amount")), "subject"))
    csv.ready()
    for value in ("a", "a ", "", "A"):
        plan = csv.plan(_asked("subject", value))
        assert _whole(plan, csv.indexed)[1] == _whole(plan, csv.engine)[1]
    csv.indexed.close()


@pytest.fixture
def two(root: Path, schema: pa.Schema, make_contract: MakeContract) -> Iterator[Points]:
    pq.write_table(pa.table({"subject": [f"s{n}" for n in range(500)], "amount": range(500)}), root / "t.parquet")
    made = Points(root, schema, _looked_up(make_contract("t.parquet", names=("subject", "amount")), "subject"))
    yield made
    made.indexed.close()
    made.engine.close()


def test_an_index_is_of_one_version_and_gone_with_it(two: Points) -> None:
    two.ready()
    before = two.plan(_asked("subject", "s7"))
    stream = two.indexed.rows(before, 10)
    pq.write_table(pa.table({"subject": ["s7"], "amount": [-1]}), two.folder / "t.parquet")
    for late in (stream, two.indexed.rows(before, 10)):
        with pytest.raises(Fault) as caught:
            list(late)
        assert caught.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED
    two.indexed.forget_changed()
    assert not two.indexed._kept
    after = two.plan(_asked("subject", "s7"))
    assert _whole(after, two.indexed)[1] == ["{'subject': ['s7'], 'amount': [-1]}"]
    two.ready()
    assert _whole(after, two.indexed)[1] == ["{'subject': ['s7'], 'amount': [-1]}"]
    two.indexed.forget_changed()
    assert two.indexed._kept


@pytest.mark.parametrize("change", ["size", "malformed", "key", "off"])
def test_what_cannot_be_kept_is_left_to_the_engine(
    two: Points, schema: pa.Schema, make_contract: MakeContract, change: str
) -> None:
    most, contract = 64 * MIB, two.contract
    match change:
        case "size":
            most = 12_000
        case "off":
            most = 0
        case "key":
            contract = replace(_looked_up(contract), digest="no key")
        case "malformed":
            (two.folder / "t.csv").write_text("subject,amount\ns7,1\n" + "x,1\n" * 200_000 + "s9,one\n")
            contract = _looked_up(make_contract("t.csv", SourceKind.CSV, ("subject", "amount")), "subject")
    small = IndexedPoints(two.engine, most)
    version = two.engine.data_version(contract)
    plan = RowPlan(contract, ("amount",), _asked("subject", "s7"), None, version, few=True)
    for _ in range(3):
        assert not _answers_by_itself(small, replace(plan, limit=1))
        small._maker.submit(lambda: None).result()
    assert not small._making and all(kept.index is None and kept.size == 0 for kept in small._kept.values())
    if change != "off":
        assert [kept.refused for kept in small._kept.values()] == [frozenset({"amount", "subject"})]
    assert _whole(replace(plan, limit=1), small) == _whole(replace(plan, limit=1), two.engine)
    small.close()


def test_columns_asked_for_later_are_added(two: Points) -> None:
    few, all_ = two.plan(_asked("subject", "s7"), None, "subject"), two.plan(_asked("subject", "s7"))
    assert _until(lambda: _answers_by_itself(two.indexed, few))
    assert not _answers_by_itself(two.indexed, all_)
    assert _until(lambda: _answers_by_itself(two.indexed, all_)) and _answers_by_itself(two.indexed, few)
    assert not _answers_by_itself(two.indexed, replace(all_, few=False))
    assert not _answers_by_itself(two.indexed, replace(all_, version=None))
    assert not _answers_by_itself(two.indexed, replace(all_, scope=RowScope(None, None, ())))


def test_calls_while_an_index_is_made_are_answered_by_the_engine(two: Points, monkeypatch: pytest.MonkeyPatch) -> None:
    let, read = threading.Event(), two.engine.rows

    def slowly(plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        if plan.few:
            return read(plan, batch_rows)
        assert let.wait(20)
        return read(plan, batch_rows)

    monkeypatch.setattr(two.engine, "rows", slowly)
    plan = two.plan(_asked("subject", "s7", "s9"))
    for _ in range(5):
        assert not _answers_by_itself(two.indexed, plan)
        assert len(_whole(plan, two.indexed)[1]) == 2
    assert two.indexed._making == {two.contract.digest}
    let.set()
    two.ready()


def test_rows_in_memory_are_neither_shown_nor_copied(two: Points) -> None:
    two.ready()
    assert "s7" not in repr(two.indexed) + repr(two.indexed._kept)
    with pytest.raises(TypeError):
        pickle.dumps(two.indexed)
    two.indexed.close()
    assert not two.indexed._kept
    assert not _answers_by_itself(two.indexed, two.plan(_asked("subject", "s7")))
