"""What every ContestRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.model.contest import Entry, Reference, Standing
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.ports import BudgetLedger
from tests.conformance.ports.conftest import OpenContests, OpenLedger
from tests.conformance.ports.samples import AT, a_release, an_account

FIRST = Reference("rides", "r1", "data-bureau/chen.yu", AT)


def charged(ledger: BudgetLedger, release_id: str) -> None:
    assert not isinstance(ledger.charge(release_id, [an_account()], PrivacyLoss(a_release("x").loss.rho)), tuple)


def entry(institution: str, score: int, minutes: int, contest: str = "rides") -> Entry:
    return Entry(contest, institution, "li.wei", AT + timedelta(minutes=minutes), score)


def test_the_first_reference_stands(open_contests: OpenContests, open_ledger: OpenLedger) -> None:
    charged(open_ledger(), "r1")
    charged(open_ledger(), "r2")
    assert open_contests().reference("rides") is None
    assert open_contests().keep(FIRST) == FIRST
    register = open_contests()
    assert register.keep(replace(FIRST, release_id="r2")) == FIRST
    assert register.reference("rides") == FIRST
    assert register.reference("stays") is None
    assert (register.contest_of("r1"), register.contest_of("r2")) == ("rides", None)


def test_a_reference_that_was_never_charged_is_a_fault(open_contests: OpenContests) -> None:
    with pytest.raises(Fault) as caught:
        open_contests().keep(FIRST)
    assert caught.value.reason is ErrorReason.REGISTER_UNAVAILABLE
    assert open_contests().reference("rides") is None


def test_teams_stand_by_their_best_and_equals_by_who_had_it_first(open_contests: OpenContests) -> None:
    register = open_contests()
    assert register.standings("rides") == ()
    assert register.enter(entry("a", 9, 0)) == Standing("a", 9, AT, 1)
    register.enter(entry("b", 7, 1))
    assert register.enter(entry("a", 7, 2)) == Standing("a", 7, AT + timedelta(minutes=2), 2)
    assert register.enter(entry("a", 8, 3)) == Standing("a", 7, AT + timedelta(minutes=2), 3)
    assert register.enter(entry("b", 7, 4)).since == AT + timedelta(minutes=1)
    register.enter(entry("c", 1, 5, contest="stays"))
    assert [(one.institution, one.entries) for one in open_contests().standings("rides")] == [("b", 2), ("a", 3)]
    register.enter(entry("c", 3, 6))
    assert [one.institution for one in register.standings("rides")] == ["c", "b", "a"]


def test_entries_made_at_once_are_all_there(open_contests: OpenContests) -> None:
    registers = (open_contests(), open_contests())
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: registers[number % 2].enter(entry("a", number, number)), range(64)))
    (standing,) = open_contests().standings("rides")
    assert (standing.score, standing.entries) == (0, 64)
