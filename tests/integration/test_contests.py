"""A contest through the pipeline: one sealed release, entries that cost nothing, and an end by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway import pipeline
from gateway.lanes import contests
from gateway.lanes.contests import Board, Entered
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.grouping import ByKeys
from gateway.model.measure import Currency, Price
from gateway.model.record import Outcome, Receipt
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import PLAIN, Release, Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import Scalar
from gateway.pipeline import Refused
from tests.integration.house import House, context, edit, released

ORGANISER, TEAM, OTHER = "data-bureau", "contest-team-a", "contest-team-b"
PURPOSE, NAME = "open-data-contest", "rides"
HALF = Fraction(1, 2)


def hold_contest(policies: Path, day: date) -> None:
    """Write a contest of one day into a policy folder, with a grant for its organiser."""
    edit(
        policies / "budgets.yaml",
        "\n# The most that one institution may be told.",
        f"""
projects:
  {NAME}:
    purpose: {PURPOSE}
    pool: 5.0
    members: {{{ORGANISER}: 4.0, {TEAM}: 4.0, {OTHER}: 4.0}}
    opens_on: {day}
    closes_on: {day}
    contest:
      organiser: {ORGANISER}
      dataset: transport_trips
      disclosure: rides-by-line
      group_by: [line]
      statistic: count
      epsilon: 0.5
      score_step: 0.5
      entries_per_day: 3

# The most that one institution may be told.""",
    )
    teams = "p, g-contest-rides, contest-teams,"
    what = " transport_trips/rides-by-line, release, hangzhou, open-data-contest, until=2036-01-31, allow\n"
    edit(policies / "grants.csv", f"{teams}{what}", f"p, g-reference, {ORGANISER},{what}{teams}{what}")


@pytest.fixture
def arena(house: House) -> House:
    """The house with a contest that is open today, and may be organised by the data bureau."""
    hold_contest(house.site.policies, city_day(house.clock.now()))
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    return house


def make(house: House, who: str = ORGANISER) -> Receipt | Refused:
    return contests.make_reference(house.ports, house.long_signed_in(who), context(PURPOSE), NAME)


def made(house: House) -> Release:
    receipt = make(house)
    assert isinstance(receipt, Receipt)
    release = house.ports.ledger.stored(receipt.record.release_id)
    assert release is not None
    return release


def truth(release: Release) -> dict[tuple[Scalar, ...], int]:
    return dict(zip(release.cells, release.measures[0].values, strict=True))


def submit(house: House, cells: Sequence[tuple[tuple[Scalar, ...], float]], who: str = TEAM) -> Entered | ErrorReason:
    exact = [(keys, Fraction(value)) for keys, value in cells]
    outcome = contests.submit(house.ports, house.long_signed_in(who), context(PURPOSE), NAME, exact)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def board(house: House, who: str = TEAM) -> Board | ErrorReason:
    outcome = contests.leaderboard(house.ports, house.long_signed_in(who), context(PURPOSE), NAME)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def same_question() -> ReleaseRequest:
    query = StatisticsQuery((), (ByKeys("line"),), (Statistic(StatisticKind.COUNT, None),))
    return ReleaseRequest(context(PURPOSE), "transport_trips", "rides-by-line", query, Price(Currency.EPSILON, HALF))


def spent(house: House, account: str) -> Fraction:
    day = city_day(house.clock.now())
    accounts = [one for one in house.ports.policy.current().budgets.named(day) if one.id == account]
    (balance,) = house.ports.ledger.balances(accounts)
    return balance.spent


def test_the_reference_is_charged_once_and_entries_cost_nothing(arena: House) -> None:
    assert submit(arena, [(("1",), 0.0)]) is ErrorReason.RELEASE_NOT_FOUND
    reference = truth(made(arena))
    assert spent(arena, f"project/{NAME}") == spent(arena, "lifetime/resident") == Fraction(1, 8)
    assert isinstance(make(arena), Receipt), "made again, it is the first one"
    scored = submit(arena, [(keys, value + 3.0) for keys, value in reference.items()])
    assert isinstance(scored, Entered)
    # off by three in every cell: 6 steps of a half
    assert (scored.score, scored.left, scored.standing.entries) == (6, 2, 1)
    best = submit(arena, [(keys, value + 0.1) for keys, value in reversed(list(reference.items()))], OTHER)
    assert isinstance(best, Entered) and best.score == 0, "a tenth is rounded away"
    stands = board(arena)
    assert isinstance(stands, Board)
    assert [(one.institution, one.score) for one in stands.standings] == [(OTHER, 0), (TEAM, 6)]
    assert (stands.closed, stands.reference) == (False, "")
    assert spent(arena, f"project/{NAME}") == spent(arena, "lifetime/resident") == Fraction(1, 8)
    assert arena.audit.records[-1].outcome is Outcome.EVALUATED
    assert arena.audit.records[-1].institution == OTHER


