"""What fails in a database is told to the operator by its kind alone: a message can hold values."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server, engine_faults, open_session
from gateway.model.errors import ErrorReason, Fault


def test_the_log_says_of_what_kind_a_failure_was(
    server: Server, owner: psycopg.Connection[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    owner.execute("CREATE TABLE unread AS SELECT 1 AS canary")
    owner.execute("CREATE ROLE nothing LOGIN")
    with open_session(replace(server, user="nothing")) as session, pytest.raises(Fault) as refused, engine_faults():
        session.execute("SELECT canary FROM public.unread")
    with pytest.raises(Fault) as unreachable:
        open_session(replace(server, host="/nowhere"))
    assert refused.value.reason is unreachable.value.reason is ErrorReason.SOURCE_UNAVAILABLE
    assert [one.getMessage() for one in caplog.records] == [
        "a database cannot be read: InsufficientPrivilege, SQLSTATE 42501",
        "a database cannot be read: OperationalError, SQLSTATE none",
    ]
