"""IngestService: departments push rows."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import Message

from gateway import intake
from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.intake import Intake
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.model.record import Refused
from gateway.server.desk import refused
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.upload import UploadBounds
from gateway.server.wire.ingest import arrival_of, columns_of, header_of, push_of, response_of


class Ingest:
    """The handlers of IngestService."""

    def __init__(self, ports: Intake, bounds: UploadBounds) -> None:
        self._ports = ports
        self.methods = {
            "Push": Method(self.push, uploads=self._may_push, opens=self._at_door, bounds=bounds),
        }

    def push(self, peer: Peer, messages: Iterator[Message]) -> Reply | Problem:
        """Take in a batch of rows."""
        outcome = intake.push(self._ports, peer, arrival_of(messages, self._ports.most_rows))
        if isinstance(outcome, Refused):
            return refused(outcome)
        return Reply(response_of(outcome, self._ports.policy.current().budgets.delta))

    def _may_push(self, peer: Peer) -> Problem | None:
        return None if intake.may_push(self._ports, peer) else Problem(ErrorReason.DISCLOSURE_NOT_GRANTED)

    def _at_door(self, peer: Peer, message: pb.PushRequest) -> Problem | None:
        header = header_of(message)
        outcome = intake.at_door(self._ports, peer, push_of(header), columns_of(header))
        return None if outcome is None else refused(outcome)
