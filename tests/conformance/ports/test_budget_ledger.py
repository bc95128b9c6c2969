"""What every BudgetLedger does."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gateway.model.budget import Account, Balance, Charge
from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.statistics import Release
from gateway.ports import BudgetLedger
from tests.conformance.ports.conftest import OpenLedger
from tests.conformance.ports.samples import a_release, an_account
from tests.conformance.ports.strategies import releases


def test_nothing_is_spent_at_first(open_ledger: OpenLedger) -> None:
    account = an_account(3)
    assert open_ledger().balances([account]) == (Balance(account, Fraction(0)),)


def test_a_charge_is_in_the_balances_of_all_its_accounts_also_after_reopening(open_ledger: OpenLedger) -> None:
    first, second, other = an_account(), an_account(), an_account()
    rho = Fraction(1, 3)
    assert open_ledger().charge("r1", [first, second], PrivacyLoss(rho)) == Charge("r1", rho, fresh=True)
    again = open_ledger()
    assert [balance.spent for balance in again.balances([other, second, first])] == [0, rho, rho]


def test_sums_are_exact(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account(1)
    parts = [Fraction(1, n * (n + 1)) for n in range(1, 40)] + [Fraction(1, 40)]  # telescopes to 1
    for number, rho in enumerate(parts):
        assert isinstance(ledger.charge(f"r{number}", [account], PrivacyLoss(rho)), Charge)
    assert ledger.balances([account]) == (Balance(account, Fraction(1)),)
    tiny = Fraction(1, 10**60)
    assert ledger.charge("too much", [account], PrivacyLoss(tiny)) == (Balance(account, Fraction(1)),)


def test_all_accounts_are_charged_or_none_and_the_short_ones_are_told(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    wide, narrow, shut = an_account(10), an_account(Fraction(1, 10)), an_account(0)
    assert ledger.charge("r1", [wide, narrow, shut], PrivacyLoss(Fraction(1, 2))) == (
        Balance(narrow, Fraction(0)),
        Balance(shut, Fraction(0)),
    )
    assert [balance.spent for balance in ledger.balances([wide, narrow, shut])] == [0, 0, 0]
    # it was not remembered as charged either
    assert ledger.charge("r1", [wide], PrivacyLoss(Fraction(1, 2))) == Charge("r1", Fraction(1, 2), fresh=True)


def test_a_release_is_charged_once_whatever_is_given_later(open_ledger: OpenLedger) -> None:
    account, other = an_account(1), an_account(0)
    open_ledger().charge("r1", [account], PrivacyLoss(Fraction(1, 2)))
    ledger = open_ledger()
    again = ledger.charge("r1", [account, other], PrivacyLoss(Fraction(7)))
    assert again == Charge("r1", Fraction(1, 2), fresh=False, own=False)
    assert [balance.spent for balance in ledger.balances([account, other])] == [Fraction(1, 2), 0]


def test_a_charge_tells_whether_it_was_this_caller_s(open_ledger: OpenLedger) -> None:
    ledger, shared = open_ledger(), an_account(1, "dataset/x")
    one, another = an_account(1, "person/a"), an_account(1, "person/b")
    charge = ledger.charge("r1", [shared, one], PrivacyLoss(Fraction(1, 2)))
    assert isinstance(charge, Charge) and charge.fresh and not charge.repeated
    charge = ledger.charge("r1", [one, shared], PrivacyLoss(Fraction(1, 2)))
    assert isinstance(charge, Charge) and charge.repeated
    for accounts in ([shared, another], [shared, one, another]):
        charge = ledger.charge("r1", accounts, PrivacyLoss(Fraction(1, 2)))
        assert isinstance(charge, Charge) and not charge.fresh and not charge.repeated


def test_the_cap_is_that_of_the_moment(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account(1, "dataset/x")
    ledger.charge("r1", [account], PrivacyLoss(Fraction(1)))
    lowered, raised = an_account(Fraction(1, 2), "dataset/x"), an_account(2, "dataset/x")
    (short,) = ledger.balances([lowered])
    assert short.remaining == 0
    assert ledger.charge("r2", [lowered], PrivacyLoss(Fraction(1, 100))) == (short,)
    assert isinstance(ledger.charge("r2", [raised], PrivacyLoss(Fraction(1))), Charge)


@pytest.mark.parametrize("loss", [PrivacyLoss(Fraction(0)), PrivacyLoss(Fraction(0), None, Fraction(1, 10**9))])
def test_a_loss_without_rho_is_a_fault(open_ledger: OpenLedger, loss: PrivacyLoss) -> None:
    ledger, account = open_ledger(), an_account()
    with pytest.raises(Fault):
        ledger.charge("r1", [account], loss)
    assert ledger.balances([account])[0].spent == 0


def test_a_loss_that_is_not_exact_is_a_fault(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account()
    inexact: Any = 0.5
    for loss in (PrivacyLoss(inexact), PrivacyLoss(Fraction(1), None, inexact)):
        with pytest.raises(Fault):
            ledger.charge("r1", [account], loss)
    assert ledger.balances([account])[0].spent == 0


def test_a_delta_is_charged_with_the_rho_and_has_a_cap_of_its_own(open_ledger: OpenLedger) -> None:
    tenth = Fraction(1, 10**10)
    wide = Account("lifetime/resident", "", Fraction(9), 3 * tenth)
    narrow = Account("dataset/x", "", Fraction(9), 2 * tenth)
    shut = Account("dataset/y", "", Fraction(9))
    loss = PrivacyLoss(Fraction(1, 8), None, tenth)
    assert open_ledger().charge("r1", [wide, narrow], loss) == Charge("r1", loss.rho, fresh=True, delta=tenth)
    ledger = open_ledger()
    assert ledger.charge("r1", [shut], loss) == Charge("r1", loss.rho, fresh=False, delta=tenth, own=False)
    # no delta may be spent where none is allowed: nothing is charged then, of rho neither
    assert ledger.charge("r2", [wide, shut], loss) == (Balance(shut, Fraction(0)),)
    assert isinstance(ledger.charge("r2", [wide, narrow], loss), Charge)
    full = Balance(narrow, Fraction(1, 4), 2 * tenth)
    assert ledger.charge("r3", [wide, narrow], PrivacyLoss(Fraction(1, 8), None, Fraction(1, 10**60))) == (full,)
    assert isinstance(ledger.charge("r3", [wide, narrow], PrivacyLoss(Fraction(1, 8))), Charge)
    assert [(one.spent, one.spent_delta) for one in open_ledger().balances([wide, narrow])] == [
        (Fraction(3, 8), 2 * tenth)
    ] * 2


def test_what_is_left_in_a_frozen_account_cannot_be_spent(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account(1, "purpose/x")
    ledger.charge("r1", [account], PrivacyLoss(Fraction(1, 4)))
    frozen = replace(account, frozen=True)
    (balance,) = ledger.balances([frozen])
    assert (balance.spent, balance.remaining, balance.held) == (Fraction(1, 4), Fraction(0), Fraction(3, 4))
    assert ledger.charge("r2", [an_account(), frozen], PrivacyLoss(Fraction(1, 100))) == (balance,)
    # what was charged before is not charged again, and needs no open account
    assert ledger.charge("r1", [frozen], PrivacyLoss(Fraction(1, 4))) == Charge("r1", Fraction(1, 4), fresh=False)
    assert ledger.balances([account])[0].remaining == Fraction(3, 4)


def test_no_account_or_one_account_twice_is_a_fault(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account()
    for accounts in ([], [account, account]):
        with pytest.raises(Fault):
            ledger.charge("r1", accounts, PrivacyLoss(Fraction(1, 2)))
    assert ledger.balances([account])[0].spent == 0


def test_32_threads_of_two_openings_end_exactly_at_the_cap(open_ledger: OpenLedger) -> None:
    ledgers, account = (open_ledger(), open_ledger()), an_account(Fraction(40, 7))
    narrow = Account("person/a", "", Fraction(100))

    def charge(number: int) -> Charge | tuple[Balance, ...]:
        return ledgers[number % 2].charge(f"r{number}", [account, narrow], PrivacyLoss(Fraction(1, 7)))

    with ThreadPoolExecutor(32) as threads:
        outcomes = list(threads.map(charge, range(128)))
    assert sum(isinstance(outcome, Charge) for outcome in outcomes) == 40
    assert [balance.spent for balance in ledgers[0].balances([account, narrow])] == [Fraction(40, 7)] * 2


def test_32_threads_that_charge_one_release_charge_it_once(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), an_account(100)
    with ThreadPoolExecutor(32) as threads:
        outcomes = list(threads.map(lambda _: ledger.charge("r1", [account], PrivacyLoss(Fraction(1))), range(64)))
    assert sum(isinstance(outcome, Charge) and outcome.fresh for outcome in outcomes) == 1
    assert ledger.balances([account])[0].spent == 1


def test_an_unknown_release_is_not_stored(open_ledger: OpenLedger) -> None:
    assert open_ledger().stored("r1") is None


def test_the_first_stored_release_stands(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    ledger.charge("r1", [an_account()], PrivacyLoss(Fraction(1, 200)))
    assert ledger.stored("r1") is None
    first = a_release("r1", value=1)
    assert ledger.store(first) == first
    assert ledger.store(a_release("r1", value=2)) == first
    assert open_ledger().stored("r1") == first


def test_a_release_that_was_not_charged_is_a_fault(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    with pytest.raises(Fault) as caught:
        ledger.store(a_release("r1"))
    assert caught.value.reason is ErrorReason.INTERNAL
    assert ledger.stored("r1") is None


def test_a_release_that_loses_more_than_was_charged_is_a_fault(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    ledger.charge("r1", [an_account()], PrivacyLoss(Fraction(1, 201)))
    with pytest.raises(Fault) as caught:
        ledger.store(a_release("r1", rho=Fraction(1, 200)))
    assert caught.value.reason is ErrorReason.INTERNAL
    assert ledger.stored("r1") is None


def test_a_release_that_loses_more_delta_than_was_charged_is_a_fault(open_ledger: OpenLedger) -> None:
    ledger, release = open_ledger(), a_release("r1")
    ledger.charge("r1", [an_account()], release.loss)
    more = replace(release, loss=replace(release.loss, delta=Fraction(1, 10**12)))
    with pytest.raises(Fault) as caught:
        ledger.store(more)
    assert caught.value.reason is ErrorReason.INTERNAL
    assert ledger.store(release) == release


def test_what_an_institution_caused_in_a_period_is_each_of_its_charges_once(open_ledger: OpenLedger) -> None:
    ledger = open_ledger()
    all_ = Account("lifetime/resident", "", Fraction(9))
    whose = {
        "plain": "recipient/zju",
        "in a period": "recipient/zju/2026-Q4",
        "another's": "recipient/zju-research",
        "under another's name": "recipient/ZJU/2026",
        "of a person": "person/zju/zju",
    }
    parts = {name: Fraction(1, 2**number) for number, name in enumerate(whose)}
    before = datetime.now(UTC).replace(tzinfo=None)
    for name, rho in parts.items():
        account = Account(whose[name], "", Fraction(9), Fraction(9))
        assert isinstance(
            ledger.charge(name, [all_, account], PrivacyLoss(rho)),
            Charge,
        )
        ledger.charge(name, [all_, account], PrivacyLoss(rho))
    after = datetime.now(UTC).replace(tzinfo=None) + timedelta(milliseconds=1)
    assert ledger.caused("zju", before, after).rho == parts["plain"] + parts["in a period"]
    assert ledger.caused("zju-research", before, after).rho == parts["another's"]
    assert ledger.caused("zju", after, after + timedelta(days=1)).rho == 0
    assert ledger.caused("zju", before - timedelta(days=1), before).rho == 0
    assert ledger.caused("zj%", before, after).rho == 0


def test_what_an_institution_caused_is_told_in_delta_too(open_ledger: OpenLedger) -> None:
    ledger, account = open_ledger(), Account("recipient/zju", "", Fraction(9), Fraction(1))
    now = datetime.now(UTC).replace(tzinfo=None)
    for name in ("a", "b"):
        ledger.charge(name, [account], PrivacyLoss(Fraction(1), None, Fraction(1, 10)))
    caused = ledger.caused("zju", now - timedelta(days=1), now + timedelta(days=1))
    assert (caused.rho, caused.delta) == (Fraction(2), Fraction(1, 5))


@pytest.fixture
def ledger(open_ledger: OpenLedger) -> BudgetLedger:
    return open_ledger()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_release=releases)
def test_any_release_comes_back_as_it_was(ledger: BudgetLedger, any_release: Release) -> None:
    release = replace(any_release, id=str(uuid.uuid4()))
    ledger.charge(release.id, [an_account(release.loss.rho + 1)], PrivacyLoss(release.loss.rho or Fraction(1)))
    assert ledger.store(release) == release
    back = ledger.stored(release.id)
    assert back == release
    # 1, 1.0 and True are equal, and are not the same
    assert [[type(key) for key in cell] for cell in back.cells] == [
        [type(key) for key in cell] for cell in release.cells
    ]
