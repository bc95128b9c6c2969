"""Contests, on one page: the reference is one release that stays sealed; entries are scored against it, for nothing.

What teams learn of the data is what the reference tells, however often they enter, because a score is computed from it
alone. It is charged once, to the contest's pool and to whatever else a release of the organiser falls under.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from gateway import pipeline
from gateway.kernels.digest import digest_of
from gateway.model.calendar import city_day, end_of_day
from gateway.model.contest import Contest, Entry, Standing
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason
from gateway.model.grouping import ByKeys
from gateway.model.measure import Currency, Price
from gateway.model.meter import Claim, Exhausted
from gateway.model.party import Identity, Peer
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.record import Receipt
from gateway.model.request import ReleaseRequest, RequestContext
from gateway.model.statistics import PLAIN, Release, StatisticsQuery
from gateway.model.values import Scalar
from gateway.pipeline import Ports, Refused
from gateway.policy.budgets import Project
from gateway.privacy.presenting import present
from gateway.privacy.scoring import score_of
from gateway.stages.authenticate import authenticate

LARGEST = 10**12
"""No value of an entry lies further from 0."""

Cells = Sequence[tuple[tuple[Scalar, ...], Fraction]]
"""A value for each cell, by the cell's keys in the order of the contest's fields."""


class Entered(NamedTuple):
    """An entry's score, in steps; where the team stands with it; how many more it may make today."""

    score: int
    standing: Standing
    left: int
    step: Fraction
    receipt: Receipt


class Board(NamedTuple):
    """Where the teams stand. `reference` is the release they are scored against, "" while it is sealed."""

    standings: tuple[Standing, ...]
    step: Fraction
    closes_on: date
    closed: bool
    reference: str


def make_reference(ports: Ports, peer: Peer, context: RequestContext, name: str) -> Receipt | Refused:
    """Make the release that a contest is scored against, once: charged like any other, and sealed.

    Made before, it is not made again, whatever the data are now; the receipt is then that of a replay.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    project = _project(ports, name, identity, context.purpose)
    if project is None or project.contest is None or project.contest.organiser != identity.institution:
        return _none()
    if not project.open_on(city_day(ports.clock.now())):
        return _none()
    reference = _reference(ports, name)
    if reference is not None:
        evaluated = pipeline.evaluate(ports, peer, _question(project.contest, context))
        return evaluated if isinstance(evaluated, Refused) else evaluated.receipt
    made = pipeline.release(ports, peer, _question(project.contest, context), sealed_for=name)
    return made if isinstance(made, Refused) else made.receipt


def submit(ports: Ports, peer: Peer, context: RequestContext, name: str, cells: Cells) -> Entered | Refused:
    """Score a team's table of values against the sealed reference. Nothing is charged, and the decision is on record.

    Only so many a day are scored of each team; what is not well-formed is none.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    now = ports.clock.now()
    project = _project(ports, name, identity, context.purpose)
    if project is None or project.contest is None or not project.open_on(city_day(now)):
        return _none()
    reference = _reference(ports, name)
    if reference is None:
        return Refused(Refusal(ErrorReason.RELEASE_NOT_FOUND), None)
    # a team may be scored on what it may ask for
    evaluated = pipeline.evaluate(ports, peer, _question(project.contest, context))
    if isinstance(evaluated, Refused):
        return evaluated
    noised = _values(reference, evaluated.permit.contract)
    wrong = _unfit(cells, noised)
    if wrong is not None:
        return Refused(Refusal(ErrorReason.REQUEST_INVALID, violations=(wrong,)), evaluated.receipt)
    day = city_day(now)
    account = digest_of("contest", name, identity.institution, day.isoformat())
    claim = Claim(account, project.contest.entries_per_day, (secrets.token_bytes(16),), end_of_day(day))
    taken = ports.registers.meters.take([claim])
    if isinstance(taken, Exhausted):
        return Refused(Refusal(ErrorReason.QUOTA_EXHAUSTED), evaluated.receipt)
    given = dict(cells)
    score = score_of([given[keys] for keys in noised], list(noised.values()), project.contest.score_step)
    standing = ports.registers.contests.enter(Entry(name, identity.institution, identity.person, now, score))
    return Entered(score, standing, taken.left[0], project.contest.score_step, evaluated.receipt)


def leaderboard(ports: Ports, peer: Peer, context: RequestContext, name: str) -> Board | Refused:
    """Tell a member where the teams stand; once the contest has closed, also which release they were scored against."""
    identity = authenticate(peer, ports.identities, ports.clock)
    project = _project(ports, name, identity, context.purpose)
    if project is None or project.contest is None:
        return _none()
    closed = project.closed_on(city_day(ports.clock.now()))
    kept = ports.registers.contests.reference(name)
    return Board(
        standings=ports.registers.contests.standings(name),
        step=project.contest.score_step,
        closes_on=project.closes_on,
        closed=closed,
        reference=kept.release_id if closed and kept is not None else "",
    )


def _project(ports: Ports, name: str, identity: Identity, purpose: str) -> Project | None:
    """Return the contest's project if the caller is one of its members, and works for its purpose."""
    policy = ports.policy.current()
    project = policy.budgets.projects.get(name)
    if project is None or project.cap_of(identity.institution) is None:
        return None
    return project if policy.purposes.is_within(purpose, project.purpose) else None


def _none() -> Refused:
    # the same whether there is no such contest, it is not the caller's, or it is not open
    return Refused(Refusal(ErrorReason.ENTRY_NOT_FOUND), None)


def _question(contest: Contest, context: RequestContext) -> ReleaseRequest:
    """Return the release that the contest's table is: the policy says of which region, and no caller."""
    there = replace(context, region=contest.region)
    query = StatisticsQuery((), tuple(map(ByKeys, contest.group_by)), (contest.statistic,))
    return ReleaseRequest(there, contest.dataset, contest.disclosure, query, Price(Currency.EPSILON, contest.epsilon))


def _reference(ports: Ports, name: str) -> Release | None:
    kept = ports.registers.contests.reference(name)
    if kept is None:
        return None
    # None where it was charged, and not made yet
    return ports.ledger.stored(kept.release_id)


def _values(reference: Release, contract: DataContract) -> Mapping[tuple[Scalar, ...], Fraction]:
    """Return the noised value of each cell, by its keys, in the field's own units."""
    shown = present(reference, reference.query, PLAIN, contract)
    return dict(zip(shown.cells, map(Fraction, shown.answers[0].values), strict=True))


def _unfit(cells: Cells, noised: Mapping[tuple[Scalar, ...], Fraction]) -> FieldViolation | None:
    given = {keys for keys, _ in cells}
    if len(cells) != len(given) or given != noised.keys():
        return FieldViolation("cells", "give each declared combination of keys once, and no other")
    if any(abs(value) > LARGEST for _, value in cells):
        return FieldViolation("cells", f"values lie between -{LARGEST:g} and {LARGEST:g}")
    return None
