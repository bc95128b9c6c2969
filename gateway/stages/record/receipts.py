"""Receipts, read again by those whom they were written for."""

from __future__ import annotations

from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.record import Receipt
from gateway.ports import AuditLog


def read_receipt(index: int, identity: Identity, audit: AuditLog) -> Receipt | Refusal:
    """Return a receipt to the institution it was written for; for others there is none.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    receipt = audit.get(index)
    if receipt is None or receipt.record.institution != identity.institution:
        return Refusal(ErrorReason.RECEIPT_NOT_FOUND)
    return receipt
