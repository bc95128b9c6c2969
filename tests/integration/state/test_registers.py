"""The registers and the archive on a database that fails or was damaged, and the consents that are held in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.state.archive import SqlPolicyArchive
from gateway.adapters.state.archive_files import pack, unpack
from gateway.adapters.state.cases import SqlCaseRegister
from gateway.adapters.state.certificates import SqlCertificates
from gateway.adapters.state.consent_set import ConsentSet, Days, Keys, keys_of
from gateway.adapters.state.consents import SqlConsentRegister
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.emergencies import SqlEmergencyRegister
from gateway.adapters.state.upgrade import upgrade
from gateway.model.certificate import SunsetCertificate
from gateway.model.consent import Case, Consent, ConsentScope
from gateway.model.emergency import Emergency, Verdict
from gateway.model.errors import ErrorReason, Fault
from gateway.model.governance import Act, Approval, Proposal, Publication
from gateway.ports import CONSENT_LAG
from tests.conformance.ports.samples import AT
from tests.conformance.ports.still_clock import StillClock
from tests.conformance.ports.strategies import text

TODAY = date(2026, 11, 21)
SCOPE = ConsentScope("jobs", "recruiting", "hzjob")
SUBJECT = b"secret-subject-1"
CONSENT = Consent("secret-1", "jobs", SUBJECT, "recruiting", "hzjob", "form", bytes(32), AT, None, "wu.min")
HOUR = timedelta(hours=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def state(path: Path) -> Iterator[StateDatabase]:
    database = open_state(path, patience=0.2)
    upgrade(database)
    yield database
    database.close()


def works(state: StateDatabase) -> list[tuple[Callable[[], object], ErrorReason, bool]]:
    """Each work, the reason it fails for, and whether it writes."""
    consents, cases, emergencies = (
        SqlConsentRegister(state, StillClock()),
        SqlCaseRegister(state),
        SqlEmergencyRegister(state),
    )
    archive, certificates = SqlPolicyArchive(state), SqlCertificates(state)
    case = Case("court", "secret-7", "hzpb", AT, None, "x")
    emergency = Emergency("secret-e", "G-1", "hzems", "li.wei", "p", "secret why", AT, AT + HOUR, AT + HOUR)
    proposal = Proposal("secret-p", "d", "", "x", "secret note", AT, emergency=False)
    publication = Publication(1, "d", Act.FIRST, "x", AT, "secret-p", "", ())
    register, policy = ErrorReason.REGISTER_UNAVAILABLE, ErrorReason.POLICY_UNAVAILABLE
    return [
        (lambda: consents.record([CONSENT]), register, True),
        (lambda: consents.withdraw("jobs", "secret-1", "x", AT), register, True),
        (lambda: consents.of_subject("jobs", SUBJECT), register, False),
        (lambda: consents.agreed(SCOPE, pa.array([SUBJECT], pa.binary(16)), TODAY), register, False),
        (lambda: cases.open(case), register, True),
        (lambda: cases.close("court", "secret-7", "hzpb", AT), register, True),
        (lambda: cases.is_open("court", "secret-7", "hzpb", AT), register, False),
        (lambda: emergencies.open(emergency), register, True),
        (lambda: emergencies.review("secret-e", "x", Verdict.JUSTIFIED, AT), register, True),
        (lambda: emergencies.standing("G-1", "hzems", "secret-p", AT), register, False),
        (lambda: emergencies.get("secret-e"), register, False),
        (emergencies.unreviewed, register, False),
        (lambda: emergencies.between(AT, AT + HOUR), register, False),
        (lambda: archive.keep("secret-d", {"secret": b""}), policy, True),
        (lambda: archive.files("secret-d"), policy, False),
        (lambda: archive.propose(proposal), policy, True),
        (lambda: archive.approve("secret-p", Approval("x", AT, b"")), policy, True),
        (lambda: archive.proposal("secret-p"), policy, False),
        (lambda: archive.proposals(3), policy, False),
        (lambda: archive.publish(publication), policy, True),
        (lambda: archive.review(1, "x", AT), policy, True),
        (archive.newest, policy, False),
        (lambda: archive.publication(1), policy, False),
        (lambda: archive.enacted("secret-p"), policy, False),
        (lambda: archive.was_in_force("secret-d"), policy, False),
        (lambda: archive.history(3), policy, False),
        (lambda: certificates.write(SunsetCertificate("p", TODAY, AT, ("secret",), "d", 1)), register, True),
        (lambda: certificates.of(""), register, False),
    ]


def fails(work: Callable[[], object], reason: ErrorReason) -> None:
    with pytest.raises(Fault) as caught:
        work()
    assert caught.value.reason is reason
    assert "secret" not in f"{caught.value!r} {caught.value.__context__!r} {caught.value.__cause__!r}"


def test_without_a_turn_to_write_each_work_says_its_reason_and_no_value(state: StateDatabase, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for work, reason, writes in works(state):
        if writes:
            fails(work, reason)
        else:
            work()
    other.close()


def test_without_tables_each_work_says_its_reason_and_no_value(tmp_path: Path) -> None:
    database = open_state(tmp_path / "empty.db")
    for work, reason, _ in works(database):
        fails(work, reason)
    database.close()


def test_what_was_damaged_is_a_fault_and_not_an_answer(state: StateDatabase, path: Path) -> None:
    archive = SqlPolicyArchive(state)
    archive.keep("d", {"a": b"1"})
    with sqlite3.connect(path) as other:
        other.execute("UPDATE policies SET content_hash = zeroblob(32)")
    fails(lambda: archive.files("d"), ErrorReason.POLICY_UNAVAILABLE)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE policies SET content = substr(content, 2)")
    fails(lambda: archive.files("d"), ErrorReason.POLICY_UNAVAILABLE)
    other.close()


def test_consents_are_not_believed_once_they_are_older_than_the_lag(state: StateDatabase, path: Path) -> None:
    clock = StillClock()
    SqlConsentRegister(state, clock).record([CONSENT])
    register = SqlConsentRegister(state, clock)
    subjects = pa.array([SUBJECT], pa.binary(16))

    def ask() -> list[bool | None]:
        return register.agreed(SCOPE, subjects, TODAY).to_pylist()

    assert ask() == [True]
    with state.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE consent_registers RENAME TO elsewhere")
    clock.pass_by(CONSENT_LAG)
    assert ask() == [True]
    clock.pass_by(0.001)
    fails(ask, ErrorReason.REGISTER_UNAVAILABLE)
    fails(lambda: register.agreed(SCOPE, subjects[:0], TODAY), ErrorReason.REGISTER_UNAVAILABLE)
    with state.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO consent_registers")
    assert ask() == [True]


def test_the_database_is_asked_at_most_each_half_of_the_lag(state: StateDatabase) -> None:
    clock = StillClock()
    register, other = SqlConsentRegister(state, clock), SqlConsentRegister(state, clock)
    subjects = pa.array([SUBJECT], pa.binary(16))
    assert other.agreed(SCOPE, subjects, TODAY).to_pylist() == [False]
    register.record([CONSENT])
    clock.pass_by(CONSENT_LAG / 2)
    assert other.agreed(SCOPE, subjects, TODAY).to_pylist() == [False]
    clock.pass_by(0.001)
    assert other.agreed(SCOPE, subjects, TODAY).to_pylist() == [True]


rows = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4)), max_size=30)
SPREAD = [0, 1, 2**64, 2**127 + 5]


@given(old=rows, new=rows, gone=st.sets(st.integers(0, 3)), day=st.integers(1, 4))
def test_the_set_in_memory_answers_as_its_rows_do(
    old: list[tuple[int, int, int]], new: list[tuple[int, int, int]], gone: set[int], day: int
) -> None:
    def key(number: int) -> bytes:
        return SPREAD[number].to_bytes(16, "little")

    def columns(part: list[tuple[int, int, int]]) -> tuple[Keys, Days, Days]:
        keys = keys_of(b"".join(key(row[0]) for row in part))
        return keys, np.array([row[1] for row in part], np.int32), np.array([row[2] for row in part], np.int32)

    changed = ConsentSet.of(*columns(old)).replacing(keys_of(b"".join(map(key, gone))), *columns(new))
    standing = [row for row in old if row[0] not in gone] + new
    answer = changed.holding(keys_of(b"".join(map(key, range(4)))), day)
    assert answer.tolist() == [any(n == row[0] and row[1] <= day <= row[2] for row in standing) for n in range(4)]


@given(
    st.dictionaries(text, st.binary(max_size=20), max_size=5), st.dictionaries(text, st.binary(max_size=20), max_size=5)
)
def test_packed_files_are_the_same_for_the_same_files_alone(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert unpack(pack(one)) == one
    assert (pack(one) == pack(other)) == (one == other)
    assert pack(one) == pack(dict(reversed(one.items())))


@given(st.dictionaries(text, st.binary(max_size=20), min_size=2, max_size=5), st.data())
def test_what_is_not_packed_is_refused(files: dict[str, bytes], data: st.DataObject) -> None:
    packed = pack(files)
    cut = data.draw(st.integers(1, 7))
    with pytest.raises(ValueError):
        unpack(packed + b"\xff" * cut)
    with pytest.raises(ValueError):
        unpack(packed[:-cut] + b"\xff" * 9)
