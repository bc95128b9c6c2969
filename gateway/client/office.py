"""What officers do about linking and re-identification: the part of their connection that signs warrants."""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.api.v1 import linking_pb2, warrant_service_pb2, warrant_service_pb2_grpc
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.times import stamp
from gateway.client.tls import Pems
from gateway.client.warrants import (
    Join,
    Reidentification,
    TokenDomain,
    join_from,
    join_statement,
    reidentification_from,
    reidentification_statement,
)


class Warrants(Channel):
    """The calls of officers with the power to link or to re-identify."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._warrants = warrant_service_pb2_grpc.WarrantServiceStub(self._channel)

    def propose_join(
        self,
        first: TokenDomain,
        second: TokenDomain,
        *,
        dataset: str,
        field: str,
        purpose: str,
        reason: str,
        ends_at: datetime,
    ) -> Join:
        """Enter a join grant for a purpose, until an instant (aware) of the next 90 days. It takes signatures."""
        request = warrant_service_pb2.ProposeJoinRequest(
            first=_domain(first),
            second=_domain(second),
            dataset=dataset,
            field=field,
            purpose=purpose,
            reason=reason,
            ends_at=stamp(ends_at),
        )
        return join_from(self._caller.once(self._warrants.ProposeJoin, request).join)

    def approve_join(self, join: Join, key: Ed25519PrivateKey) -> Join:
        """Sign the join grant that you have looked at, with the key whose public part the policy has for you.

        It takes two officers; who proposed it may be one of them.
        """
        request = warrant_service_pb2.ApproveJoinRequest(id=join.id, signature=key.sign(join_statement(join)))
        return join_from(self._caller.once(self._warrants.ApproveJoin, request).join)

    def end_join(self, join_id: str) -> Join:
        """End a join grant before its time: its keys are destroyed, and its tokens link nothing any more."""
        return join_from(self._caller.once(self._warrants.EndJoin, warrant_service_pb2.EndJoinRequest(id=join_id)).join)

    def joins(self) -> tuple[Join, ...]:
        """The newest join grants within your authority, the newest first."""
        answer = self._caller.retried(self._warrants.ListJoins, warrant_service_pb2.ListJoinsRequest())
        return tuple(map(join_from, answer.joins))

    def reidentifications(self) -> tuple[Reidentification, ...]:
        """The re-identifications within your authority that wait for approvals, the oldest first."""
        request = warrant_service_pb2.ListReidentificationsRequest()
        answer = self._caller.retried(self._warrants.ListReidentifications, request)
        return tuple(map(reidentification_from, answer.reidentifications))

    def approve_reidentification(self, asked: Reidentification, key: Ed25519PrivateKey) -> Reidentification:
        """Sign the re-identification that you have looked at, with the key whose public part the policy has for you."""
        signature = key.sign(reidentification_statement(asked))
        request = warrant_service_pb2.ApproveReidentificationRequest(id=asked.id, signature=signature)
        answer = self._caller.once(self._warrants.ApproveReidentification, request)
        return reidentification_from(answer.reidentification)


def _domain(domain: TokenDomain) -> linking_pb2.TokenDomain:
    return linking_pb2.TokenDomain(recipient=domain.recipient, purpose=domain.purpose)
