"""ContestService: entries that are scored against a sealed release, and where the teams stand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from gateway.api.v1 import contest_service_pb2 as pb
from gateway.lanes import contests
from gateway.model.contest import Standing
from gateway.model.party import Peer
from gateway.model.values import Scalar
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.wire.receipts import instant, receipt_of
from gateway.server.wire.requests import context_of
from gateway.server.wire.values import scalar, value_of


class Contests:
    """The handlers of ContestService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "MakeReference": Method(self.make_reference, release=True),
            "SubmitEntry": Method(self.submit),
            "GetLeaderboard": Method(self.leaderboard),
        }

    def make_reference(self, peer: Peer, request: pb.MakeReferenceRequest) -> Reply | Problem:
        """Make the sealed release of a contest."""
        made = contests.make_reference(self._desk.ports, peer, context_of(request), request.contest)
        if isinstance(made, Refused):
            return refused(made)
        return Reply(pb.MakeReferenceResponse(receipt=receipt_of(made, self._desk.delta)))

    def submit(self, peer: Peer, request: pb.SubmitEntryRequest) -> Reply | Problem:
        """Score an entry."""
        cells = _cells(request.cells)
        entered = contests.submit(self._desk.ports, peer, context_of(request), request.contest, cells)
        if isinstance(entered, Refused):
            return refused(entered)
        return Reply(
            pb.SubmitEntryResponse(
                score=float(entered.score * entered.step),
                score_step=float(entered.step),
                standing=_standing(entered.standing, entered.step),
                entries_left=entered.left,
                receipt=receipt_of(entered.receipt, self._desk.delta),
            )
        )

    def leaderboard(self, peer: Peer, request: pb.GetLeaderboardRequest) -> Reply | Problem:
        """Where the teams stand."""
        board = contests.leaderboard(self._desk.ports, peer, context_of(request), request.contest)
        if isinstance(board, Refused):
            return refused(board)
        return Reply(
            pb.GetLeaderboardResponse(
                standings=[_standing(one, board.step) for one in board.standings],
                score_step=float(board.step),
                closes_on=value_of(board.closes_on).date_value,
                closed=board.closed,
                reference_release_id=board.reference,
            )
        )


def _cells(cells: Sequence[pb.EntryCell]) -> list[tuple[tuple[Scalar, ...], Fraction]]:
    """Read an entry. Its values count in millionths: a score is coarser than that."""
    return [
        (
            tuple(scalar(key, f"cells[{at}].keys[{place}]") for place, key in enumerate(cell.keys)),
            _millionths(cell.value),
        )
        for at, cell in enumerate(cells)
    ]


def _millionths(value: float) -> Fraction:
    return Fraction(round(Fraction(value) * 10**6), 10**6)


def _standing(one: Standing, step: Fraction) -> pb.Standing:
    return pb.Standing(
        institution=one.institution, score=float(one.score * step), since=instant(one.since), entries=one.entries
    )
