"""A disk that fails, and recovers: a fault for each that waited, nothing half done, and work goes on afterwards."""

from __future__ import annotations

import fcntl
import os
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.requests import SqlRequestRegister
from gateway.adapters.state.upgrade import upgrade
from gateway.model.budget import Charge
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.pseudonym import PseudonymDomain
from gateway.ports import KeyUse
from tests.conformance.ports.samples import a_record, a_release, an_account


@contextmanager
def no_space() -> Iterator[None]:
    """No file of this process can grow, or be written beyond its first byte: a full disk, to SQLite and to us."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(path: Path) -> Iterator[StateDatabase]:
    database = open_state(path, patience=0.3)
    upgrade(database)
    yield database
    database.close()


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Another program holds SQLite's own write lock, past all patience."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.close()


@contextmanager
def another_turn(path: Path) -> Iterator[None]:
    """Another gateway process hangs in its turn to write."""
    with open(path.with_name("state.db.lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


troubles = pytest.mark.parametrize(
    "trouble", [lambda _: no_space(), read_only, another_turn], ids=["full", "locked", "turn"]
)
Trouble = Callable[[Path], AbstractContextManager[None]]


@troubles
def test_the_log_fails_every_producer_and_recovers(state: StateDatabase, path: Path, trouble: Trouble) -> None:
    log = SqlAuditLog(state)
    log.append(a_record())

    def produce(_: int) -> ErrorReason | None:
        try:
            log.append(a_record())
        except Fault as fault:
            return fault.reason
        return None

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(produce, range(8)))  # so that no thread must be started in the trouble
        before = log.append(a_record()).index
        with trouble(path):
            reasons = list(threads.map(produce, range(8)))
    assert reasons == [ErrorReason.AUDIT_UNAVAILABLE] * 8
    assert log.append(a_record()).index == before + 1
    log.close()


@troubles
def test_the_ledger_charges_nothing_and_recovers(state: StateDatabase, path: Path, trouble: Trouble) -> None:
    ledger, register, account = (
        SqlBudgetLedger(state, SystemClock()),
        SqlRequestRegister(state, SystemClock()),
        an_account(),
    )
    ledger.charge("r1", [account], PrivacyLoss(Fraction(1, 4)))
    with trouble(path):
        for work in (
            lambda: ledger.charge("r2", [account], PrivacyLoss(Fraction(1, 4))),
            lambda: ledger.store(a_release("r1")),
            lambda: register.bind("secret-institution", "secret-person", "secret-id", b"x"),
        ):
            with pytest.raises(Fault) as caught:
                work()
            assert caught.value.reason is ErrorReason.LEDGER_UNAVAILABLE
            assert "secret" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"
    assert ledger.balances([account])[0].spent == Fraction(1, 4)
    assert ledger.stored("r1") is None
    assert ledger.charge("r2", [account], PrivacyLoss(Fraction(3, 4))) == Charge("r2", Fraction(3, 4), fresh=True)
    assert ledger.store(a_release("r1")) == a_release("r1")
    assert register.bind("secret-institution", "secret-person", "secret-id", b"x")


def test_what_was_damaged_is_a_fault_and_not_an_answer(state: StateDatabase, path: Path) -> None:
    log, ledger, account = SqlAuditLog(state), SqlBudgetLedger(state, SystemClock()), an_account(id="dataset/x")
    log.append(a_record())
    ledger.charge("r1", [account], PrivacyLoss(Fraction(1, 4)))
    ledger.store(a_release("r1"))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE audit_entries SET record = replace(record, 'li.wei', 'wu.min')")
        other.execute("UPDATE releases SET payload = payload || ' '")
        other.execute("UPDATE budget_accounts SET spent_denominator = '0'")
    other.close()
    for work in (lambda: log.get(0), lambda: ledger.stored("r1"), lambda: ledger.balances([account])):
        with pytest.raises(Fault):
            work()
    log.close()


def test_a_pruned_entry_has_no_record_and_keeps_its_place(state: StateDatabase, path: Path) -> None:
    log = SqlAuditLog(state)
    log.append(a_record())
    with sqlite3.connect(path) as other:
        other.execute("UPDATE audit_entries SET record = NULL, salt = NULL")
    other.close()
    assert log.get(0) is None
    assert log.append(a_record()).index == 1
    log.close()


def test_closing_the_log_writes_what_was_handed_over(state: StateDatabase) -> None:
    log = SqlAuditLog(state)
    outcomes: list[int | None] = []

    def produce() -> None:
        try:
            outcomes.append(log.append(a_record()).index)
        except Fault:
            outcomes.append(None)

    producers = [threading.Thread(target=produce) for _ in range(64)]
    for producer in producers[:32]:
        producer.start()
    log.close()
    for producer in producers[32:]:
        producer.start()
    for producer in producers:
        producer.join(10)
    log.close()
    written = [index for index in outcomes if index is not None]
    assert len(outcomes) == 64
    assert sorted(written) == list(range(len(written)))
    assert outcomes.count(None) >= 32
    again = SqlAuditLog(state)
    assert again.append(a_record()).index == len(written)
    again.close()


def test_a_forked_child_is_refused_and_does_not_wait_for_ever(state: StateDatabase) -> None:
    log = SqlAuditLog(state)
    child = os.fork()
    if child == 0:
        try:
            log.append(a_record())
        except Fault:
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    log.close()


def test_the_key_ring_makes_and_destroys_no_domain_on_a_full_disk_and_recovers(tmp_path: Path) -> None:
    path, domain = tmp_path / "keys.json", PseudonymDomain("hztax", "subsidy-check")
    ring = FileKeyRing.create(path, b"secret", n=2**15)
    before = path.read_bytes()
    with no_space(), pytest.raises(Fault) as caught:
        ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    assert path.read_bytes() == before
    key = ring.working_key(domain, KeyUse.TOKEN_BLOCK, "text")
    assert FileKeyRing.open(path, b"secret").working_key(domain, KeyUse.TOKEN_BLOCK, "text") == key
    with no_space(), pytest.raises(Fault) as caught:
        ring.destroy(domain)
    assert caught.value.reason is ErrorReason.KEYS_UNAVAILABLE
    assert ring.domains() == (domain,)
    ring.destroy(domain)
    assert ring.domains() == ()
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "keys.json",
        "keys.json.destroyed",
        "keys.json.lock",
    ]
