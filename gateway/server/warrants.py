"""WarrantService: what officers agree to before tokens are linked or opened."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.administration import joins, reidentifications
from gateway.administration.desk import Office
from gateway.api.v1 import linking_pb2
from gateway.api.v1 import warrant_service_pb2 as pb
from gateway.model.linking import Join, Reidentification
from gateway.model.party import Peer
from gateway.server.method import Method, Reply
from gateway.server.outcome import answered
from gateway.server.problem import Problem
from gateway.server.wire.linking import join_of, joining_of, reidentification_of


class Warrants:
    """The handlers of WarrantService."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.methods = {
            "ProposeJoin": Method(self.propose),
            "ApproveJoin": Method(self.approve),
            "EndJoin": Method(self.end),
            "ListJoins": Method(self.joins),
            "ListReidentifications": Method(self.reidentifications),
            "ApproveReidentification": Method(self.approve_reidentification),
        }

    def propose(self, peer: Peer, request: pb.ProposeJoinRequest) -> Reply | Problem:
        """Enter a join grant that waits for another officer."""
        found = joins.propose_join(self._office, peer, joining_of(request))
        return answered(found, lambda one: pb.ProposeJoinResponse(join=self._join(one)))

    def approve(self, peer: Peer, request: pb.ApproveJoinRequest) -> Reply | Problem:
        """Add another officer's signature to a join grant."""
        found = joins.approve_join(self._office, peer, request.id, request.signature)
        return answered(found, lambda one: pb.ApproveJoinResponse(join=self._join(one)))

    def end(self, peer: Peer, request: pb.EndJoinRequest) -> Reply | Problem:
        """End a join grant before its time."""
        found = joins.end_join(self._office, peer, request.id)
        return answered(found, lambda one: pb.EndJoinResponse(join=self._join(one)))

    def joins(self, peer: Peer, _: pb.ListJoinsRequest) -> Reply | Problem:
        """The newest join grants."""
        return answered(joins.joins(self._office, peer), lambda all_: pb.ListJoinsResponse(joins=map(self._join, all_)))

    def reidentifications(self, peer: Peer, _: pb.ListReidentificationsRequest) -> Reply | Problem:
        """The re-identifications that wait for officers."""
        return answered(reidentifications.waiting(self._office, peer), _asked)

    def approve_reidentification(self, peer: Peer, request: pb.ApproveReidentificationRequest) -> Reply | Problem:
        """Add an officer's signature to a re-identification."""
        found = reidentifications.approve(self._office, peer, request.id, request.signature)
        return answered(
            found, lambda one: pb.ApproveReidentificationResponse(reidentification=reidentification_of(one))
        )

    def _join(self, join: Join) -> linking_pb2.Join:
        return join_of(join, joins.standing_of(self._office, join))


def _asked(found: Iterable[Reidentification]) -> pb.ListReidentificationsResponse:
    return pb.ListReidentificationsResponse(reidentifications=map(reidentification_of, found))
