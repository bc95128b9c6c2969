"""A table is the parts that its snapshot has, whatever becomes of them while it is held."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope
from tests.integration.source.postgres.tables import Tables
from tests.integration.source.postgres.test_snapshots import _counted, _parted, _plan, _rows

MakeContract = Callable[..., DataContract]
KINDS = ["partition", "inherited"]


@pytest.fixture
def held(server: Server) -> Iterator[PostgresSource]:
    """A source that holds what it looked at first."""
    source = PostgresSource({"registers": replace(server, snapshot_seconds=600.0)})
    yield source
    source.close()


def _read(source: PostgresSource, contract: DataContract, version: str) -> list[int]:
    """How many rows there are: in a stream, in an answer of few, and counted."""
    plan = _plan(contract, version)
    return [_rows(source, plan), _rows(source, replace(plan, few=True)), _counted(source, contract, version)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_comes_while_its_table_is_held_is_not_read_with_it(
    held: PostgresSource, source: PostgresSource, tables: Tables, make_table_contract: MakeContract, kind: str
) -> None:
    name, run = f"grows_{kind}", tables.session.execute
    contract = _parted(tables, make_table_contract, name, kind)
    # its rows were there before the snapshot, which sees them; one was copied, to be moved later
    tables.make(f"{name}_2", subject="text", amount="bigint")
    run(f"INSERT INTO city.{name}_2 VALUES ('new', 2), ('1', 2)".encode())
    before = source.data_version(contract)
    held.verify(contract)
    told = "ATTACH PARTITION city.{0}_2 FOR VALUES IN (2)"
    change = f"city.{{0}} {told}" if kind == "partition" else "city.{0}_2 INHERIT city.{0}"
    run(f"ALTER TABLE {change.format(name)}".encode())
    assert held.data_version(contract) == before
    assert _read(held, contract, before) == [6, 6, 6]
    after = source.data_version(contract)
    assert after != before and _read(source, contract, after) == [8, 8, 8]


@pytest.mark.parametrize("few", [False, True], ids=["stream", "point"])
def test_no_part_is_left_out_for_what_was_found_to_hold_after_the_snapshot(
    held: PostgresSource, tables: Tables, make_table_contract: MakeContract, few: bool
) -> None:
    name, run = f"ruled_{few}".lower(), tables.session.execute
    contract = _parted(tables, make_table_contract, name, "inherited")
    run(f"UPDATE city.{name}_1 SET amount = 2".encode())
    run(f"ALTER TABLE city.{name}_1 ADD CONSTRAINT ones CHECK (amount = 1) NOT VALID".encode())
    twos = RowScope(None, None, (Condition("amount", Operator.EQUAL, (2,)),))
    plan = replace(_plan(contract, held.data_version(contract)), scope=twos, few=few)
    run(f"UPDATE city.{name}_1 SET amount = 1".encode())
    # it waits for no reader, and the planner believes it at once
    run(f"ALTER TABLE city.{name}_1 VALIDATE CONSTRAINT ones".encode())
    assert _rows(held, plan) == 3


def test_a_part_that_is_being_detached_is_one_for_whoever_began_before(
    server: Server,
    held: PostgresSource,
    source: PostgresSource,
    tables: Tables,
    make_table_contract: MakeContract,
) -> None:
    contract = _parted(tables, make_table_contract, "leaving", "partition")
    before = held.data_version(contract)
    with psycopg.connect(
        host=server.host, port=server.port, dbname="postgres", user="postgres", autocommit=True
    ) as other:
        detached = b"ALTER TABLE city.leaving DETACH PARTITION city.leaving_1 CONCURRENTLY"
        detaching = threading.Thread(target=lambda: other.execute(detached))
        detaching.start()
        pending = b"SELECT 1 FROM pg_inherits WHERE inhrelid = 'city.leaving_1'::regclass AND inhdetachpending"
        while not tables.session.execute(pending).fetchone():
            assert detaching.is_alive()
        assert _read(held, contract, before) == [6, 6, 6]
        now = source.data_version(contract)
        assert now != before and _read(source, contract, now) == [3, 3, 3]
        for one in (held, source):
            one.close()
        detaching.join(30)
        assert not detaching.is_alive()


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_takes_a_part_away_while_its_table_is_held(
    held: PostgresSource, tables: Tables, make_table_contract: MakeContract, kind: str
) -> None:
    name, run = f"stays_{kind}", tables.session.execute
    contract = _parted(tables, make_table_contract, name, kind)
    held.verify(contract)
    left = (
        f"city.{name} DETACH PARTITION city.{name}_1"
        if kind == "partition"
        else f"city.{name}_1 NO INHERIT city.{name}"
    )
    for change in (f"TRUNCATE city.{name}_1", f"DROP TABLE city.{name}_1", f"ALTER TABLE {left}"):
        with tables.session.transaction(force_rollback=True), pytest.raises(psycopg.errors.LockNotAvailable):
            run(b"SET LOCAL lock_timeout = '50ms'")
            run(change.encode())
    assert _read(held, contract, held.data_version(contract)) == [6, 6, 6]
