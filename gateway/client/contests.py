"""What organisers and teams of a contest do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from gateway.api.v1 import contest_service_pb2, contest_service_pb2_grpc, receipt_pb2
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.tls import Pems
from gateway.client.values import Scalar, to_value


@dataclass(frozen=True, slots=True)
class Standing:
    """The best that a team had, since when (UTC), and how many entries it made."""

    institution: str
    score: float
    since: datetime
    entries: int


@dataclass(frozen=True, slots=True)
class ScoredEntry:
    """The score of one entry: the root mean square of what it is off by, in multiples of `score_step`."""

    score: float
    score_step: float
    standing: Standing
    entries_left: int
    receipt: receipt_pb2.Receipt = field(repr=False)


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Where the teams stand, the best first. `reference` is the release's id once the contest has closed, else ""."""

    standings: tuple[Standing, ...]
    score_step: float
    closes_on: date
    closed: bool
    reference: str


class Contests(Channel):
    """The calls of contests."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._contests = contest_service_pb2_grpc.ContestServiceStub(self._channel)

    def make_reference(self, contest: str, *, purpose: str, region: str = "") -> receipt_pb2.Receipt:
        """For the organiser: make the release that entries are scored against, once. It stays sealed."""
        request = contest_service_pb2.MakeReferenceRequest(context=context(purpose, region), contest=contest)
        return self._caller.retried(self._contests.MakeReference, request).receipt

    def submit_entry(
        self, contest: str, cells: Iterable[tuple[Sequence[Scalar], float]], *, purpose: str, region: str = ""
    ) -> ScoredEntry:
        """Have a table scored: a value for each combination of keys, as [(keys, value), …], in any order.

        Costs nothing of any budget; only so many a day are scored of each team.
        """
        request = contest_service_pb2.SubmitEntryRequest(
            context=context(purpose, region),
            contest=contest,
            cells=[
                contest_service_pb2.EntryCell(keys=[to_value(key) for key in keys], value=value)
                for keys, value in cells
            ],
        )
        answer = self._caller.once(self._contests.SubmitEntry, request)
        standing = _standing(answer.standing)
        return ScoredEntry(answer.score, answer.score_step, standing, answer.entries_left, answer.receipt)

    def leaderboard(self, contest: str, *, purpose: str) -> Leaderboard:
        """Where the teams stand, for members of the contest."""
        request = contest_service_pb2.GetLeaderboardRequest(context=context(purpose, ""), contest=contest)
        answer = self._caller.retried(self._contests.GetLeaderboard, request)
        return Leaderboard(
            standings=tuple(_standing(one) for one in answer.standings),
            score_step=answer.score_step,
            closes_on=date(1970, 1, 1) + timedelta(days=answer.closes_on),
            closed=answer.closed,
            reference=answer.reference_release_id,
        )


def _standing(one: contest_service_pb2.Standing) -> Standing:
    return Standing(one.institution, one.score, one.since.ToDatetime().replace(tzinfo=UTC), one.entries)
