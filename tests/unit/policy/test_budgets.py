"""Which accounts a release is charged to: over datasets, periods, projects and purposes that end."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.model.budget import Account, Refresh
from gateway.model.loss import epsilon_to_rho
from gateway.policy.snapshot import PolicySnapshot, load

DAY = date(2026, 11, 21)
BUDGETS = """\
delta: 1e-6
threshold_delta: 1e-9
lifetime: {resident: {epsilon: 12.0, delta: 1e-7}, firm: 20.0}
datasets: {subsidies: 6.0, firms: {epsilon: 5.0, delta: 0.0}}
purposes: {open-data: 8.0, epidemic-control: 4.0}
projects:
  street-study:
    purpose: open-data
    datasets: [subsidies, firms]
    pool: {epsilon: 5.0, per: year}
    members: {default: 1.0, zju: {epsilon: 2.0, per: month}}
    opens_on: 2026-01-01
    closes_on: 2026-12-31
  tracing-study:
    purpose: epidemic-control
    pool: 3.0
    members: {police: 1.0}
    closes_on: 2026-12-31
recipients: {default: 2.0, zju: {epsilon: 3.0, per: quarter}}
persons: {default: {epsilon: 1.0, per: month}, zju/li.wei: 0.5}
"""


@pytest.fixture
def policy(folder: Path) -> PolicySnapshot:
    (folder / "budgets.yaml").write_text(BUDGETS)
    return load(folder)


def accounts(
    policy: PolicySnapshot, who: str, purpose: str, *datasets: str, day: date = DAY, person: str = "wu.min"
) -> dict[str, Account]:
    contracts = [policy.contracts[name] for name in datasets]
    found = policy.budgets.accounts(contracts, who, person, purpose, day)
    by_id = {account.id: account for account in found}
    assert len(by_id) == len(found), "the ledger takes no account twice"
    return by_id


@pytest.mark.parametrize(
    ("per", "day", "period"),
    [
        (Refresh.MONTH, date(2026, 1, 31), "2026-01"),
        (Refresh.QUARTER, date(2026, 3, 31), "2026-Q1"),
        (Refresh.QUARTER, date(2026, 4, 1), "2026-Q2"),
        (Refresh.QUARTER, date(2026, 12, 31), "2026-Q4"),
        (Refresh.YEAR, date(2027, 1, 1), "2027"),
    ],
    ids=str,
)
def test_periods_are_the_calendar_s(per: Refresh, day: date, period: str) -> None:
    assert per.period(day) == period


def test_an_account_that_begins_anew_names_its_period(policy: PolicySnapshot) -> None:
    assert list(accounts(policy, "zju", "data-contest", "subsidies")) == [
        "lifetime/resident",
        "dataset/subsidies",
        "purpose/open-data",
        "project/street-study/2026",
        "member/street-study/zju/2026-11",
        "recipient/zju/2026-Q4",
        "person/zju/wu.min/2026-11",
    ]
    later = accounts(policy, "zju", "data-contest", "subsidies", day=date(2026, 12, 1), person="li.wei")
    assert list(later)[3:] == [
        "project/street-study/2026",
        "member/street-study/zju/2026-12",
        "recipient/zju/2026-Q4",
        "person/zju/li.wei",
    ]


def test_over_several_datasets_each_is_charged_and_each_kind_once(policy: PolicySnapshot) -> None:
    residents = accounts(policy, "bureau", "subsidy-audit", "subsidies", "health_cases")
    assert list(residents) == [
        "lifetime/resident",
        "dataset/subsidies",
        "recipient/bureau",
        "person/bureau/wu.min/2026-11",
    ]
    both = accounts(policy, "bureau", "subsidy-audit", "subsidies", "firms", "subsidies")
    assert list(both)[:4] == ["lifetime/resident", "lifetime/firm", "dataset/subsidies", "dataset/firms"]


def test_caps_are_exact_in_rho_and_in_delta(policy: PolicySnapshot) -> None:
    found = accounts(policy, "zju", "open-data", "subsidies", "firms")
    caps = {id_: (account.cap, account.delta_cap) for id_, account in found.items()}
    billionth = Fraction(1, 10**9)
    assert caps["lifetime/resident"] == (epsilon_to_rho(12.0, 1e-6), Fraction(1, 10**7))
    assert caps["lifetime/firm"] == (epsilon_to_rho(20.0, 1e-6), billionth)
    assert caps["dataset/firms"] == (epsilon_to_rho(5.0, 1e-6), Fraction(0))
    assert caps["project/street-study/2026"] == (epsilon_to_rho(5.0, 1e-6), billionth)
    assert caps["recipient/zju/2026-Q4"] == (epsilon_to_rho(3.0, 1e-6), billionth)


def test_no_delta_may_be_spent_where_the_policy_states_none(snapshot: PolicySnapshot) -> None:
    assert {account.delta_cap for account in accounts(snapshot, "zju", "open-data", "subsidies").values()} == {0}


def test_a_project_is_its_members_work_for_its_purpose_on_its_datasets(policy: PolicySnapshot) -> None:
    def projects(who: str, purpose: str, *datasets: str) -> list[str]:
        found = accounts(policy, who, purpose, *datasets)
        return [name for name in found if name.startswith(("project/", "member/"))]

    assert projects("police", "contact-tracing", "health_cases") == [
        "project/tracing-study", "member/tracing-study/police",
    ]  # fmt: skip
    assert projects("zju", "contact-tracing", "health_cases") == []
    # whoever is not named has the default, where there is one
    assert projects("bureau", "open-data", "firms") == ["project/street-study/2026", "member/street-study/bureau"]
    assert projects("bureau", "open-data", "health_cases") == []
    assert projects("bureau", "open-data", "health_cases", "firms") != []
    assert projects("bureau", "subsidy-audit", "subsidies") == []


def test_a_project_is_frozen_before_it_opens_and_after_it_closes(policy: PolicySnapshot) -> None:
    def frozen(day: date) -> set[str]:
        found = accounts(policy, "zju", "open-data", "subsidies", day=day)
        return {account.id.split("/")[0] for account in found.values() if account.frozen}

    assert frozen(date(2025, 12, 31)) == frozen(date(2027, 1, 1)) == {"project", "member"}
    assert frozen(date(2026, 1, 1)) == frozen(date(2026, 12, 31)) == set()


def test_a_purpose_that_has_ended_freezes_its_account(policy: PolicySnapshot) -> None:
    on, after = (
        accounts(policy, "police", "contact-tracing", "health_cases", day=day)["purpose/epidemic-control"].frozen
        for day in (date(2027, 6, 30), date(2027, 7, 1))
    )
    assert (on, after) == (False, True)


def test_the_policy_names_its_accounts_as_it_charges_them(policy: PolicySnapshot) -> None:
    named = {account.id: account for account in policy.budgets.named(DAY)}
    assert list(named) == [
        "lifetime/resident", "lifetime/firm", "dataset/subsidies", "dataset/firms",
        "purpose/open-data", "purpose/epidemic-control",
        "project/street-study/2026", "member/street-study/zju/2026-11",
        "project/tracing-study", "member/tracing-study/police",
        "recipient/zju/2026-Q4", "person/zju/li.wei",
    ]  # fmt: skip
    charged = accounts(policy, "zju", "open-data", "subsidies", "firms", person="li.wei")
    assert charged.items() <= named.items()


@pytest.mark.parametrize(
    ("account", "frozen"),
    [
        ("lifetime/resident", False),
        ("recipient/bureau", False),
        ("recipient/zju/2026-Q4", False),
        ("recipient/zju/2026-Q3", True),
        ("person/zju/wu.min/2026-10", True),
        ("person/zju/li.wei", False),
        ("project/street-study/2025", True),
        ("member/street-study/bureau", False),
        ("member/street-study/zju/2026-11", False),
        # no cap of today's policy is of these
        ("recipient/zju", None),
        ("recipient/zju/2026-11", None),
        ("recipient/bureau/2026-Q3", None),
        ("person/zju/li.wei/2026-10", None),
        ("member/tracing-study/zju", None),
        ("lifetime/resident/2026", None),
        ("dataset/health_cases", None),
        ("nothing", None),
        ("", None),
    ],
    ids=str,
)
def test_an_account_is_found_by_its_id(policy: PolicySnapshot, account: str, frozen: bool | None) -> None:
    found = policy.budgets.find(account, DAY)
    assert (None if found is None else (found.id, found.frozen)) == (None if frozen is None else (account, frozen))
