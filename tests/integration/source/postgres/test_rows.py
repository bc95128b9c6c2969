"""Rows of a table come as those of a file do: the same values, of the same types, whichever way they are asked for."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.plan import Part, RowPlan, RowScope
from gateway.model.values import Scalar
from tests.integration.source.postgres.tables import Tables
from tests.integration.source.reference import Row

MakeContract = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
TEXTS = ["", "a", "A", "é", "e\u0301", "王", "𝕏", "a'b", "a\\b", "%(c0)s", "a%b", "z", "Z", "a b", "ａ", "\ufffd"]
ROWS: list[Row] = [
    {
        "subject": text,
        "region": ["hz", "hz/xc", "hz/xcx", "hz/xc/wl", None][number % 5],
        "amount": [None, 0, -(2**63), 2**63 - 1, 7][number % 5],
        "category": None if number % 4 == 0 else TEXTS[-number],
        "score": [1, -1, 2**31 - 1, -(2**31), None][number % 5],
        "consent": [True, False, None][number % 3],
        "ratio": [0.1, -0.0, 5e-324, 1.7976931348623157e308, None, float("inf")][number % 6],
        "day": [date(1, 1, 1), date(2026, 2, 28), date(9999, 12, 31), None][number % 4],
        "moment": [datetime(1, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1), None][number % 3],
    }
    for number, text in enumerate(TEXTS)
]


@pytest.fixture(scope="module")
def contract(make_table_contract: MakeContract, tables: Tables) -> DataContract:
    tables.make("kinds", ROWS)
    return make_table_contract("kinds")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, schema: pa.Schema) -> DuckDBSource:
    folder = tmp_path_factory.mktemp("kinds")
    pq.write_table(pa.Table.from_pylist(ROWS, schema), folder / "kinds.parquet")
    return DuckDBSource(folder, memory_limit="128MB", threads=1)


def _rows(source: Any, plan: RowPlan) -> list[dict[str, Any]]:
    batches = list(source.rows(plan, 7))
    assert all(batch.schema.names == list(plan.columns) for batch in batches)
    # hex of the IPC would hang on how batches are cut: the values, with the sign of zero
    return sorted(
        ({name: repr(value) for name, value in row.items()} for b in batches for row in b.to_pylist()), key=str
    )


def _conditions() -> list[tuple[Condition, ...]]:
    values: dict[str, list[Scalar]] = {
        "subject": ["a", "Z", "é", "\U0001d54f", "a\x00", "a\x00b", "\x00", "a'b"],
        "amount": [0, -(2**63), 2**63 - 1],
        "score": [1, 2**40],
        "ratio": [0.0, 1e308],
        "consent": [True, False],
        "day": [date(2026, 2, 28)],
        "moment": [datetime(2026, 1, 1)],
    }
    ordered = [one for one in Operator if one is not Operator.IN]
    each = [
        (Condition(field, operator, (value,)),)
        for field, ones in values.items()
        for value in ones
        for operator in (ordered if field != "consent" else [Operator.EQUAL])
    ]
    several = [(Condition(field, Operator.IN, (*ones, None)),) for field, ones in values.items()]
    return [*each, *several, (Condition("subject", Operator.IN, ()),), ()]


@pytest.mark.parametrize("few", [False, True], ids=["stream", "point"])
def test_every_condition_takes_the_rows_that_the_embedded_engine_takes(
    source: PostgresSource, file: DuckDBSource, contract: DataContract, make_contract: MakeContract, few: bool
) -> None:
    over_file = make_contract("kinds.parquet")
    columns = tuple(contract.fields)
    for conditions in _conditions()[:: 1 if few else 5]:
        for region in (None, "hz/xc"):
            scope = RowScope(region, None, conditions)
            plan = RowPlan(contract, columns, scope, None, few=few)
            assert _rows(source, plan) == _rows(file, replace(plan, contract=over_file)), conditions


def test_types_are_those_of_the_contract_and_batches_of_their_size(
    source: PostgresSource, contract: DataContract, schema: pa.Schema
) -> None:
    for few in (False, True):
        batches = list(source.rows(RowPlan(contract, tuple(contract.fields), EVERYTHING, None, few=few), 7))
        assert [batch.num_rows for batch in batches] == [7, 7, 2]
        assert all(batch.schema.types == schema.types for batch in batches)
    limited = RowPlan(contract, ("subject",), EVERYTHING, 3)
    assert sum(batch.num_rows for batch in source.rows(limited, 100)) == 3
    assert not list(source.rows(replace(limited, part=Part(1, 2)), 100))


def test_rows_come_in_their_order_on_disk_whatever_a_planner_likes_better(
    server: Server, make_table_contract: MakeContract, tables: Tables
) -> None:
    tables.make("ordered", subject="text", amount="bigint")
    for text in (
        "INSERT INTO city.ordered SELECT g::text, 30000 - g FROM generate_series(1, 30000) g",
        "CREATE INDEX ON city.ordered (amount)",
        "ANALYZE city.ordered",
        "CREATE ROLE hasty LOGIN",
        "GRANT USAGE ON SCHEMA city TO hasty",
        "GRANT SELECT ON city.ordered TO hasty",
        "ALTER ROLE hasty SET enable_seqscan = off",
        "ALTER ROLE hasty SET enable_bitmapscan = off",
        "ALTER ROLE hasty SET min_parallel_table_scan_size = 0",
        "ALTER ROLE hasty SET parallel_setup_cost = 0",
        "ALTER ROLE hasty SET parallel_tuple_cost = 0",
    ):
        tables.session.execute(text.encode())
    source = PostgresSource({"registers": replace(server, user="hasty")})
    try:
        contract = make_table_contract("ordered", ("subject", "amount"))
        for conditions in ((), (Condition("amount", Operator.GREATER, (10_000,)),)):
            scope = RowScope(None, None, conditions)
            for few in (False, True):
                plan = RowPlan(contract, ("amount",), scope, None, few=few)
                found = [row["amount"] for row in _values(source, plan)]
                assert found == sorted(found, reverse=True) and len(found) > 10_000
    finally:
        source.close()


def test_an_index_finds_a_point(source: PostgresSource, make_table_contract: MakeContract, tables: Tables) -> None:
    names = ("subject", "amount")
    tables.make("large", subject="text primary key", amount="bigint")
    tables.session.execute("INSERT INTO city.large SELECT g::text, g FROM generate_series(1, 50000) g")
    tables.session.execute("ANALYZE city.large")
    contract = make_table_contract("large", names)
    scope = RowScope(None, None, (Condition("subject", Operator.IN, ("777", "778", "none")),))
    plan = RowPlan(contract, names, scope, None, few=True)
    asked: list[str] = []
    points = source._database(contract).points
    ask = points.ask

    def explained(snapshot: Any, table: Any, text: str, parameters: Any) -> Any:
        asked.append(str(ask(snapshot, table, f"EXPLAIN {text}", parameters)))
        return ask(snapshot, table, text, parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "ask", explained)
        assert sorted(row["amount"] for row in _values(source, plan)) == [777, 778]
    assert "Index" in asked[0] and "Seq Scan" not in asked[0]


@pytest.mark.parametrize("few", [False, True], ids=["stream", "point"])
@pytest.mark.parametrize(("column", "value"), [("day", "infinity"), ("day", "-infinity"), ("moment", "infinity")])
def test_a_day_without_end_is_no_day(
    source: PostgresSource,
    make_table_contract: MakeContract,
    tables: Tables,
    column: str,
    value: str,
    few: bool,
) -> None:
    name = f"endless {column} {value} {few}"
    tables.make(name, [{"subject": "a", column: value}])
    plan = RowPlan(make_table_contract(name), ("subject", column), EVERYTHING, None, few=few)
    with pytest.raises(Fault) as caught:
        list(source.rows(plan, 10))
    assert caught.value.reason is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_stream_that_is_left_frees_its_session(
    source: PostgresSource, contract: DataContract, owner: psycopg.Connection[tuple[Any, ...]]
) -> None:
    def sessions() -> int:
        counted = owner.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'purpose-gateway'")
        return int((counted.fetchone() or (0,))[0])

    source.verify(contract)
    before = sessions()
    with closing(source.rows(RowPlan(contract, ("subject",), EVERYTHING, None), 3)) as stream:
        next(stream)
        assert sessions() > before - 1
    for _ in range(100):
        if sessions() <= before + 1:
            break
    assert sessions() <= before + 1


def _values(source: PostgresSource, plan: RowPlan) -> list[dict[str, Any]]:
    return [row for batch in source.rows(plan, 100) for row in batch.to_pylist()]


def test_a_name_is_a_name_and_nothing_else(
    source: PostgresSource, make_table_contract: MakeContract, tables: Tables, tmp_path: Path
) -> None:
    name = 'x"; DROP TABLE city.kinds; --'
    tables.make(name, [{"subject": "a"}], subject="text")
    plan = RowPlan(make_table_contract(name, ("subject",)), ("subject",), EVERYTHING, None)
    assert _values(source, plan) == [{"subject": "a"}] == _values(source, replace(plan, few=True))
    assert not list(tmp_path.iterdir())
