"""AuditService: receipts."""

from __future__ import annotations

from gateway import pipeline
from gateway.api.v1 import audit_service_pb2 as pb
from gateway.lanes import inquiries
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.wire.receipts import receipt_of

_LAST_INDEX = 2**63 - 1
"""The largest index a log can have; 20 digits can say more."""


class Audit:
    """The handlers of AuditService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {"GetReceipt": Method(self.get_receipt)}

    def get_receipt(self, peer: Peer, request: pb.GetReceiptRequest) -> Reply | Problem:
        """A receipt of the caller's institution."""
        index = int(request.receipt_id)
        if index > _LAST_INDEX:
            return Problem(ErrorReason.RECEIPT_NOT_FOUND)
        receipt = inquiries.receipt(self._desk.ports, peer, index)
        if isinstance(receipt, pipeline.Refused):
            return refused(receipt)
        return Reply(pb.GetReceiptResponse(receipt=receipt_of(receipt, self._desk.delta)))
