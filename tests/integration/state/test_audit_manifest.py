"""A record whose manifest is whole already is kept with it, in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.upgrade import upgrade
from gateway.model.errors import ErrorReason, Fault
from tests.conformance.ports.samples import a_record


@pytest.fixture
def database(tmp_path: Path) -> Iterator[StateDatabase]:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def log(database: StateDatabase) -> Iterator[SqlAuditLog]:
    log = SqlAuditLog(database)
    yield log
    log.close()


def test_batches_keep_their_numbers_and_one_without_subjects_is_not_stored(log: SqlAuditLog) -> None:
    entry = log.append(a_record(), [b"t" * 32, b"", b"u" * 16])
    assert log.manifest(entry.index) == ((0, b"t" * 32), (2, b"u" * 16))


def test_tokens_that_are_not_whole_leave_no_record(log: SqlAuditLog) -> None:
    with pytest.raises(Fault) as caught:
        log.append(a_record(), [b"t" * 16, b"short"])
    assert caught.value.reason is ErrorReason.AUDIT_UNAVAILABLE
    assert log.append(a_record(), [b"v" * 16]).index == 0
    assert log.manifest(0) == ((0, b"v" * 16),)


def test_where_the_manifest_cannot_be_kept_the_record_is_not(database: StateDatabase, log: SqlAuditLog) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("audit_manifests", "elsewhere"))
    with pytest.raises(Fault):
        log.append(a_record(), [b"t" * 16])
    with database.writing() as connection:
        connection.exec_driver_sql(rename.format("elsewhere", "audit_manifests"))
    assert log.get(0) is None
    # the connection that failed is not used again
    assert log.append(a_record(), [b"t" * 16]).index == 0
