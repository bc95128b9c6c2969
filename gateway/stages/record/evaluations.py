"""Decisions on record that another system acts on by itself."""

from __future__ import annotations

from gateway.model.permit import Permit
from gateway.model.record import Outcome, Receipt
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, entry_of, fields_out


def record_evaluation(permit: Permit, audit: AuditLog, clock: Clock) -> Receipt:
    """Record a decision that another system asked for and acts on by itself: nothing leaves here.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    fields, waived = fields_out(permit), permit.scope.disclosure.waive_noise
    record = entry_of(permit, Outcome.EVALUATED, clock.now(), fields=fields, noise_waived=waived, loss=permit.loss)
    return enter(record, audit)
