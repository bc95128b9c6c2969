"""Consents, cases, emergencies and reports, between proto and model."""

from __future__ import annotations

from datetime import date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from gateway.accountability.report import Report
from gateway.administration.registers import Given
from gateway.api.v1 import case_service_pb2, consent_service_pb2, oversight_service_pb2
from gateway.model.consent import Case, Consent
from gateway.model.emergency import Emergency, Verdict
from gateway.model.errors import ErrorReason
from gateway.model.loss import exact
from gateway.server.problem import NotWellFormed
from gateway.server.wire.receipts import instant

VERDICTS: dict[Verdict, oversight_service_pb2.Verdict.ValueType] = {
    Verdict.JUSTIFIED: oversight_service_pb2.VERDICT_JUSTIFIED,
    Verdict.UNJUSTIFIED: oversight_service_pb2.VERDICT_UNJUSTIFIED,
}


def moment(stamp: Timestamp, path: str) -> datetime:
    """Read an instant as naive UTC.

    Raises:
        NotWellFormed: REQUEST_INVALID at `path`, for one outside the years 1 to 9999.
    """
    try:
        return stamp.ToDatetime()
    except (ValueError, OverflowError):
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, path, "must lie within the years 1 to 9999") from None


def day(text: str, path: str) -> date | None:
    """Read a day of the calendar; None for "".

    Raises:
        NotWellFormed: REQUEST_INVALID at `path`, for no such day.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, path, "is no day of the calendar") from None


def verdict(number: int) -> Verdict:
    """Read a verdict that is one."""
    return next(one for one, written in VERDICTS.items() if written == number)


def given(entry: consent_service_pb2.ConsentEntry, path: str) -> Given:
    """Read a consent as its keeper brings it.

    Raises:
        NotWellFormed: REQUEST_INVALID, for what is no instant or day.
    """
    return Given(
        id=entry.id,
        subject=entry.subject,
        purpose=entry.purpose,
        recipient=entry.recipient,
        source=entry.source,
        proof=entry.proof,
        given_at=moment(entry.given_at, f"{path}.given_at"),
        ends_on=day(entry.ends_on, f"{path}.ends_on"),
    )


def consent_of(consent: Consent) -> consent_service_pb2.Consent:
    """Write an entry of a consent register; whose consent it is stays inside."""
    return consent_service_pb2.Consent(
        id=consent.id,
        register=consent.register,
        purpose=consent.purpose,
        recipient=consent.recipient,
        source=consent.source,
        proof=consent.proof,
        given_at=instant(consent.given_at),
        ends_on="" if consent.ends_on is None else consent.ends_on.isoformat(),
        recorded_by=consent.recorded_by,
        withdrawn_at=None if consent.withdrawn_at is None else instant(consent.withdrawn_at),
        withdrawn_by=consent.withdrawn_by,
    )


def case_of(case: Case) -> case_service_pb2.Case:
    """Write a case."""
    return case_service_pb2.Case(
        register=case.register,
        number=case.number,
        institution=case.institution,
        opened_at=instant(case.opened_at),
        ends_on="" if case.ends_on is None else case.ends_on.isoformat(),
        recorded_by=case.recorded_by,
    )


def emergency_of(emergency: Emergency, *, why: bool) -> oversight_service_pb2.Emergency:
    """Write a broken glass; what the person said, for reviewers only."""
    return oversight_service_pb2.Emergency(
        id=emergency.id,
        grant=emergency.grant,
        institution=emergency.institution,
        person=emergency.person,
        purpose=emergency.purpose,
        why=emergency.why if why else "",
        opened_at=instant(emergency.opened_at),
        ends_at=instant(emergency.ends_at),
        review_due=instant(emergency.review_due),
        reviewed_by=emergency.reviewed_by,
        reviewed_at=None if emergency.reviewed_at is None else instant(emergency.reviewed_at),
        verdict=oversight_service_pb2.VERDICT_UNSPECIFIED if emergency.verdict is None else VERDICTS[emergency.verdict],
    )


def report_of(report: Report) -> oversight_service_pb2.Report:
    """Write a report on an institution."""
    return oversight_service_pb2.Report(
        institution=report.institution,
        allowed=report.allowed,
        refused=report.refused,
        lines=[
            oversight_service_pb2.ReportLine(
                person=line.person,
                purpose=line.purpose,
                dataset=line.dataset,
                disclosure=line.disclosure,
                outcome=line.outcome,
                reason=line.reason,
                count=line.count,
            )
            for line in report.lines
        ],
        rho=exact(report.rho),
        delta=exact(report.delta),
        trials=[oversight_service_pb2.TrialCount(rule=rule, count=count) for rule, count in report.trials],
        emergencies=[emergency_of(one, why=False) for one in report.emergencies],
        overdue=report.overdue,
    )
