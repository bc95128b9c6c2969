"""The state, put together: what of it stands behind which port; and the books of budgets, read while nothing serves."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from gateway.adapters.state.archive import SqlPolicyArchive
from gateway.adapters.state.audit import SqlAuditLog
from gateway.adapters.state.batches import SqlBatchRegister
from gateway.adapters.state.books import read_books
from gateway.adapters.state.cases import SqlCaseRegister
from gateway.adapters.state.certificates import SqlCertificates
from gateway.adapters.state.consents import SqlConsentRegister
from gateway.adapters.state.contests import SqlContestRegister
from gateway.adapters.state.database import StateDatabase, StateUnusable, open_state
from gateway.adapters.state.emergencies import SqlEmergencyRegister
from gateway.adapters.state.extracts import SqlExtractRegister
from gateway.adapters.state.indicators import SqlIndicatorRegister
from gateway.adapters.state.joins import SqlJoinRegister
from gateway.adapters.state.ledger import SqlBudgetLedger
from gateway.adapters.state.meters import SqlMeters
from gateway.adapters.state.reidentifications import SqlReidentificationRegister
from gateway.adapters.state.requests import SqlRequestRegister
from gateway.adapters.state.series import SqlSeriesRegister
from gateway.adapters.state.syntheses import SqlSynthesisRegister
from gateway.adapters.state.upgrade import is_current, upgrade
from gateway.model.books import Books
from gateway.policy.budgets import BudgetPolicy
from gateway.policy.snapshot import load
from gateway.policy.store import PublishedSource
from gateway.ports import AuditLog, BudgetLedger, Certificates, Clock, PolicyArchive, Registers
from gateway.settings import ExtractSettings, Settings


@dataclass(frozen=True, slots=True)
class State:
    """What one state database keeps."""

    audit: AuditLog
    archive: PolicyArchive
    ledger: BudgetLedger
    registers: Registers
    certificates: Certificates


def state_at(database: StateDatabase, clock: Clock, extracts: ExtractSettings, stack: ExitStack) -> State:
    """Put together what a database keeps that has the schema of this version. The audit log is closed by the stack."""
    audit = SqlAuditLog(database)
    stack.callback(audit.close)
    return State(
        audit=audit,
        archive=SqlPolicyArchive(database),
        ledger=SqlBudgetLedger(database, clock),
        registers=_registers(database, clock, extracts),
        certificates=SqlCertificates(database),
    )


def open_database(settings: Settings, stack: ExitStack) -> StateDatabase:
    """Open the state database and bring it to this version; the stack closes it.

    Raises:
        StateUnusable: it cannot be used.
    """
    database = open_state(settings.state.file)
    stack.callback(database.close)
    upgrade(database)
    return database


class Budgets(NamedTuple):
    """The books of the budgets, and the caps that are in force."""

    books: Books
    policy: BudgetPolicy


def read_budgets(settings: Settings) -> Budgets:
    """Read the books of the budgets and the policy in force, also while a gateway serves. Writes nothing into either.

    Raises:
        StateUnusable: there is no state database, it cannot be read, or it is of another version of the gateway.
        InvalidPolicy: the policy is not valid.
        Fault: LEDGER_UNAVAILABLE or POLICY_UNAVAILABLE.
    """
    if not settings.state.file.is_file():
        raise StateUnusable("there is no state database: it is made when the gateway starts for the first time")
    state = open_state(settings.state.file)
    try:
        if not is_current(state):
            raise StateUnusable("the state database is of another version of the gateway")
        archive = SqlPolicyArchive(state)
        published = settings.policy.follow == "published" and archive.newest() is not None
        policy = PublishedSource(archive).read() if published else load(settings.policy.folder)
        return Budgets(read_books(state), policy.budgets)
    finally:
        state.close()


def _registers(database: StateDatabase, clock: Clock, kept: ExtractSettings) -> Registers:
    return Registers(
        requests=SqlRequestRegister(database, clock),
        meters=SqlMeters(database, clock),
        consents=SqlConsentRegister(database, clock),
        cases=SqlCaseRegister(database),
        emergencies=SqlEmergencyRegister(database),
        joins=SqlJoinRegister(database),
        reidentifications=SqlReidentificationRegister(database),
        contests=SqlContestRegister(database),
        series=SqlSeriesRegister(database),
        indicators=SqlIndicatorRegister(database),
        syntheses=SqlSynthesisRegister(database),
        extracts=SqlExtractRegister(database, clock, timedelta(seconds=kept.resume_seconds), kept.kept_each),
        batches=SqlBatchRegister(database),
    )
