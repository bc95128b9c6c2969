"""The same rows in one file, in a folder, and in folders that name columns: the same answers, of all kinds of plan."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.parts import Room
from gateway.model.contract import Bounds, DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, AsFound, DailyPlan, GroupKey, Joining, Part, RowPlan, RowScope
from gateway.model.storage import FILES, SourceKind

MakeContract: TypeAlias = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
ROWS: list[dict[str, Any]] = [
    {
        "subject": None if number % 17 == 3 else f"s{number % 40:02d}",
        "region": ["hz", "hz/xc", "hz/xc/wl", "hz/西湖", None][number % 5],
        "amount": [2**63 - 1, -(2**63), 0, 7, None, -3, 2**53 + 1][number % 7],
        "category": ["x", "a b+c", "50%", "k=v/w", None, "西湖", "#'\"?"][number % 7],
        "score": [1, -11, None, 7, 2**40][number % 5],
        "consent": [True, False, None][number % 3],
        "ratio": [0.1, -1e300, 5e-324, None, 1 / 3][number % 5],
        "day": [date(1960, 2, 29), date(2026, 11, 22), None, date(9999, 12, 31)][number % 4],
        "moment": [datetime(2026, 11, 22, 3, 4, 5, 678901), None, datetime(1960, 1, 1), datetime(2026, 1, 1, 23)][
            number % 4
        ],
    }
    for number in range(60)
]
LAYOUTS = ["folder", "category-consent", "score-ratio", "day-moment", "region-day"]
SCOPES = [
    EVERYTHING,
    RowScope("hz/xc", None, ()),
    RowScope(None, "consent", ()),
    RowScope(None, None, (Condition("category", Operator.IN, ("k=v/w", "50%", None)),)),
    RowScope(None, None, (Condition("score", Operator.GREATER, (1,)),)),
    RowScope(None, None, (Condition("day", Operator.LESS_OR_EQUAL, (date(2026, 11, 22),)),)),
    RowScope(None, None, (Condition("moment", Operator.EQUAL, (datetime(2026, 11, 22, 3, 4, 5, 678901),)),)),
    RowScope(None, None, (Condition("ratio", Operator.LESS, (0.5,)),)),
    RowScope("hz", None, (Condition("subject", Operator.EQUAL, ("s05",)), Condition("day", Operator.IN, ()))),
]


def _write(table: pa.Table, path: Path, kind: SourceKind) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind is SourceKind.PARQUET:
        pq.write_table(table, path)
    else:
        pc.write_csv(table, path)


def _lay_out(table: pa.Table, folder: Path, kind: SourceKind, layout: str) -> None:
    """Write a table as a folder: plainly, some of it deeper; or by columns, as Arrow does."""
    if layout == "folder":
        for place, start in enumerate(range(0, len(table), 25)):
            _write(table.slice(start, 25), folder / ["", "2026/11", "b"][place] / f"p{place}.{kind}", kind)
        (folder / "_SUCCESS").touch()
        (folder / ".part-9.parquet.tmp").write_text("begun")
        (folder / "_log").mkdir()
        (folder / "_log" / "x.parquet").write_text("no data")
        return
    by = layout.split("-")
    partitioning = ds.partitioning(pa.schema([table.schema.field(name) for name in by]), flavor="hive")
    ds.write_dataset(table, folder, format="csv" if kind is SourceKind.CSV else "parquet", partitioning=partitioning)


def _rows(source: DuckDBSource, contract: DataContract, scope: RowScope) -> list[tuple[str, ...]]:
    batches = list(source.rows(RowPlan(contract, tuple(contract.fields), scope, None), 1_000))
    return sorted(tuple(map(repr, row.values())) for batch in batches for row in batch.to_pylist())


def _aggregates(contract: DataContract, mirror: DataContract) -> list[AggregatePlan]:
    everything = (
        Measure(MeasureKind.ROWS, 2),
        Measure(MeasureKind.UNITS, 1),
        Measure(MeasureKind.TOTAL, 3, "score", Bounds(-100, 2**41)),
    )
    bins = (Measure(MeasureKind.BINS, 2, "amount", Bounds(-10, 10), 4),)
    by_two = (GroupKey("category", ("x", "50%", "k=v/w")), GroupKey("consent", (True, False)))
    joining = Joining(replace(mirror, dataset="other"), SCOPES[1], 1, 2, ("category", "other.score"))
    total = (Measure(MeasureKind.TOTAL, 2, "other.score", Bounds(-100, 100)),)
    by_category = (GroupKey("category", ("x", "西湖", "50%")),)
    return [
        AggregatePlan(contract, SCOPES[1], by_two, everything, 1, "5a17"),
        AggregatePlan(contract, EVERYTHING, (GroupKey("day", (), AsFound()),), everything, 1, "5a17"),
        AggregatePlan(contract, EVERYTHING, (), bins, 1, "5a17"),
        AggregatePlan(contract, EVERYTHING, by_category, total, 1, "5a17", joining),
    ]


def _answers(source: DuckDBSource, contract: DataContract, mirror: DataContract) -> list[Any]:
    """What a source says of a contract's data, beside its rows; `mirror` has the other data of a join."""
    sums = (Measure(MeasureKind.ROWS, 2), Measure(MeasureKind.TOTAL, 1, "amount", Bounds(-3, 7)))
    days = (date(1960, 1, 1), date(1960, 1, 1), date(2027, 1, 1))
    daily = DailyPlan(contract, EVERYTHING, "day", *days, 1, (), sums, 1, "5a17")
    aggregates = [source.aggregates(plan) for plan in _aggregates(contract, mirror)]
    assert all(batch.num_rows for batch in aggregates)
    guessable = [source.guessable(contract, field, EVERYTHING) for field in ("subject", "category")]
    return [*aggregates, source.days(daily), guessable]


