"""LinkingService: what departments may do with their own tokens, once officers have agreed."""

from __future__ import annotations

from gateway.api.v1 import linking_service_pb2 as pb
from gateway.lanes import linking
from gateway.model.party import Peer
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.wire.linking import asking_of, collecting_of, linking_of, reidentification_of
from gateway.server.wire.receipts import receipt_of


class Linking:
    """The handlers of LinkingService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "Link": Method(self.link),
            "AskReidentification": Method(self.ask),
            "GetReidentification": Method(self.status),
            "CollectReidentification": Method(self.collect),
        }

    def link(self, peer: Peer, request: pb.LinkRequest) -> Reply | Problem:
        """Turn the caller's tokens into those of a join grant."""
        found = linking.link(self._desk.ports, peer, linking_of(request))
        if isinstance(found, Refused):
            return refused(found)
        tokens = (token or "" for token in found.tokens.to_pylist())
        return Reply(pb.LinkResponse(tokens=tokens, receipt=receipt_of(found.receipt, self._desk.delta)))

    def ask(self, peer: Peer, request: pb.AskReidentificationRequest) -> Reply | Problem:
        """Enter a request that waits for two officers."""
        found = linking.ask_reidentification(self._desk.ports, peer, asking_of(request))
        if isinstance(found, Refused):
            return refused(found)
        return Reply(pb.AskReidentificationResponse(reidentification=reidentification_of(found)))

    def status(self, peer: Peer, request: pb.GetReidentificationRequest) -> Reply | Problem:
        """How far a request is, for the person who asked."""
        found = linking.status(self._desk.ports, peer, collecting_of(request, ()))
        if isinstance(found, Refused):
            return refused(found)
        return Reply(pb.GetReidentificationResponse(reidentification=reidentification_of(found)))

    def collect(self, peer: Peer, request: pb.CollectReidentificationRequest) -> Reply | Problem:
        """Give what was approved, sealed, once."""
        found = linking.collect(self._desk.ports, peer, collecting_of(request, request.tokens))
        if isinstance(found, Refused):
            return refused(found)
        receipt = receipt_of(found.receipt, self._desk.delta)
        return Reply(pb.CollectReidentificationResponse(sealed=found.sealed, receipt=receipt))
