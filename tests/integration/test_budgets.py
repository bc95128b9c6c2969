"""Budgets through the pipeline: pools that close, periods that begin anew, purposes that end, data that change."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from gateway import pipeline
from gateway.lanes import inquiries
from gateway.model.budget import Account, Refresh
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason
from gateway.model.loss import PrivacyLoss
from gateway.model.request import ReleaseRequest
from gateway.pipeline import Refused
from gateway.stages.admit import admit
from tests.integration.house import House, context, counting, edit, released

RESEARCH = "zju-research"
HALF = Fraction(1, 2)
"""An epsilon that costs rho 1/8: a cap of 4.0 holds two such releases, and one of 5.0 three."""

PRICE = Fraction(1, 8)


def put(house: House, *changes: str) -> None:
    """Change budgets.yaml, or purposes.yaml where its name comes first, and put the policy into force."""
    file, changes = (changes[0], changes[1:]) if changes[0].endswith(".yaml") else ("budgets.yaml", changes)
    edit(house.site.policies / file, *changes)
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems


def ask(house: House, group: str, epsilon: Fraction = HALF, who: str = RESEARCH) -> ErrorReason | bool:
    """Ask for a count by one of the declared keys; return why not, or whether it was paid for now."""
    outcome = pipeline.release(house.ports, house.long_signed_in(who), counting(epsilon, (group,)))
    return outcome.refusal.reason if isinstance(outcome, Refused) else released(outcome).paid


def spent(house: House) -> dict[str, tuple[Fraction, bool]]:
    """What each account that zju-research's releases are charged to has spent, and whether it is frozen."""
    policy, today = house.ports.policy.current(), city_day(house.clock.now())
    accounts = policy.budgets.accounts([policy.contracts["subsidies"]], RESEARCH, "li.wei", "academic-research", today)
    return {one.account.id: (one.spent, one.account.frozen) for one in house.ports.ledger.balances(accounts)}


def projected(house: House, pool: str, member: str, closes: str) -> None:
    put(
        house,
        "\n# The most that one institution may be told.",
        "\nprojects:\n  street-study: {purpose: academic-research, "
        f"pool: {pool}, members: {{{RESEARCH}: {member}}}, closes_on: {closes}}}\n\n"
        "# The most that one institution may be told.",
    )


def test_a_member_is_held_to_its_part_of_the_pool_and_all_to_the_pool(house: House) -> None:
    today = city_day(house.clock.now()).isoformat()
    projected(house, "5.0", "4.0", today)
    assert [ask(house, group) for group in ("tier", "sector", "district")] == [
        True, True, ErrorReason.BUDGET_EXHAUSTED,
    ]  # fmt: skip
    # with a larger part it is the pool that is empty after the third
    put(house, f"{RESEARCH}: 4.0", f"{RESEARCH}: 9.0")
    outcomes = [ask(house, "district"), ask(house, "tier", Fraction(2, 5)), ask(house, "tier")]
    assert outcomes == [True, ErrorReason.BUDGET_EXHAUSTED, False], "what was made before costs nothing"
    assert spent(house)["project/street-study"] == (3 * PRICE, False)
    assert spent(house)[f"member/street-study/{RESEARCH}"] == (3 * PRICE, False)
    assert spent(house)["lifetime/resident"] == (3 * PRICE, False)


def test_an_exhausted_budget_names_the_largest_price_that_fits(house: House) -> None:
    put(house, f"{RESEARCH}: 9.0", f"{RESEARCH}: 4.2")
    assert [ask(house, "tier"), ask(house, "sector")] == [True, True]
    peer = house.long_signed_in(RESEARCH)
    refused = pipeline.release(house.ports, peer, counting(HALF, ("district",)))
    assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.BUDGET_EXHAUSTED
    plan = refused.refusal.plan
    assert plan is not None and plan.query == counting(HALF, ("district",)).query
    # it tells no more than the balances that the same caller may ask for
    told = inquiries.budgets(house.ports, peer, context("academic-research"), "subsidies", "by-sector")
    assert not isinstance(told, Refused)
    left = min(balance.remaining for balance in told[0])
    step = Fraction(1, 10**6)
    assert plan.price.rho <= left < (plan.price.amount + step) ** 2 / 2
    assert ask(house, "district", plan.price.amount + step) is ErrorReason.BUDGET_EXHAUSTED
    assert ask(house, "district", plan.price.amount) is True
    # what is left of that is less than any price soon, and nothing can be named
    named = []
    for _ in range(4):
        refused = pipeline.release(house.ports, peer, counting(HALF, ()))
        assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.BUDGET_EXHAUSTED
        if refused.refusal.plan is None:
            break
        named.append(refused.refusal.plan.price)
        assert ask(house, "district", named[-1].amount) is True
    assert len(named) < 4 and all(price.amount < Fraction(1, 1000) for price in named)


