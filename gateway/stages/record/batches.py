"""Batches of rows on record: what is to be kept before it is, and how that ended."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.errors import ErrorReason
from gateway.model.record import Outcome, Receipt
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, enter_end, entry_of
from gateway.tables import CheckedRows, RecordedRows


def record_batch(checked: CheckedRows, audit: AuditLog, clock: Clock) -> RecordedRows:
    """Record that rows are to be kept, and mint what may be.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; AUDIT_UNAVAILABLE.
    """
    quality = checked.quality
    record = entry_of(checked.permit, Outcome.STARTED, clock.now(), rows=quality.accepted)
    record = replace(record, batch=checked.name.batch_id, rejected_rows=quality.turned_away)
    return RecordedRows._record(checked, enter(record, audit))


def record_end(started: Receipt, reason: ErrorReason | None, audit: AuditLog, clock: Clock) -> Receipt:
    """Record how a batch ended: it is kept, or, for a reason, it is not and never will be.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    outcome = Outcome.COMPLETED if reason is None else Outcome.ABORTED
    return enter_end(started, outcome, reason, audit, clock.now())
