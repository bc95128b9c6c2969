"""Consents, cases, emergencies and reports, in plain types. Instants are aware."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from gateway.api.v1 import case_service_pb2, consent_service_pb2, oversight_service_pb2
from gateway.client.times import aware, day_from, day_to, stamp
from gateway.client.words import word


@dataclass(frozen=True, slots=True)
class NewConsent:
    """A consent to record. `subject` is the identifier, which is not kept; `proof` the SHA-256 of what proves it.

    `recipient` "" stands for any institution. `id` is your own name for the entry: keep it to withdraw by it, and to
    send the entry again without entering it twice.
    """

    subject: str = field(repr=False)
    purpose: str
    source: str
    proof: bytes
    given_at: datetime
    recipient: str = ""
    ends_on: date | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True, slots=True)
class Consent:
    """An entry of a consent register; whose it is, is not told. `recipient` "*" stands for any institution."""

    id: str
    register: str
    purpose: str
    recipient: str
    source: str
    proof: bytes
    given_at: datetime
    ends_on: date | None
    recorded_by: str
    withdrawn_at: datetime | None
    withdrawn_by: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case that is open, and for whom."""

    register: str
    number: str
    institution: str
    opened_at: datetime
    ends_on: date | None
    recorded_by: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """One broken glass. `verdict` is "justified" or "unjustified", "" before it is reviewed."""

    id: str
    grant: str
    institution: str
    person: str
    purpose: str
    why: str
    opened_at: datetime
    ends_at: datetime
    review_due: datetime
    reviewed_by: str
    reviewed_at: datetime | None
    verdict: str


@dataclass(frozen=True, slots=True)
class ReportLine:
    """How often a person did one thing. `outcome` is "allowed" or "refused"."""

    person: str
    purpose: str
    dataset: str
    disclosure: str
    outcome: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What an institution did with data in a period. `trials`: rules on trial, and what each would have refused."""

    institution: str
    allowed: int
    refused: int
    lines: tuple[ReportLine, ...]
    rho: Fraction
    delta: Fraction
    trials: tuple[tuple[str, int], ...]
    emergencies: tuple[Emergency, ...]
    overdue: int


def entry_to(consent: NewConsent) -> consent_service_pb2.ConsentEntry:
    """Write a consent to record."""
    return consent_service_pb2.ConsentEntry(
        id=consent.id,
        subject=consent.subject,
        purpose=consent.purpose,
        recipient=consent.recipient,
        source=consent.source,
        proof=consent.proof,
        given_at=stamp(consent.given_at),
        ends_on=day_to(consent.ends_on),
    )


def consent_from(consent: consent_service_pb2.Consent) -> Consent:
    """Read an entry of a consent register."""
    return Consent(
        id=consent.id,
        register=consent.register,
        purpose=consent.purpose,
        recipient=consent.recipient,
        source=consent.source,
        proof=consent.proof,
        given_at=aware(consent.given_at),
        ends_on=day_from(consent.ends_on),
        recorded_by=consent.recorded_by,
        withdrawn_at=aware(consent.withdrawn_at) if consent.HasField("withdrawn_at") else None,
        withdrawn_by=consent.withdrawn_by,
    )


def case_from(case: case_service_pb2.Case) -> Case:
    """Read a case."""
    return Case(
        case.register, case.number, case.institution, aware(case.opened_at), day_from(case.ends_on), case.recorded_by
    )


def emergency_from(emergency: oversight_service_pb2.Emergency) -> Emergency:
    """Read a broken glass."""
    reviewed = emergency.verdict != oversight_service_pb2.VERDICT_UNSPECIFIED
    return Emergency(
        id=emergency.id,
        grant=emergency.grant,
        institution=emergency.institution,
        person=emergency.person,
        purpose=emergency.purpose,
        why=emergency.why,
        opened_at=aware(emergency.opened_at),
        ends_at=aware(emergency.ends_at),
        review_due=aware(emergency.review_due),
        reviewed_by=emergency.reviewed_by,
        reviewed_at=aware(emergency.reviewed_at) if emergency.HasField("reviewed_at") else None,
        verdict=word(oversight_service_pb2.Verdict.DESCRIPTOR, emergency.verdict) if reviewed else "",
    )


def report_from(report: oversight_service_pb2.Report) -> Report:
    """Read a report."""
    return Report(
        institution=report.institution,
        allowed=report.allowed,
        refused=report.refused,
        lines=tuple(
            ReportLine(line.person, line.purpose, line.dataset, line.disclosure, line.outcome, line.reason, line.count)
            for line in report.lines
        ),
        rho=Fraction(report.rho),
        delta=Fraction(report.delta or 0),
        trials=tuple((trial.rule, trial.count) for trial in report.trials),
        emergencies=tuple(map(emergency_from, report.emergencies)),
        overdue=report.overdue,
    )
