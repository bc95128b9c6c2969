"""Rows out of Parquet and CSV: types, scope, order, batches, early close, many threads."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.contract import DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowPlan, RowScope
from gateway.model.storage import SourceKind
from gateway.query.rows import compile_rows
from gateway.query.scan import Location

MakeContract: TypeAlias = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
TABLE: list[dict[str, Any]] = [
    {
        "subject": "11010519491231002X", "region": "hz", "amount": 2**63 - 1, "category": "x", "score": 1,
        "consent": True, "ratio": 0.5, "day": date(1999, 12, 31), "moment": datetime(2020, 1, 2, 3, 4, 5, 678901),
    },
    {
        "subject": "张三, \"丰\"\n", "region": "hz/xc", "amount": -(2**63), "category": "007", "score": None,
        "consent": False, "ratio": None, "day": date(1960, 2, 29), "moment": datetime(1960, 1, 1),
    },
    {name: None for name in ("subject", "region", "amount", "category", "score", "consent", "ratio", "day", "moment")},
    {
        "subject": "b", "region": "hz/xcx", "amount": 0, "category": "2020-01-01", "score": 7,
        "consent": True, "ratio": -1e300, "day": None, "moment": None,
    },
]  # fmt: skip


@pytest.fixture(params=[SourceKind.PARQUET, SourceKind.CSV])
def contract(
    request: pytest.FixtureRequest, root: Path, schema: pa.Schema, make_contract: MakeContract
) -> DataContract:
    table = pa.Table.from_pylist(TABLE, schema)
    name = f"table.{request.param}"
    if request.param is SourceKind.PARQUET:
        pq.write_table(table, root / name)
    else:
        pa_csv.write_csv(table, root / name)
    return make_contract(name, request.param)


def _read(source: DuckDBSource, plan: RowPlan, batch_rows: int = 65_536) -> list[dict[str, Any]]:
    return [row for batch in source.rows(plan, batch_rows) for row in batch.to_pylist()]


def test_every_type_comes_back_as_declared(source: DuckDBSource, contract: DataContract, schema: pa.Schema) -> None:
    source.verify(contract)
    columns = tuple(reversed(schema.names))
    batches = list(source.rows(RowPlan(contract, columns, EVERYTHING, None), 65_536))
    assert all(batch.schema.equals(pa.schema([schema.field(name) for name in columns])) for batch in batches)
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {name: row[name] for name in columns} for row in TABLE
    ]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (RowScope("hz", None, ()), [0, 1, 3]),
        (RowScope("hz/xc", None, ()), [1]),
        (RowScope("h", None, ()), []),
        (RowScope("%", None, ()), []),
        (RowScope(None, "consent", ()), [0, 3]),
        (RowScope("hz/xc", "consent", ()), []),
        (RowScope(None, None, (Condition("score", Operator.LESS, (7,)),)), [0]),
        (RowScope(None, None, (Condition("score", Operator.LESS_OR_EQUAL, (7,)),)), [0, 3]),
        (RowScope(None, None, (Condition("amount", Operator.GREATER, (-(2**63),)),)), [0, 3]),
        (RowScope(None, None, (Condition("amount", Operator.GREATER_OR_EQUAL, (-(2**63),)),)), [0, 1, 3]),
        (RowScope(None, None, (Condition("day", Operator.EQUAL, (date(1960, 2, 29),)),)), [1]),
        (RowScope(None, None, (Condition("moment", Operator.LESS, (datetime(2020, 1, 1),)),)), [1]),
        (RowScope(None, None, (Condition("ratio", Operator.EQUAL, (0.5,)),)), [0]),
        (RowScope(None, None, (Condition("consent", Operator.EQUAL, (False,)),)), [1]),
        (RowScope(None, None, (Condition("category", Operator.IN, ("x", "007", None)),)), [0, 1]),
        (RowScope(None, None, (Condition("category", Operator.IN, ()),)), []),
        (RowScope(None, None, (Condition("category", Operator.IN, (None,)),)), []),
        (RowScope(None, None, (Condition("amount", Operator.IN, (None, 2**63 - 1, -(2**63), 5)),)), [0, 1]),
        (RowScope(None, None, (Condition("score", Operator.IN, (1, None, 7)),)), [0, 3]),
        (RowScope(None, None, (Condition("ratio", Operator.IN, (0.5, -1e300, None)),)), [0, 3]),
        (RowScope(None, None, (Condition("consent", Operator.IN, (False, None)),)), [1]),
        (RowScope(None, None, (Condition("day", Operator.IN, (None, date(1960, 2, 29))),)), [1]),
        (RowScope(None, None, (Condition("moment", Operator.IN, (datetime(1960, 1, 1), None)),)), [1]),
        (RowScope(None, None, (Condition("category", Operator.EQUAL, (None,)),)), []),
        (RowScope(None, None, (Condition("category", Operator.EQUAL, ("' OR 1=1 --",)),)), []),
    ],
)
def test_a_scope_is_exact_and_null_is_never_in_it(
    source: DuckDBSource, contract: DataContract, scope: RowScope, expected: list[int]
) -> None:
    rows = _read(source, RowPlan(contract, ("subject",), scope, None))
    assert [row["subject"] for row in rows] == [TABLE[index]["subject"] for index in expected]


def test_a_limit_cuts(source: DuckDBSource, contract: DataContract) -> None:
    for limit in (0, 1, 3, 99):
        assert len(_read(source, RowPlan(contract, ("day",), EVERYTHING, limit))) == min(limit, len(TABLE))


@pytest.fixture
def large(root: Path, make_contract: MakeContract) -> DataContract:
    table = pa.table({"subject": [str(number) for number in range(50_000)], "amount": range(50_000)})
    pq.write_table(table, root / "large.parquet", row_group_size=10_000)
    return make_contract("large.parquet", names=("subject", "amount"))


@pytest.mark.parametrize(
    ("values", "groups"),
    [(("25000",), 1), (tuple(str(number) for number in range(25_000, 25_256)), 1), (("00005", "25000"), 2)],
)
def test_a_point_lookup_skips_what_the_statistics_of_a_file_rule_out(
    root: Path, make_contract: MakeContract, values: tuple[str, ...], groups: int
) -> None:
    table = pa.table({"subject": [f"{number:05d}" for number in range(50_000)]})
    pq.write_table(table, root / "sorted.parquet", row_group_size=10_000)
    scope = RowScope(None, None, (Condition("subject", Operator.IN, values),))
    plan = RowPlan(make_contract("sorted.parquet", names=("subject",)), ("subject",), scope, None)
    query = compile_rows(plan, Location((str(root / "sorted.parquet"),)))
    with duckdb.connect() as engine:
        ((_, profile),) = engine.execute(f"EXPLAIN ANALYZE {query.sql}", query.parameters).fetchall()
    read, of = map(int, re.findall(r"Row Groups Scanned: (\d+) / (\d+)", profile)[0])
    assert (read, of) == (groups, 5)


def test_batches_are_of_about_the_size_asked_and_in_order(source: DuckDBSource, large: DataContract) -> None:
    batches = list(source.rows(RowPlan(large, ("amount",), EVERYTHING, None), 4_096))
    assert max(batch.num_rows for batch in batches) <= 2 * 4_096
    assert [value for batch in batches for value in batch["amount"].to_pylist()] == list(range(50_000))


def test_closing_early_leaves_the_source_at_work(source: DuckDBSource, large: DataContract) -> None:
    for _ in range(50):
        stream = source.rows(RowPlan(large, ("amount",), EVERYTHING, None), 2_048)
        assert next(stream).num_rows > 0
        stream.close()
    assert len(_read(source, RowPlan(large, ("amount",), EVERYTHING, None))) == 50_000


def test_many_threads_get_each_their_own_answer(source: DuckDBSource, large: DataContract) -> None:
    def ask(number: int) -> list[int]:
        scope = RowScope(None, None, (Condition("subject", Operator.EQUAL, (str(number),)),))
        return [row["amount"] for row in _read(source, RowPlan(large, ("amount",), scope, None))]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(0, 4_000, 50))) == [[number] for number in range(0, 4_000, 50)]


def test_two_streams_at_once_do_not_mix(source: DuckDBSource, large: DataContract) -> None:
    plan = RowPlan(large, ("amount",), EVERYTHING, None)
    pairs = zip(source.rows(plan, 2_048), source.rows(plan, 2_048), strict=True)
    assert all(one.equals(other) for one, other in pairs)


def test_columns_of_narrower_types_are_widened(source: DuckDBSource, root: Path, make_contract: MakeContract) -> None:
    table = pa.table(
        {
            "amount": pa.array([1, None], pa.int8()),
            "score": pa.array([2**32 - 1, None], pa.uint32()),
            "ratio": pa.array([0.5, None], pa.float32()),
            "subject": pa.array(["a", None]).dictionary_encode(),
            "category": pa.array(["b", None], pa.large_string()),
            "moment": pa.array([datetime(2020, 1, 1), None], pa.timestamp("ns")),
        }
    )
    pq.write_table(table, root / "narrow.parquet")
    contract = make_contract("narrow.parquet", names=tuple(table.column_names))
    assert _read(source, RowPlan(contract, tuple(table.column_names), EVERYTHING, None)) == [
        {
            "amount": 1,
            "score": 2**32 - 1,
            "ratio": 0.5,
            "subject": "a",
            "category": "b",
            "moment": datetime(2020, 1, 1),
        },
        dict.fromkeys(table.column_names),
    ]


def test_csv_takes_undeclared_columns_a_byte_order_mark_and_any_order(
    source: DuckDBSource, root: Path, make_contract: MakeContract
) -> None:
    (root / "extra.csv").write_bytes('\ufeff"secret, note",amount,subject\r\nzzz,5,a\r\n,,\r\n'.encode())
    contract = make_contract("extra.csv", SourceKind.CSV, ("subject", "amount"))
    rows = _read(source, RowPlan(contract, ("subject", "amount"), EVERYTHING, None))
    assert rows == [{"subject": "a", "amount": 5}, {"subject": None, "amount": None}]
