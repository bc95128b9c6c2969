"""No answer is of two states of a table: not while it is written, emptied, changed or gone."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, RowPlan, RowScope
from tests.integration.source.postgres.tables import Tables

MakeContract = Callable[..., DataContract]
EVERYTHING = RowScope(None, None, ())
NAMES = ("subject", "amount")


def _make(tables: Tables, make: MakeContract, name: str, rows: int = 3) -> DataContract:
    tables.make(name, subject="text", amount="bigint")
    tables.session.execute(f'INSERT INTO city."{name}" SELECT g::text, 1 FROM generate_series(1, {rows}) g'.encode())
    return make(name, NAMES)


def _plan(contract: DataContract, version: str | None = None) -> RowPlan:
    return RowPlan(contract, NAMES, EVERYTHING, None, version)


def _counted(source: PostgresSource, contract: DataContract, version: str | None) -> int:
    plan = AggregatePlan(contract, EVERYTHING, (), (Measure(MeasureKind.ROWS, 9),), 1, "00", version=version)
    return int(source.aggregates(plan).column("s0")[0].as_py())


def _rows(source: PostgresSource, plan: RowPlan) -> int:
    return sum(batch.num_rows for batch in source.rows(plan, 1_000))


def _fault(run: Callable[[], object]) -> ErrorReason:
    with pytest.raises(Fault) as caught:
        run()
    return caught.value.reason


def test_every_change_makes_another_version_and_nothing_else_does(
    source: PostgresSource, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "versions")
    seen = [source.data_version(contract)]
    for change in (
        "INSERT INTO city.versions VALUES ('x', 1)",
        "UPDATE city.versions SET amount = 2 WHERE subject = 'x'",
        "UPDATE city.versions SET amount = 2 WHERE subject = 'x'",
        "DELETE FROM city.versions WHERE subject = 'x'",
    ):
        tables.session.execute(change.encode())
        seen.append(source.data_version(contract))
    assert len(set(seen)) == len(seen) - 1 and seen[-1] == seen[0], "the last change brought the first rows back"
    tables.session.execute(b"CREATE TABLE city.another (a int)")
    tables.session.execute(b"ANALYZE city.versions")
    assert source.data_version(contract) == seen[-1]


def test_what_was_charged_for_is_what_is_read(
    source: PostgresSource, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "charged")
    version = source.data_version(contract)
    tables.session.execute(b"INSERT INTO city.charged SELECT 'n' || g, 1 FROM generate_series(1, 50) g")
    assert _rows(source, _plan(contract, version)) == 3 == _counted(source, contract, version)
    assert _rows(source, _plan(contract)) == 53 == _counted(source, contract, None)
    assert _fault(lambda: source.rows(_plan(contract, "another"), 10)) is ErrorReason.SOURCE_SCHEMA_CHANGED
    assert _fault(lambda: _counted(source, contract, "another")) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_table_that_is_emptied_meanwhile_is_never_read_as_empty(
    server: Server, source: PostgresSource, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "emptied", 100_000)
    version = source.data_version(contract)
    stream = source.rows(_plan(contract, version), 1_000)
    rows = next(stream).num_rows
    with psycopg.connect(host=server.host, port=server.port, dbname="postgres", user="postgres") as other:
        truncating = threading.Thread(target=lambda: other.execute("TRUNCATE city.emptied"))
        truncating.start()
        rows += sum(batch.num_rows for batch in stream)
        assert rows == 100_000
        source.close()  # as when snapshots end: what waits goes on
        truncating.join(30)
        assert not truncating.is_alive()
    found = [0 if reason is None else reason for reason in [_after(source, contract, version)]]
    assert found == [ErrorReason.SOURCE_SCHEMA_CHANGED]
    assert _rows(source, _plan(contract)) == 0


def _after(source: PostgresSource, contract: DataContract, version: str) -> ErrorReason | None:
    return _fault(lambda: _rows(source, _plan(contract, version)))


def test_a_table_emptied_after_the_snapshot_and_before_it_is_held_is_not_read(
    server: Server, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "late")
    source = PostgresSource({"registers": replace(server, snapshot_seconds=600.0)})
    try:
        source.verify(_make(tables, make_table_contract, "first"))
        tables.session.execute(b"TRUNCATE city.late")
        tables.session.execute(b"INSERT INTO city.late VALUES ('new', 1)")
        # the snapshot that is there sees the rows that are gone, in a file that is gone
        assert _fault(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
        source.verify(contract)
        assert _rows(source, _plan(contract)) == 1
    finally:
        source.close()


def test_a_snapshot_is_not_asked_each_time_whether_it_lives_and_not_used_once_it_does_not(
    server: Server, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "living")
    source = PostgresSource({"registers": replace(server, snapshot_seconds=600.0)})

    def asked() -> set[tuple[object, ...]]:
        told = b"SELECT pid, query_start FROM pg_stat_activity WHERE application_name = 'purpose-gateway'"
        return set(tables.session.execute(told).fetchall())

    try:
        source.verify(contract)
        version, before = source.data_version(contract), asked()
        source.verify(contract)
        assert source.data_version(contract) == version and asked() == before
        tables.session.execute(b"INSERT INTO city.living VALUES ('new', 1)")
        _killed(tables)
        assert source.data_version(contract) != version
        assert _rows(source, _plan(contract)) == 4
    finally:
        source.close()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("dropped", "DROP COLUMN amount"),
        ("retyped", "ALTER COLUMN amount TYPE numeric"),
        ("renamed", 'RENAME COLUMN amount TO "Amount"'),
        ("padded", "ALTER COLUMN subject TYPE char(9)"),
    ],
)
def test_a_table_of_another_schema_is_not_read(
    server: Server, tables: Tables, make_table_contract: MakeContract, name: str, change: str
) -> None:
    contract = _make(tables, make_table_contract, name)
    tables.session.execute(f"ALTER TABLE city.{name} {change}".encode())
    source = PostgresSource({"registers": server})
    try:
        assert _fault(lambda: source.verify(contract)) is ErrorReason.SOURCE_SCHEMA_CHANGED
        assert _fault(lambda: _rows(source, _plan(contract))) is ErrorReason.SOURCE_SCHEMA_CHANGED
        assert _fault(lambda: _counted(source, contract, None)) is ErrorReason.SOURCE_SCHEMA_CHANGED
    finally:
        source.close()


def test_what_has_no_versions_is_no_source(
    source: PostgresSource, tables: Tables, make_table_contract: MakeContract
) -> None:
    _make(tables, make_table_contract, "below")
    tables.session.execute(b"CREATE VIEW city.view AS SELECT * FROM city.below")
    tables.session.execute(b"CREATE UNLOGGED TABLE city.unlogged (subject text, amount bigint)")
    for name in ("view", "unlogged", "missing"):
        contract = make_table_contract(name, NAMES)
        assert _fault(partial(source.verify, contract)) is ErrorReason.SOURCE_UNAVAILABLE


def test_a_partitioned_table_is_one(source: PostgresSource, tables: Tables, make_table_contract: MakeContract) -> None:
    tables.session.execute(b"CREATE TABLE city.parted (subject text, amount bigint) PARTITION BY LIST (amount)")
    for value in (1, 2):
        text = f"CREATE TABLE city.parted{value} PARTITION OF city.parted FOR VALUES IN ({value})"
        tables.session.execute(text.encode())
    tables.session.execute(b"INSERT INTO city.parted VALUES ('a', 1), ('b', 2)")
    contract = make_table_contract("parted", NAMES)
    version = source.data_version(contract)
    assert _rows(source, _plan(contract, version)) == 2
    tables.session.execute(b"INSERT INTO city.parted VALUES ('c', 2)")
    assert source.data_version(contract) != version


def test_rows_that_a_policy_of_the_database_hides_are_an_error(
    server: Server, tables: Tables, make_table_contract: MakeContract
) -> None:
    contract = _make(tables, make_table_contract, "hidden")
    for text in (
        "CREATE ROLE reader LOGIN",
        "GRANT USAGE ON SCHEMA city TO reader",
        "GRANT SELECT ON city.hidden TO reader",
        "ALTER TABLE city.hidden ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY one ON city.hidden USING (subject = '1')",
    ):
        tables.session.execute(text.encode())
    source = PostgresSource({"registers": replace(server, user="reader")})
    try:
        assert _fault(lambda: _rows(source, _plan(contract))) is ErrorReason.SOURCE_UNAVAILABLE
        assert _fault(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
    finally:
        source.close()


@pytest.fixture(scope="module")
def long(tables: Tables, make_table_contract: MakeContract) -> DataContract:
    return _make(tables, make_table_contract, "long", 400_000)


def _killed(tables: Tables) -> None:
    tables.session.execute(
        # and wait until they are gone, so that what they said last has come
        b"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'purpose-gateway'"
    )


def test_a_server_that_goes_meanwhile_ends_the_stream_in_a_fault(
    source: PostgresSource, tables: Tables, long: DataContract
) -> None:
    stream: Iterator[object] = source.rows(_plan(long), 1_000)
    next(stream)
    _killed(tables)
    assert _fault(lambda: list(stream)) is ErrorReason.SOURCE_UNAVAILABLE
    assert _rows(source, _plan(long)) == 400_000, "and afterwards it is asked anew"


def test_a_statement_that_takes_too_long_is_ended(server: Server, long: DataContract) -> None:
    source = PostgresSource({"registers": replace(server, statement_seconds=1)})
    try:
        source.verify(long)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "gateway.adapters.postgres.source._text", lambda query: "SELECT pg_sleep(60)::text, 1::bigint"
            )
            assert _fault(lambda: _rows(source, _plan(long))) is ErrorReason.SOURCE_UNAVAILABLE
    finally:
        source.close()


def test_a_contract_of_another_place_is_not_served(server: Server, source: PostgresSource, long: DataContract) -> None:
    table = long.source.table
    assert table is not None
    for other in (
        replace(table, server="elsewhere"),
        replace(table, host="db.example"),
        replace(table, port=table.port + 1),
        replace(table, database="template1"),
    ):
        moved = replace(long, source=replace(long.source, table=other), digest=str(other))
        assert _fault(partial(source.verify, moved)) is ErrorReason.SOURCE_UNAVAILABLE
    nowhere = PostgresSource({"registers": replace(server, port=server.port + 1)})
    moved = replace(long, source=replace(long.source, table=replace(table, port=table.port + 1)))
    assert _fault(lambda: nowhere.verify(moved)) is ErrorReason.SOURCE_UNAVAILABLE


def _parted(tables: Tables, make: MakeContract, name: str, kind: str) -> DataContract:
    """A table of two parts with three rows each: as PostgreSQL parts tables, or one that inherits from another."""
    run = tables.session.execute
    if kind == "partition":
        run(f"CREATE TABLE city.{name} (subject text, amount bigint) PARTITION BY LIST (amount)".encode())
        run(f"CREATE TABLE city.{name}_0 PARTITION OF city.{name} FOR VALUES IN (0)".encode())
        run(f"CREATE TABLE city.{name}_1 PARTITION OF city.{name} FOR VALUES IN (1)".encode())
        run(f"INSERT INTO city.{name} SELECT g::text, g % 2 FROM generate_series(1, 6) g".encode())
    else:
        run(f"CREATE TABLE city.{name} (subject text, amount bigint)".encode())
        run(f"CREATE TABLE city.{name}_1 () INHERITS (city.{name})".encode())
        for part in (name, f"{name}_1"):
            run(f"INSERT INTO city.{part} SELECT g::text, 1 FROM generate_series(1, 3) g".encode())
    return make(name, NAMES)


@pytest.mark.parametrize("kind", ["partition", "inherited"])
@pytest.mark.parametrize(
    "change",
    ["TRUNCATE city.{0}_1", "DROP TABLE city.{0}_1", "ALTER TABLE city.{0}_1 {1}"],
    ids=["empty", "drop", "part"],
)
def test_a_part_that_went_after_the_snapshot_and_before_it_is_held_is_missed(
    server: Server, tables: Tables, make_table_contract: MakeContract, kind: str, change: str
) -> None:
    name = f"went_{kind}_{change.split(maxsplit=1)[0].lower()}"
    contract = _parted(tables, make_table_contract, name, kind)
    source = PostgresSource({"registers": replace(server, snapshot_seconds=600.0)})
    try:
        source.verify(_make(tables, make_table_contract, f"before_{name}"))
        if change.startswith("ALTER"):
            told = "ALTER TABLE city.{0} DETACH PARTITION city.{0}_1"
            change = told if kind == "partition" else "ALTER TABLE city.{0}_1 NO INHERIT city.{0}"
        tables.session.execute(change.format(name).encode())
        # the snapshot that is there is of six rows, of which three are not to be had any more
        assert _fault(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
        source.verify(contract)
        assert _rows(source, _plan(contract)) == 3
    finally:
        source.close()


@pytest.mark.parametrize("kind", ["partition", "inherited"])
def test_a_part_that_came_after_the_snapshot_is_not_read_with_it(
    server: Server, tables: Tables, make_table_contract: MakeContract, kind: str
) -> None:
    name = f"came_{kind}"
    contract = _parted(tables, make_table_contract, name, kind)
    source = PostgresSource({"registers": replace(server, snapshot_seconds=600.0)})
    try:
        tables.make(f"{name}_2", subject="text", amount="bigint")
        tables.session.execute(f"INSERT INTO city.{name}_2 VALUES ('new', 2)".encode())
        source.verify(_make(tables, make_table_contract, f"before_{name}"))
        told = "ATTACH PARTITION city.{0}_2 FOR VALUES IN (2)"
        change = f"city.{{0}} {told}" if kind == "partition" else "city.{0}_2 INHERIT city.{0}"
        tables.session.execute(f"ALTER TABLE {change.format(name)}".encode())
        assert _fault(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
        source.verify(contract)
        assert _rows(source, _plan(contract)) == 7
    finally:
        source.close()


@pytest.mark.parametrize("kind", ["UNLOGGED", "FOREIGN"])
def test_a_table_with_a_part_that_is_not_the_databases_own_or_not_durable_is_not_read(
    source: PostgresSource, tables: Tables, make_table_contract: MakeContract, kind: str
) -> None:
    name = f"strange_{kind.lower()}"
    contract = _parted(tables, make_table_contract, name, "partition")
    end = ""
    if kind == "FOREIGN":
        tables.session.execute(b"CREATE FOREIGN DATA WRAPPER nothing")
        tables.session.execute(b"CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing")
        end = "SERVER elsewhere"
    tables.session.execute(
        f"CREATE {kind} TABLE city.{name}_2 PARTITION OF city.{name} FOR VALUES IN (2) {end}".encode()
    )
    assert _fault(lambda: source.data_version(contract)) is ErrorReason.SOURCE_UNAVAILABLE