def test_a_project_closes_by_itself_after_its_last_day(house: House) -> None:
    projected(house, "6.0", "6.0", city_day(house.clock.now()).isoformat())
    assert ask(house, "tier") is True
    house.clock.ahead = timedelta(days=1)
    assert ask(house, "sector") is ErrorReason.BUDGET_EXHAUSTED
    assert ask(house, "tier") is False, "what was made before is still given"
    assert spent(house)["project/street-study"] == (PRICE, True)
    # it is not on another account's cost: once the project is gone from the policy, the rest has room
    assert {one[0] for one in spent(house).values()} == {PRICE}


def test_a_period_that_is_over_does_not_count_and_this_one_does(house: House) -> None:
    today = city_day(house.clock.now())
    put(house, f"{RESEARCH}: 9.0", f"{RESEARCH}: {{epsilon: 4.0, per: quarter}}")
    last = Refresh.QUARTER.period(today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1) - timedelta(days=1))
    this = f"recipient/{RESEARCH}/{Refresh.QUARTER.period(today)}"
    past = Account(f"recipient/{RESEARCH}/{last}", "the quarter before", Fraction(1))
    house.ports.ledger.charge("of the quarter before", [past], PrivacyLoss(Fraction(1)))
    assert [ask(house, group) for group in ("tier", "sector", "district")] == [
        True, True, ErrorReason.BUDGET_EXHAUSTED,
    ]  # fmt: skip
    assert spent(house)[this] == (2 * PRICE, False)


def test_what_a_purpose_has_left_when_it_ends_cannot_be_spent(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(house, "  open-data-contest: 6.0", "  open-data-contest: 6.0\n  academic-research: 6.0")
    assert ask(house, "tier") is True
    assert spent(house)["purpose/academic-research"] == (PRICE, False)
    today = city_day(house.clock.now()).isoformat()
    review = "review_on: 2036-05-01\n        compatible_with:\n          - purpose: enterprise-support\n"
    put(house, "purposes.yaml", review, review.replace("\n", f"\n        expires_on: {today}\n", 1))
    assert ask(house, "sector") is True, "its last day is a day of it"

    # decided on the last day, and charged after it
    def until_after_midnight(*arguments: Any) -> Any:
        admitted = admit(*arguments)
        house.clock.ahead = timedelta(days=1)
        return admitted

    with monkeypatch.context() as midnight:
        midnight.setattr(pipeline, "admit", until_after_midnight)
        assert ask(house, "district") is ErrorReason.BUDGET_EXHAUSTED
    assert ask(house, "district") is ErrorReason.PURPOSE_EXPIRED
    assert spent(house)["purpose/academic-research"] == (2 * PRICE, True)
    (balance,) = house.ports.ledger.balances(
        [one for one in house.ports.policy.current().budgets.named(city_day(house.clock.now()))
         if one.id == "purpose/academic-research"]
    )  # fmt: skip
    assert balance.remaining == 0
    assert balance.held == balance.account.cap - 2 * PRICE > 0
    # an account that is open, of the same releases, holds nothing back
    assert spent(house)["lifetime/resident"] == (2 * PRICE, False)


def test_a_new_version_of_the_data_is_a_new_question_under_the_same_caps(house: House) -> None:
    put(house, "  subsidies: 9.0", "  subsidies: 4.0")

    def of_version(name: str) -> ErrorReason | bool:
        house.source.version = name
        return ask(house, "tier")

    assert of_version("first") is True
    assert of_version("first") is False
    assert of_version("second") is True
    assert spent(house)["dataset/subsidies"] == spent(house)["lifetime/resident"] == (2 * PRICE, False)
    # the cap of the dataset holds over all versions of it
    assert of_version("third") is ErrorReason.BUDGET_EXHAUSTED
    assert of_version("first") is False, "what an earlier version paid for stays its own"
    # and where the dataset has room, the lifetime's does
    put(house, "  subsidies: 4.0", "  subsidies: 9.0", "  resident: 12.0", "  resident: 5.0")
    assert of_version("third") is True
    assert of_version("fourth") is ErrorReason.BUDGET_EXHAUSTED


def test_a_request_says_the_same_of_its_budgets_as_it_is_charged_to(house: House) -> None:
    projected(house, "5.0", "4.0", city_day(house.clock.now()).isoformat())
    outcome = inquiries.budgets(
        house.ports, house.peer(RESEARCH), context("academic-research"), "subsidies", "by-sector"
    )
    assert not isinstance(outcome, Refused)
    assert {one.account.id for one in outcome[0]} == spent(house).keys()
    request: ReleaseRequest = counting(HALF, ("tier",))
    quote = inquiries.estimate(house.ports, house.peer(RESEARCH), request)
    assert not isinstance(quote, Refused)
    assert quote.affordable
    assert {one.spent for one in quote.balances_after} == {PRICE}
