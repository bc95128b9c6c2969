"""A state database of an older version comes to this one with all it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config

import gateway.adapters.state.migrations
from gateway.accountability.leaf import leaf_hash, new_salt
from gateway.accountability.record import encode
from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.upgrade import upgrade
from gateway.model.record import AuditRecord
from tests.conformance.ports.samples import AT, a_record


def of_version(path: Path, revision: str) -> StateDatabase:
    """A database as that version made it."""
    database = open_state(path)
    config = Config()
    config.set_main_option("script_location", str(Path(gateway.adapters.state.migrations.__file__).parent))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return database


def test_decisions_in_a_log_of_version_1_are_found_by_their_time(tmp_path: Path) -> None:
    records: list[AuditRecord] = [
        replace(a_record(str(number)), at=AT - timedelta(minutes=number), completes=number - 1 if number % 3 else None)
        for number in range(2500)
    ]
    database = of_version(tmp_path / "state.db", "0001")
    with database.writing() as connection:
        for index, record in enumerate(records):
            data, salt = encode(record), new_salt()
            pruned = index == 3
            connection.exec_driver_sql(
                "INSERT INTO audit_entries (entry_index, leaf_hash, salt, record) VALUES (?, ?, ?, ?)",
                (index, leaf_hash(salt, data), None if pruned else salt, None if pruned else data),
            )
    upgrade(database)
    log = SqlAuditLog(database)
    decisions = [record for record in records if record.completes is None and record is not records[3]]
    assert log.newest(3000) == tuple(reversed(decisions))
    start = AT - timedelta(minutes=99)
    assert list(log.between(start, AT)) == [record for record in reversed(decisions) if start <= record.at < AT]
    assert log.append(a_record()).index == 2500
    log.close()
    database.close()