def test_nobody_gets_the_reference_before_the_contest_closes(arena: House) -> None:
    reference = made(arena)
    for who in (ORGANISER, TEAM):
        outcome = pipeline.stored_release(arena.ports, arena.peer(who), context(PURPOSE), reference.id, PLAIN)
        assert isinstance(outcome, Refused) and outcome.refusal.reason is ErrorReason.RELEASE_NOT_FOUND
    # who asks the same question pays for another release, with noise of its own
    own = released(pipeline.release(arena.ports, arena.peer(TEAM), same_question()))
    assert own.paid
    assert own.release.id != reference.id
    assert truth(own.release) != truth(reference)
    arena.clock.ahead = timedelta(days=1)
    stands = board(arena)
    assert isinstance(stands, Board) and stands.closed
    assert stands.reference == reference.id
    again = pipeline.stored_release(arena.ports, arena.long_signed_in(TEAM), context(PURPOSE), stands.reference, PLAIN)
    assert released(again).release == reference


def test_a_contest_closes_by_itself(arena: House) -> None:
    reference = truth(made(arena))
    arena.clock.ahead = timedelta(days=1)
    assert submit(arena, [(keys, 0.0) for keys in reference]) is ErrorReason.ENTRY_NOT_FOUND
    outcome = make(arena)
    assert isinstance(outcome, Refused) and outcome.refusal.reason is ErrorReason.ENTRY_NOT_FOUND
    late = pipeline.release(arena.ports, arena.long_signed_in(TEAM), same_question())
    assert isinstance(late, Refused) and late.refusal.reason is ErrorReason.BUDGET_EXHAUSTED


def test_so_many_entries_a_day_are_scored_of_each_team(arena: House) -> None:
    cells = [(keys, 0.0) for keys in truth(made(arena))]
    lefts = [submit(arena, cells) for _ in range(4)]
    assert [one.left if isinstance(one, Entered) else one for one in lefts] == [2, 1, 0, ErrorReason.QUOTA_EXHAUSTED]
    assert isinstance(submit(arena, cells, OTHER), Entered)


def test_an_entry_that_does_not_fit_is_refused_and_does_not_count(arena: House) -> None:
    cells: list[Any] = [(keys, 0.0) for keys in truth(made(arena))]
    for wrong in (cells[1:], [*cells, cells[0]], [*cells, (("龘",), 0.0)], [*cells[1:], (cells[0][0], 1e13)], []):
        assert submit(arena, wrong) is ErrorReason.REQUEST_INVALID
    assert "龘" not in repr(arena.audit.records)
    scored = submit(arena, cells)
    assert isinstance(scored, Entered) and scored.left == 2


def test_a_contest_is_its_members_and_its_organiser_s(arena: House) -> None:
    outcome = make(arena, TEAM)
    assert isinstance(outcome, Refused) and outcome.refusal.reason is ErrorReason.ENTRY_NOT_FOUND
    cells = [(keys, 0.0) for keys in truth(made(arena))]
    for who in ("zju-research", "police"):
        assert submit(arena, cells, who) is board(arena, who) is ErrorReason.ENTRY_NOT_FOUND
    unknown = contests.leaderboard(arena.ports, arena.peer(TEAM), context(PURPOSE), "stays")
    assert isinstance(unknown, Refused) and unknown.refusal.reason is ErrorReason.ENTRY_NOT_FOUND
    elsewhere = contests.leaderboard(arena.ports, arena.peer(TEAM), context("academic-research"), NAME)
    assert isinstance(elsewhere, Refused) and elsewhere.refusal.reason is ErrorReason.ENTRY_NOT_FOUND
    # a member whose grant is gone is no longer scored
    edit(arena.site.policies / "grants.csv", "g, contest-team-a, contest-teams\n", "")
    edit(arena.site.policies / "budgets.yaml", "  contest-team-a: 4.0    # two", "  # two", f"{TEAM}: 4.0, ", "")
    edit(arena.site.policies / "budgets.yaml", f"{OTHER}: 4.0}}", f"{OTHER}: 4.0, default: 1.0}}")
    arena.ports.policy.reload()
    assert not arena.ports.policy.last_problems
    assert submit(arena, cells) is ErrorReason.PURPOSE_NOT_GRANTED


