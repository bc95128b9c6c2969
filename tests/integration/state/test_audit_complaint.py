"""Operators are told that the audit log cannot be written, and nothing of what was to be written."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.database import open_state
from gateway.adapters.state.upgrade import upgrade
from gateway.model.errors import Fault
from tests.conformance.ports.samples import a_record

SECRET = "li.wei.the.person"


def test_a_failing_log_is_told_by_the_type_of_its_exception_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = open_state(tmp_path / "state.db")
    upgrade(database)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_entries RENAME TO elsewhere")
    log = SqlAuditLog(database)
    with caplog.at_level(logging.ERROR), pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        log.append(replace(a_record(), person=SECRET))
    assert caplog.messages == ["the audit log cannot be written: sqlalchemy.exc.OperationalError"]
    assert SECRET not in caplog.text
    with pytest.raises(Fault), caplog.at_level(logging.ERROR):
        log.append_manifest(7, 0, b"x" * 16)
    assert len(caplog.messages) == 2 and "IntegrityError" in caplog.messages[1]
    log.close()
    database.close()
