"""The adapters that each suite runs against. An adapter joins by one more entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.state.archive import SqlPolicyArchive
from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.cases import SqlCaseRegister
from gateway.adapters.state.certificates import SqlCertificates
from gateway.adapters.state.consents import SqlConsentRegister
from gateway.adapters.state.contests import SqlContestRegister
from gateway.adapters.state.database import StateDatabase, open_state
from gateway.adapters.state.emergencies import SqlEmergencyRegister
from gateway.adapters.state.extracts import SqlExtractRegister
from gateway.adapters.state.joins import SqlJoinRegister
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.meters import SqlMeters
from gateway.adapters.state.reidentifications import SqlReidentificationRegister
from gateway.adapters.state.requests import SqlRequestRegister
from gateway.adapters.state.series import SqlSeriesRegister
from gateway.adapters.state.syntheses import SqlSynthesisRegister
from gateway.adapters.state.upgrade import upgrade
from gateway.ports import (
    AuditLog,
    BudgetLedger,
    CaseRegister,
    Certificates,
    Clock,
    ConsentRegister,
    ContestRegister,
    EmergencyRegister,
    ExtractRegister,
    JoinRegister,
    KeyRing,
    Meters,
    PolicyArchive,
    ReidentificationRegister,
    ReleaseSigner,
    RequestRegister,
    SeriesRegister,
    SynthesisRegister,
)
from tests.conformance.ports.still_clock import StillClock

OpenLedger = Callable[[], BudgetLedger]
OpenRegister = Callable[[], RequestRegister]
OpenLog = Callable[[], AuditLog]
OpenMeters = Callable[[Clock], Meters]
OpenConsents = Callable[[Clock], ConsentRegister]
OpenCases = Callable[[], CaseRegister]
OpenEmergencies = Callable[[], EmergencyRegister]
OpenJoins = Callable[[], JoinRegister]
OpenReidentifications = Callable[[], ReidentificationRegister]
OpenContests = Callable[[], ContestRegister]
OpenSyntheses = Callable[[], SynthesisRegister]
OpenSeries = Callable[[], SeriesRegister]
OpenExtracts = Callable[[Clock, int], ExtractRegister]
OpenArchive = Callable[[], PolicyArchive]
OpenCertificates = Callable[[], Certificates]
OpenKeyRing = Callable[[], KeyRing]
OpenSigner = Callable[[], ReleaseSigner]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Callable[[], StateDatabase]]:
    """Opens the state database of this test, each time as another process would."""
    opened: list[StateDatabase] = []

    def open_one() -> StateDatabase:
        database = open_state(tmp_path / "state.db")
        opened.append(database)
        upgrade(database)
        return database

    yield open_one
    for database in opened:
        database.close()


@pytest.fixture(params=["sqlite"])
def open_ledger(state: Callable[[], StateDatabase]) -> OpenLedger:
    return lambda: SqlBudgetLedger(state(), SystemClock())


@pytest.fixture(params=["sqlite"])
def open_register(state: Callable[[], StateDatabase]) -> OpenRegister:
    return lambda: SqlRequestRegister(state(), SystemClock())


@pytest.fixture(params=["sqlite"])
def open_log(state: Callable[[], StateDatabase]) -> Iterator[OpenLog]:
    opened: list[SqlAuditLog] = []

    def open_one() -> AuditLog:
        log = SqlAuditLog(state())
        opened.append(log)
        return log

    yield open_one
    for log in opened:
        log.close()


@pytest.fixture(params=["sqlite"])
def open_meters(state: Callable[[], StateDatabase]) -> OpenMeters:
    return lambda clock: SqlMeters(state(), clock)


@pytest.fixture(params=["sqlite"])
def open_consents(state: Callable[[], StateDatabase]) -> OpenConsents:
    return lambda clock: SqlConsentRegister(state(), clock)


@pytest.fixture(params=["sqlite"])
def open_cases(state: Callable[[], StateDatabase]) -> OpenCases:
    return lambda: SqlCaseRegister(state())


@pytest.fixture(params=["sqlite"])
def open_emergencies(state: Callable[[], StateDatabase]) -> OpenEmergencies:
    return lambda: SqlEmergencyRegister(state())


@pytest.fixture(params=["sqlite"])
def open_joins(state: Callable[[], StateDatabase]) -> OpenJoins:
    return lambda: SqlJoinRegister(state())


@pytest.fixture(params=["sqlite"])
def open_reidentifications(state: Callable[[], StateDatabase]) -> OpenReidentifications:
    return lambda: SqlReidentificationRegister(state())


@pytest.fixture(params=["sqlite"])
def open_contests(state: Callable[[], StateDatabase]) -> OpenContests:
    return lambda: SqlContestRegister(state())


@pytest.fixture(params=["sqlite"])
def open_syntheses(state: Callable[[], StateDatabase]) -> OpenSyntheses:
    return lambda: SqlSynthesisRegister(state())


@pytest.fixture(params=["sqlite"])
def open_extracts(state: Callable[[], StateDatabase]) -> OpenExtracts:
    return lambda clock, each: SqlExtractRegister(state(), clock, timedelta(hours=1), each)


@pytest.fixture(params=["sqlite"])
def open_series(state: Callable[[], StateDatabase]) -> OpenSeries:
    return lambda: SqlSeriesRegister(state())


@pytest.fixture(params=["sqlite"])
def open_archive(state: Callable[[], StateDatabase]) -> OpenArchive:
    return lambda: SqlPolicyArchive(state())


@pytest.fixture(params=["sqlite"])
def open_certificates(state: Callable[[], StateDatabase]) -> OpenCertificates:
    return lambda: SqlCertificates(state())


@pytest.fixture
def still() -> StillClock:
    return StillClock()


@pytest.fixture(params=["file"])
def open_keys(tmp_path: Path) -> OpenKeyRing:
    path = tmp_path / "keys.json"
    FileKeyRing.create(path, b"a secret of the tests", n=2**15)
    return lambda: FileKeyRing.open(path, b"a secret of the tests")


@pytest.fixture(params=["file"])
def open_signer(tmp_path: Path) -> OpenSigner:
    path = tmp_path / "keys.json"
    FileKeyRing.create(path, b"a secret of the tests", n=2**15)
    return lambda: FileKeyRing.open(path, b"a secret of the tests").signer


@pytest.fixture(params=["system"])
def clock() -> Clock:
    return SystemClock()
