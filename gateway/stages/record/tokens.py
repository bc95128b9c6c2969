"""Tokens on record, before they are linked or opened."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.record import Outcome, Receipt
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, entry_of
from gateway.tables import AdmittedPermit


def record_tokens(
    admitted: AdmittedPermit, rows: int, audit: AuditLog, clock: Clock, *, join: str = "", reidentification: str = ""
) -> Receipt:
    """Record that tokens are linked or opened, for so many subjects, before they leave; and under what they are.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = entry_of(admitted.permit, Outcome.COMPLETED, clock.now(), rows=rows)
    record = replace(record, batches=1, join=join, reidentification=reidentification)
    return enter(record, audit)
