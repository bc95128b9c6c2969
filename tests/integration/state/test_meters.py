"""Meters among processes, on a disk that fails, and how they forget."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.state.database import open_state
from gateway.adapters.state.meters import SqlMeters
from gateway.adapters.state.upgrade import upgrade
from gateway.model.errors import ErrorReason, Fault
from gateway.model.meter import Claim, Exhausted, Taken
from tests.conformance.ports.samples import AT
from tests.conformance.ports.still_clock import StillClock
from tests.integration.state.crowd import LIMIT

ROOT = Path(__file__).parents[3]
HOUR = timedelta(hours=1)


def test_8_processes_that_compete_for_12_take_exactly_12(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = open_state(path)
    upgrade(database)
    crowd = [sys.executable, "-m", "tests.integration.state.crowd", "meters", str(path), "8", "40"]
    done = subprocess.run(crowd, cwd=ROOT, capture_output=True, check=True, timeout=100)
    assert done.stderr == b""
    taken = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(taken) == 8
    assert sorted(left for own in taken for left in own) == list(range(LIMIT))
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM meter_marks").scalar() == LIMIT
        assert connection.exec_driver_sql("SELECT taken FROM meter_accounts").scalars().all() == [LIMIT]
    database.close()


def test_old_accounts_are_forgotten_some_at_each_call(tmp_path: Path) -> None:
    database, clock = open_state(tmp_path / "state.db"), StillClock()
    upgrade(database)
    meters = SqlMeters(database, clock)
    marks = tuple(f"{number}".encode() for number in range(1200))
    meters.take([Claim(b"long", 1200, marks, AT + HOUR)])
    meters.take([Claim(f"short {number}".encode(), 1, (b"a",), AT + 2 * HOUR) for number in range(700)])

    def count() -> tuple[int, int]:
        with database.reading() as connection:
            names = ("meter_accounts", "meter_marks")
            one, other = (connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one() for name in names)
        return one, other

    def call() -> None:
        assert meters.take([Claim(b"mine", 0, (b"x",), AT + 9 * HOUR)]) == Exhausted((0,))

    clock.pass_by(2 * 3600)
    call()
    assert count() == (701, 1900)  # its end is an hour ago: to the second, not more
    clock.pass_by(1)
    sizes = []
    for _ in range(3):
        call()
        sizes.append(count())
    assert sizes == [(701, 1400), (701, 900), (700, 700)]
    clock.pass_by(3600)
    for _ in range(3):
        call()
    assert count() == (0, 0)
    database.close()


def test_on_a_disk_that_fails_nobody_is_told_that_he_took(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = open_state(path, patience=0.2)
    upgrade(database)
    meters = SqlMeters(database, StillClock())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Fault) as caught:
        meters.take([Claim(b"secret-account", 1, (b"secret-mark",), AT + HOUR)])
    assert caught.value.reason is ErrorReason.REGISTER_UNAVAILABLE
    assert "secret" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
    other.close()
    assert meters.take([Claim(b"secret-account", 1, (b"other",), AT + HOUR)]) == Taken((0,))
    database.close()
