"""64 clients race for one budget: it is never overspent, and what anybody was told is charged, also after a kill -9."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.accountability.books import look_over, sums
from gateway.adapters.clock_system import SystemClock
from gateway.adapters.state.books import read_books
from gateway.adapters.state.database import open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.upgrade import upgrade
from gateway.model.books import Books
from tests.integration.state.spender import CAP, WIDE, loss

ROOT = Path(__file__).parents[3]
PROCESSES, CLIENTS = 4, 16
"""Together 64 clients."""


class Runners:
    """Processes of clients on one state file, which begin together, and write to one pipe: whole lines all of them."""

    def __init__(self, path: Path, run: str) -> None:
        ours, theirs = os.pipe()
        self._children = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.integration.state.spender", str(path), f"{run}.{number}", str(CLIENTS)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=theirs,
                stderr=subprocess.PIPE,
            )
            for number in range(PROCESSES)
        ]
        os.close(theirs)
        self._lines = os.fdopen(ours, "rb")
        assert [self._lines.readline() for _ in self._children] == [b"ready\n"] * PROCESSES
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write(b"go\n")
            child.stdin.flush()

    def wait_for(self, charges: int) -> dict[str, Fraction]:
        """Read so many acknowledgements."""
        return _told([self._lines.readline() for _ in range(charges)])

    def kill(self) -> dict[str, Fraction]:
        """Kill all of them at once; return what else they had been told."""
        for child in self._children:
            child.kill()
        return self.end()

    def end(self) -> dict[str, Fraction]:
        """Wait until they have ended; return what they had been told."""
        with self._lines:
            lines = self._lines.readlines()
        for child in self._children:
            _, errors = child.communicate(timeout=240)
            assert errors == b"", errors.decode()
        return _told(lines)


def _told(lines: Sequence[bytes]) -> dict[str, Fraction]:
    words = [line.decode().split() for line in lines]
    assert all(len(each) == 3 and each[0] == "charged" for each in words)
    return {release_id: Fraction(rho) for _, release_id, rho in words}


class Witness:
    """Looks at the balance again and again, as another process would, and remembers the most that it saw."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.looks, self.most = 0, Fraction(0)

    def __enter__(self) -> Witness:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)

    def _look(self) -> None:
        database = open_state(self._path)
        ledger = SqlBudgetLedger(database, SystemClock())
        while not self._over.wait(0.01):
            (balance,) = ledger.balances([CAP])
            self.looks, self.most = self.looks + 1, max(self.most, balance.spent)
        database.close()


def books_of(path: Path) -> Books:
    database = open_state(path)
    try:
        return read_books(database)
    finally:
        database.close()


def check(path: Path, told: dict[str, Fraction]) -> Fraction:
    """Hold the books against what clients were told; return what the budget has spent."""
    books = books_of(path)
    assert list(look_over(books, {CAP.id: CAP, WIDE.id: WIDE})) == []
    assert {name: books.charges[name].loss.rho for name in told} == told
    assert set(books.postings) == {(name, account.id) for name in books.charges for account in (CAP, WIDE)}
    spent = sums(books)[CAP.id]
    assert spent.delta == Fraction(len(books.charges), 10**10)
    return spent.rho


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A state file of this version."""
    file = tmp_path / "state.db"
    database = open_state(file)
    upgrade(database)
    database.close()
    return file


@pytest.mark.timeout(600)  # each child imports afresh, on a machine that may be busy
def test_64_clients_spend_a_budget_to_its_end_and_not_beyond(path: Path) -> None:
    with Witness(path) as witness:
        told = Runners(path, "a").end()
    spent = check(path, told)
    assert set(told) == set(books_of(path).charges), "nobody died, so that everybody was told"
    # every client ended with a refusal, and so what is left is less than the largest price
    assert CAP.cap - max(loss(number).rho for number in range(4)) < spent <= CAP.cap
    assert witness.looks and witness.most <= CAP.cap
    assert len({name.rpartition("/")[0] for name in told}) > PROCESSES * CLIENTS / 2, "they took turns"


@pytest.mark.timeout(600)
def test_64_clients_that_are_killed_leave_every_charge_they_were_told_of(path: Path, prove: bool) -> None:
    told: dict[str, Fraction] = {}
    for turn in range(5 if prove else 2):
        with Witness(path) as witness:
            runners = Runners(path, f"k{turn}")
            told |= runners.wait_for(60)
            told |= runners.kill()
        spent = check(path, told)
        assert spent < CAP.cap, "killed in the middle, and not at the end"
        assert witness.most <= CAP.cap
    unheard = len(books_of(path).charges) - len(told)
    assert 0 <= unheard <= (turn + 1) * PROCESSES * CLIENTS, "at most one charge of each client was not told of"
    # those who come after them find what is left, and no more
    told |= Runners(path, "after").end()
    assert CAP.cap - max(loss(number).rho for number in range(4)) < check(path, told) <= CAP.cap
