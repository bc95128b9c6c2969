"""A kill at any moment: what was acknowledged is there, and nothing is half there."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.accountability.leaf import leaf_hash
from gateway.accountability.record import decode
from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state.database import open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from tests.integration.state.child import ACCOUNTS

ROOT = Path(__file__).parents[3]


def start(path: Path, run: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.integration.state.child", str(path), run],
        cwd=ROOT,
        bufsize=0,  # communicate() would skip, and lose, what a buffer of ours had read ahead
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_and_kill(path: Path, run: str, processes: int, at_least: int, seconds: float) -> list[list[str]]:
    """Run children together, kill each after some work and time, and return what they acknowledged."""
    children = [start(path, f"{run}.{number}") for number in range(processes)]
    heads = [_read(child, at_least) for child in children]
    time.sleep(seconds)
    for child in children:
        child.kill()
    lines: list[list[str]] = []
    for child, head in zip(children, heads, strict=True):
        rest, errors = child.communicate(timeout=60)
        assert errors == b"", errors.decode()
        whole = (head + rest).split(b"\n")[:-1]
        lines += [line.decode().split(" ") for line in whole]
    return lines


def _read(child: subprocess.Popen[bytes], at_least: int) -> bytes:
    """Read so many acknowledgements, and on until there is one of each kind.

    Counted in work, so that a busy machine kills as late as an idle one.
    """
    assert child.stdout is not None
    lines: list[bytes] = []
    while len(lines) < at_least or len({line.split(b" ")[0] for line in lines}) < 2:
        line = child.stdout.readline()
        if not line:  # it died by itself, which its standard error will tell
            break
        lines.append(line)
    return b"".join(lines)


def check(path: Path, acknowledged: Sequence[Sequence[str]]) -> None:
    """Hold the file against the acknowledgements, reading it as anyone could."""
    database = open_state(path)
    spent = [balance.spent for balance in SqlBudgetLedger(database, SystemClock()).balances(ACCOUNTS)]
    database.close()

    file = sqlite3.connect(path)
    assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert file.execute("PRAGMA foreign_key_check").fetchall() == []
    entries = {
        row[0]: row[1:] for row in file.execute("SELECT entry_index, leaf_hash, salt, record FROM audit_entries")
    }
    charged = {
        release_id: Fraction(int(numerator), int(denominator))
        for release_id, numerator, denominator in file.execute(
            "SELECT release_id, rho_numerator, rho_denominator FROM budget_charges"
        )
    }
    accounts = set(file.execute("SELECT release_id, account_id FROM budget_charged_accounts"))
    file.close()

    assert sorted(entries) == list(range(len(entries)))
    for leaf, salt, record in entries.values():
        assert leaf_hash(salt, record) == leaf
    ids = [decode(record).request_id for _, _, record in entries.values()]
    assert len(ids) == len(set(ids))
    assert accounts == {(release_id, account.id) for release_id in charged for account in ACCOUNTS}
    assert spent == [sum(charged.values())] * 2
    for kind, *rest in acknowledged:
        if kind == "append":
            leaf, _, record = entries[int(rest[0])]
            assert (leaf.hex(), decode(record).request_id) == (rest[1], rest[2])
        else:
            assert charged[rest[0]] == Fraction(rest[1])


@pytest.mark.timeout(300)  # each child imports afresh, on a machine that may be busy
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, prove: bool) -> None:
    path, moments = tmp_path / "state.db", random.Random(20261121)
    acknowledged: list[list[str]] = []
    for turn in range(100 if prove else 10):
        acknowledged += run_and_kill(path, str(turn), 1, moments.randint(1, 60), moments.uniform(0, 0.02))
        check(path, acknowledged)
    assert {line[0] for line in acknowledged} == {"append", "charge"}


@pytest.mark.timeout(300)  # each child imports afresh, on a machine that may be busy
def test_two_processes_on_one_file_are_killed_together(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    acknowledged = run_and_kill(path, "a", 2, 60, 0.02) + run_and_kill(path, "b", 2, 30, 0)
    check(path, acknowledged)
    for kind in ("append", "charge"):
        runs = {line[-1 if kind == "append" else 1].split("/")[0] for line in acknowledged if line[0] == kind}
        assert runs == {"a.0", "a.1", "b.0", "b.1"}
