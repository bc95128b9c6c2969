"""The state file itself: how it is opened, how it is upgraded, and what is refused."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_mock_engine, select
from sqlalchemy.schema import CreateTable

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state import migrations
from gateway.adapters.state.database import StateUnusable, open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.schema import REVISION, metadata
from gateway.adapters.state.schema.log import entries
from gateway.adapters.state.upgrade import upgrade
from gateway.model.budget import Account, Balance, Charge
from gateway.model.loss import PrivacyLoss


def test_the_file_is_for_its_owner_and_survives_the_loss_of_power(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with database.writing() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    assert {file.name for file in tmp_path.iterdir()} >= {"state.db", "state.db-wal"}
    database.close()


def test_migrations_make_the_schema_that_the_adapters_use(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_the_newest_migration_is_the_schema_s(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with database.reading() as connection:
        assert MigrationContext.configure(connection).get_current_heads() == (REVISION,)
    database.close()


def test_what_was_charged_before_deltas_is_kept_and_lost_none(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = open_state(path)
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO budget_accounts VALUES ('dataset/x', '7', '200')")
        old.execute("INSERT INTO budget_charges VALUES ('r1', '7', '200', '2026-11-21 08:30:00.000000')")
        old.execute("INSERT INTO budget_charged_accounts VALUES ('r1', 'dataset/x')")
    old.close()
    upgrade(database)
    ledger, account = SqlBudgetLedger(database, SystemClock()), Account("dataset/x", "", Fraction(1))
    assert ledger.balances([account]) == (Balance(account, Fraction(7, 200), Fraction(0)),)
    loss = PrivacyLoss(Fraction(1, 2))
    assert ledger.charge("r1", [account], loss) == Charge("r1", Fraction(7, 200), fresh=False)
    assert ledger.charge("r2", [account], loss) == Charge("r2", Fraction(1, 2), fresh=True)
    database.close()


def test_postgresql_can_hold_the_schema() -> None:
    dialect = create_mock_engine("postgresql://", print).dialect
    texts = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    assert any("entry_index BIGINT NOT NULL" in text for text in texts)


def test_several_openings_upgrade_at_once_and_again(tmp_path: Path) -> None:
    databases = [open_state(tmp_path / "state.db") for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(upgrade, databases))
    upgrade(databases[0])
    for database in databases:
        with database.reading() as connection:
            assert connection.execute(select(entries)).all() == []
        database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with sqlite3.connect(tmp_path / "state.db") as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StateUnusable, match="newer version of the gateway"):
        upgrade(database)
    assert other.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
    other.close()
    database.close()


def test_a_folder_with_a_percent_sign_is_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "100%(x)s?a=b"
    folder.mkdir()
    database = open_state(folder / "state.db")
    upgrade(database)
    database.close()
    assert (folder / "state.db").stat().st_size > 0


@pytest.mark.parametrize("kind", ["no folder", "a folder", "no database"])
def test_what_cannot_be_opened_is_told_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "state.db"
    if kind == "no folder":
        path = tmp_path / "missing" / "state.db"
    elif kind == "a folder":
        path.mkdir()
    else:
        path.write_bytes(b"this is not a database " * 100)
    with pytest.raises(StateUnusable):
        open_state(path)


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with pytest.raises(RuntimeError), database.writing() as connection:
        connection.execute(entries.insert().values(entry_index=0, leaf_hash=b""))
        raise RuntimeError
    with database.reading() as connection:
        assert connection.execute(select(entries)).all() == []
    database.close()


def test_upgrading_says_nothing_on_the_console(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from gateway.adapters.state.database import open_state;"
        "from gateway.adapters.state.upgrade import upgrade; upgrade(open_state(Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "state.db")],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == done.stderr == b""