class OneFile:
    """All rows in one file, and what it answers."""

    def __init__(self, folder: Path, schema: pa.Schema, kind: SourceKind, make_contract: MakeContract) -> None:
        self.folder, self.kind, self.table = folder, kind, pa.Table.from_pylist(ROWS, schema)
        self.source = DuckDBSource(folder, memory_limit="256MB", threads=2)
        self.contract = make_contract(f"one.{kind}", kind)
        _write(self.table, folder / f"one.{kind}", kind)
        self.rows = [_rows(self.source, self.contract, scope) for scope in SCOPES]
        self.answers = _answers(self.source, self.contract, self.contract)


@pytest.fixture(scope="module", params=[SourceKind.PARQUET, SourceKind.CSV])
def one(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    schema: pa.Schema,
    make_contract: MakeContract,
) -> Iterator[OneFile]:
    made = OneFile(tmp_path_factory.mktemp("folders"), schema, SourceKind(request.param), make_contract)
    yield made
    made.source.close()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_and_aggregates_are_those_of_one_file(one: OneFile, make_contract: MakeContract, layout: str) -> None:
    _lay_out(one.table, one.folder / layout, one.kind, layout)
    many = make_contract(f"{layout}/", one.kind)
    one.source.verify(many)
    assert [_rows(one.source, many, scope) for scope in SCOPES] == one.rows
    assert _answers(one.source, many, one.contract) == one.answers
    assert one.source.aggregates(_aggregates(one.contract, many)[-1]).equals(one.answers[3])


def test_a_folder_is_gone_through_in_parts(
    one: OneFile, make_contract: MakeContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    _lay_out(one.table, one.folder / "parts", one.kind, "day-moment")
    plan = _aggregates(make_contract("parts/", one.kind), one.contract)[0]
    monkeypatch.setattr(one.source, "_room", Room(3_000))
    assert one.source.aggregates(plan).equals(one.answers[0])


def test_a_filter_on_a_partition_opens_no_other_file(
    root: Path, source: DuckDBSource, schema: pa.Schema, make_contract: MakeContract
) -> None:
    _lay_out(pa.Table.from_pylist(ROWS, schema), root / "many", SourceKind.PARQUET, "day-region")
    many = make_contract("many/")
    kept = Condition("day", Operator.EQUAL, (date(1960, 2, 29),))
    scope = RowScope("hz/xc", None, (kept,))
    expected = [row for row in ROWS if row["day"] == kept.values[0] and str(row["region"]).startswith("hz/xc")]
    for path in (root / "many").rglob("*.parquet"):
        inside = "day=1960-02-29" in str(path) and "region=hz%2Fxc" in str(path)
        if not inside:  # its footer stays, and nothing that it points to
            content, status = bytearray(path.read_bytes()), path.stat()
            length = int.from_bytes(content[-8:-4], "little") + 8
            content[4:-length] = b"\xff" * len(content[4:-length])
            path.write_bytes(content)
            assert path.stat().st_size == status.st_size
    source.verify(many)
    assert len(_rows(source, many, scope)) == len(expected) > 0


@pytest.mark.parametrize("kind", FILES)
def test_an_empty_folder_is_empty_if_it_says_so(
    root: Path, source: DuckDBSource, kind: SourceKind, schema: pa.Schema, make_contract: MakeContract
) -> None:
    (root / "none").mkdir()
    (root / "none" / "_SUCCESS").touch()
    _write(pa.Table.from_pylist(ROWS, schema), root / f"one.{kind}", kind)
    none, one = make_contract("none/", kind), make_contract(f"one.{kind}", kind)
    source.verify(none)
    batches = list(source.rows(RowPlan(none, tuple(none.fields), SCOPES[4], None), 10))
    assert sum(batch.num_rows for batch in batches) == 0
    for plan in (*_aggregates(none, one), *_aggregates(one, none)[-1:]):
        assert source.aggregates(plan).num_rows == 0
    assert not source.guessable(none, "subject", EVERYTHING)


def test_small_files_come_in_large_batches(root: Path, source: DuckDBSource, make_contract: MakeContract) -> None:
    (root / "many").mkdir()
    for number in range(300):
        pq.write_table(pa.table({"amount": [number, number]}), root / "many" / f"{number:03}.parquet")
    many = make_contract("many/", names=("amount",))
    batches = list(source.rows(RowPlan(many, ("amount",), EVERYTHING, None), 200))
    assert [row["amount"] for batch in batches for row in batch.to_pylist()] == [n // 2 for n in range(600)]
    assert len(batches) < 7 and max(batch.num_rows for batch in batches) <= 200


@pytest.mark.parametrize("kind", FILES)
def test_parts_of_a_folder_are_whole_files_and_together_all_of_it(
    root: Path, source: DuckDBSource, kind: SourceKind, schema: pa.Schema, make_contract: MakeContract
) -> None:
    _lay_out(pa.Table.from_pylist(ROWS, schema), root / "many", kind, "score-ratio")
    plan = RowPlan(make_contract("many/", kind), ("subject", "score"), EVERYTHING, None)

    def read(part: Part) -> list[dict[str, Any]]:
        return [row for batch in source.rows(replace(plan, part=part), 1_000) for row in batch.to_pylist()]

    for of in (1, 2, 3, 5, 8):
        parts = [read(Part(number, of)) for number in range(of)]
        assert [row for part in parts for row in part] == read(Part(0, 1))
        assert sum(map(bool, parts)) == min(of, 5)