class Looking:
    """A ledger that asks for a release as soon as it is stored."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.saw: list[object] = []

    def store(self, release: Release) -> Release:
        """Store it, and ask for it."""
        house = self._house
        stored = house.ports.ledger.store(release)
        self.saw.append(pipeline.stored_release(house.ports, house.peer(TEAM), context(PURPOSE), release.id, PLAIN))
        return stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._house.ports.ledger, name)


def test_a_reference_is_hidden_from_its_first_moment_on(arena: House) -> None:
    looking = Looking(arena)
    ports = replace(arena.ports, ledger=looking)
    assert isinstance(contests.make_reference(ports, arena.peer(ORGANISER), context(PURPOSE), NAME), Receipt)
    assert [isinstance(seen, Refused) for seen in looking.saw] == [True]


def test_a_reference_that_was_charged_and_not_made_is_made_later(arena: House) -> None:
    arena.source.failing = MemoryError()
    with pytest.raises(Fault):
        make(arena)
    paid = spent(arena, f"project/{NAME}")
    assert submit(arena, [(("1",), 0.0)]) is ErrorReason.RELEASE_NOT_FOUND
    arena.source.failing = None
    reference = made(arena)
    assert spent(arena, f"project/{NAME}") == paid == Fraction(1, 8)
    outcome = pipeline.stored_release(arena.ports, arena.peer(TEAM), context(PURPOSE), reference.id, PLAIN)
    assert isinstance(outcome, Refused)


def test_a_contest_that_the_policy_no_longer_names_stays_sealed(arena: House) -> None:
    reference = made(arena)
    edit(arena.site.policies / "budgets.yaml", f"\n  {NAME}:\n", "\n  another-contest:\n")
    arena.ports.policy.reload()
    assert NAME not in arena.ports.policy.current().budgets.projects
    outcome = pipeline.stored_release(arena.ports, arena.peer(TEAM), context(PURPOSE), reference.id, PLAIN)
    assert isinstance(outcome, Refused)


def test_the_policy_says_of_which_region_the_table_is(arena: House) -> None:
    table = "      group_by: [line]\n"
    edit(arena.site.policies / "budgets.yaml", table, f"{table}      region: hangzhou/xihu\n")
    arena.ports.policy.reload()
    assert not arena.ports.policy.last_problems
    asked = replace(context(PURPOSE), region="hangzhou/xiacheng")
    receipt = contests.make_reference(arena.ports, arena.peer(ORGANISER), asked, NAME)
    assert isinstance(receipt, Receipt) and receipt.record.region == "hangzhou/xihu"
    reference = arena.ports.ledger.stored(receipt.record.release_id)
    assert reference is not None and reference.region == "hangzhou/xihu"
    assert isinstance(submit(arena, [(keys, 0.0) for keys in reference.cells]), Entered)


def test_a_team_is_scored_on_no_region_that_it_may_not_ask_for(house: House) -> None:
    hold_contest(house.site.policies, city_day(house.clock.now()))
    grant = "p, g-contest-rides, contest-teams, transport_trips/rides-by-line, release, hangzhou"
    edit(house.site.policies / "grants.csv", grant + ", open", grant + "/xiacheng, open")
    house.ports.policy.reload()
    reference = made(house)
    assert reference.region == "hangzhou"
    exact = [(keys, Fraction(0)) for keys in reference.cells]
    for region in ("", "hangzhou/xiacheng"):
        asked = replace(context(PURPOSE), region=region)
        outcome = contests.submit(house.ports, house.long_signed_in(TEAM), asked, NAME, exact)
        assert isinstance(outcome, Refused) and outcome.refusal.reason is ErrorReason.REGION_NOT_GRANTED
