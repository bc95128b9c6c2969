"""What departments do with their own tokens once officers have agreed: the calls that link and open them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from gateway.api.v1 import linking_service_pb2, linking_service_pb2_grpc, receipt_pb2
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.errors import OtherKey
from gateway.client.reidentify import Sealed
from gateway.client.tls import Pems
from gateway.client.warrants import Reidentification, reidentification_from


@dataclass(frozen=True, slots=True)
class Linked:
    """The join's tokens (utf8) in the order asked; null for what is no token of yours for that purpose."""

    tokens: pa.StringArray = field(repr=False)
    receipt: receipt_pb2.Receipt = field(repr=False)


class Linking(Channel):
    """The calls that take tokens of the caller's own."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._linking = linking_service_pb2_grpc.LinkingServiceStub(self._channel)

    def link(
        self,
        dataset: str,
        disclosure: str,
        tokens: Sequence[str],
        *,
        purpose: str,
        join: str,
        by: str,
        tokens_of: str,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Linked:
        """Turn your `tokens` of the field `by`, given to you for `tokens_of`, into those of a join; at most 5,000.

        Of long ones fewer: they have to fit into the gateway's largest request, by default 262,144 bytes.

        The other side does the same with its own: subjects of both have equal tokens in the join, and nobody sees
        the other's.
        """
        request = linking_service_pb2.LinkRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            field=by,
            tokens_of=tokens_of,
            join=join,
            tokens=tokens,
        )
        answer = self._caller.once(self._linking.Link, request)
        return Linked(pa.array([token or None for token in answer.tokens], pa.string()), answer.receipt)

    def ask_reidentification(
        self,
        dataset: str,
        disclosure: str,
        tokens: Sequence[str],
        key: X25519PrivateKey,
        *,
        purpose: str,
        by: str,
        tokens_of: str,
        reason: str,
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
    ) -> Reidentification:
        """Ask for some of your tokens to be opened to the holder of `key`; see `reidentify.new_key`.

        Nothing is opened: two officers have to approve it within 24 hours. `reason` (10 to 500 characters) is for them.
        """
        request = linking_service_pb2.AskReidentificationRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            dataset=dataset,
            disclosure=disclosure,
            field=by,
            tokens_of=tokens_of,
            tokens=tokens,
            reason=reason,
            public_key=key.public_key().public_bytes_raw(),
        )
        return reidentification_from(self._caller.once(self._linking.AskReidentification, request).reidentification)

    def reidentification(self, request_id: str) -> Reidentification:
        """How far a request of yours is."""
        request = linking_service_pb2.GetReidentificationRequest(id=request_id)
        answer = self._caller.retried(self._linking.GetReidentification, request)
        return reidentification_from(answer.reidentification)

    def collect_reidentification(
        self, request_id: str, tokens: Sequence[str], key: X25519PrivateKey | None = None
    ) -> Sealed:
        """Collect what two officers approved, once; with the same tokens, which the gateway has not kept.

        Open it with `reidentify.open` and the key that you asked with. Given `key` here, it first looks at whether the
        answer will be sealed to it: with another one, it would be spent and lost.

        Raises:
            OtherKey: the request names another key. Nothing was collected.
        """
        if key is not None and self.reidentification(request_id).public_key != key.public_key().public_bytes_raw():
            raise OtherKey
        request = linking_service_pb2.CollectReidentificationRequest(id=request_id, tokens=tokens)
        answer = self._caller.once(self._linking.CollectReidentification, request)
        return Sealed(request_id, answer.sealed, answer.receipt)
