"""IndicatorService: exact figures over the region tree, as they stand and as they change."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.api.v1 import indicator_service_pb2 as pb
from gateway.lanes.indicators import Board, Watching
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Opened, Pause, Reply, Wire
from gateway.server.problem import Problem
from gateway.server.wire.indicators import MOST_BYTES, indicator_message_of, updates_of
from gateway.server.wire.requests import context_of

_LOOK = Pause(1.0)
_BEATS = 10
"""After so many looks that found nothing new, a heartbeat is sent."""

_TOO_MANY = Problem(
    ErrorReason.CAP_EXCEEDED,
    violations=(FieldViolation("context.region", "has more figures than one answer: ask for a part, or watch"),),
)


class IndicatorDesk:
    """The handlers of IndicatorService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._board = Board(desk.ports)
        self.methods = {
            "ReadIndicator": Method(self.read),
            "WatchIndicator": Method(self.watch, streams=True),
        }

    def read(self, peer: Peer, request: pb.ReadIndicatorRequest) -> Reply | Problem:
        """What is shown now."""
        found = self._board.read(peer, context_of(request), request.dataset, request.disclosure)
        if isinstance(found, Refused):
            return refused(found)
        about = indicator_message_of(found.indicator, request.disclosure, found.region)
        update = next(updates_of(found.shown, self._desk.delta, MOST_BYTES))
        return _TOO_MANY if update.more else Reply(pb.ReadIndicatorResponse(indicator=about, update=update))

    def watch(self, peer: Peer, request: pb.WatchIndicatorRequest) -> Opened | Problem:
        """What is shown now, and what changes."""
        found = self._board.watch(peer, context_of(request), request.dataset, request.disclosure)
        if isinstance(found, Refused):
            return refused(found)
        return Opened(self._written(found, request.disclosure), found.shown.close)

    def _written(self, watching: Watching, disclosure: str) -> Iterator[Wire | Pause]:
        version, idle = -1, 0
        for shown in watching.shown:
            if shown is not None:
                if version < 0:
                    about = indicator_message_of(watching.indicator, disclosure, watching.region)
                    yield pb.WatchIndicatorResponse(indicator=about)
                version, idle = shown.kept.version, 0
                for update in updates_of(shown, self._desk.delta, MOST_BYTES):
                    yield pb.WatchIndicatorResponse(update=update)
                continue
            idle += 1
            if idle % _BEATS == 0:
                yield pb.WatchIndicatorResponse(heartbeat=pb.IndicatorHeartbeat(version=version))
            yield _LOOK
