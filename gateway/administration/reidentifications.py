"""Re-identifications at the officers' office: looked at and signed. What is approved is collected elsewhere."""

from __future__ import annotations

import hashlib

from gateway.accountability.warrant import reidentification_statement, signed
from gateway.administration.desk import Office, gone, officer, sees
from gateway.decision.warrant import reaches, reidentification_stands
from gateway.model.errors import ErrorReason
from gateway.model.event import Event, EventKind
from gateway.model.governance import Approval, Officer, Power
from gateway.model.linking import APPROVE_WITHIN, Reidentification
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation, Refusal


def waiting(office: Office, peer: Peer) -> tuple[Reidentification, ...] | Refusal:
    """Return the requests that wait for officers, oldest first, as far as the officer's authority goes.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    looking = officer(office, peer, Power.REIDENTIFY, Power.REVIEW)
    if isinstance(looking, Refusal):
        return looking
    asked = office.registers.reidentifications.waiting(office.clock.now() - APPROVE_WITHIN)
    return tuple(one for one in asked if sees(office, looking, one.dataset))


def approve(office: Office, peer: Peer, request_id: str, signature: bytes) -> Reidentification | Refusal:
    """Add an officer's signature over a request's statement. Two distinct officers' are needed, one from elsewhere.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    approver = officer(office, peer, Power.REIDENTIFY)
    if isinstance(approver, Refusal):
        return approver
    now = office.clock.now()
    asked = office.registers.reidentifications.get(request_id)
    if asked is None or not reaches(approver, Power.REIDENTIFY, asked.dataset, office.policy.current()):
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    if asked.collected_at is not None:
        return Refusal(ErrorReason.REIDENTIFICATION_COLLECTED)
    if now >= asked.approve_by:
        return Refusal(ErrorReason.REIDENTIFICATION_LAPSED)
    part = _part_of(approver, asked, office)
    if part:
        return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED, violations=(FieldViolation("", part),))
    statement = reidentification_statement(asked)
    if not signed(approver, statement, signature):
        return Refusal(ErrorReason.SIGNATURE_INVALID)
    about = {"request": asked.id, "statement": hashlib.sha256(statement).hexdigest()}
    office.audit.note(Event(EventKind.REIDENTIFICATION_APPROVED, now, approver.id, about))
    approved = office.registers.reidentifications.approve(request_id, Approval(approver.id, now, signature))
    return approved or gone()


def _part_of(approver: Officer, asked: Reidentification, office: Office) -> str:
    """The part that an officer has in a request already, in words; "" for none."""
    if approver.id == asked.asked_by:
        return "was asked for by you"
    if all(one.officer != approver.id for one in asked.approvals):
        return ""
    approved = reidentification_stands(asked, office.policy.current())
    return "has your signature, and is approved" if approved else "has your signature, and takes another's"
