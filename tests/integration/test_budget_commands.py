"""`gateway budget`, offline on the state of a gateway that made releases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from gateway import pipeline
from gateway.cli.app import run
from gateway.model.budget import Account, Refresh
from gateway.model.calendar import city_day
from gateway.model.loss import PrivacyLoss
from tests.integration.house import House, counting, edit, released

Told = Callable[..., tuple[int, str]]


@pytest.fixture
def told(house: House, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command on the house's settings; returns its exit code and what it printed, errors last."""

    def call(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(["budget", *arguments, "--config", str(house.site.config)])
        out, err = capsys.readouterr()
        return code, out + err

    return call


def spend(house: House, epsilon: Fraction, group: str = "tier") -> str:
    request = counting(epsilon, (group,))
    return released(pipeline.release(house.ports, house.peer("zju-research"), request)).release.id


def by_account(told: Told) -> dict[str, Any]:
    code, out = told("status", "--json")
    assert code == 0
    return {one["account"]: one for one in json.loads(out)["accounts"]}


def tamper(house: House, *statements: str) -> None:
    with closing(sqlite3.connect(house.site.folder / "state.sqlite")) as file:
        for statement in statements:
            assert file.execute(statement).rowcount > 0
        file.commit()


def test_status_and_history_tell_what_was_charged_exactly(house: House, told: Told) -> None:
    ids = [spend(house, Fraction(1, 10)), spend(house, Fraction(1, 5), "sector")]
    accounts = by_account(told)
    whole = Fraction(1, 200) + Fraction(1, 50)
    for name in ("lifetime/resident", "dataset/subsidies", "recipient/zju-research", "person/zju-research/li.wei"):
        assert Fraction(accounts[name]["spent_rho"]) == whole
        assert Fraction(accounts[name]["remaining_rho"]) == Fraction(accounts[name]["cap_rho"]) - whole
        assert accounts[name]["state"] == "open"
    assert accounts["purpose/open-data-contest"]["spent_rho"] == "0/1"
    code, out = told("status")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("recipient/zju-research "))
    assert "spent ε 1.2 (ρ 0.025) of 9 " in line and line.endswith("open")

    code, out = told("history", "recipient/zju-research", "--json")
    charges = json.loads(out)
    assert [(one["release"], one["rho"]) for one in charges] == [(ids[1], "1/50"), (ids[0], "1/200")]
    assert charges[0]["day"] == city_day(house.clock.now()).isoformat()
    assert "lifetime/resident" in charges[0]["accounts"]
    code, out = told("history", "--count", "1")
    assert code == 0
    assert ids[1] in out and "ρ 1/50" in out and ids[0] not in out
    assert told("history", "recipient/nobody")[0] == 2
    assert told("history", "--count", "0")[0] == 2


def test_accounts_that_are_over_are_frozen_and_unknown_ones_are_told(house: House, told: Told) -> None:
    today = city_day(house.clock.now())
    edit(
        house.site.policies / "budgets.yaml",
        "\n# The most that one institution may be told.",
        "\nprojects:\n  study: {purpose: academic-research, pool: 4.0, members: {zju-research: 3.0}, "
        f"closes_on: {today - timedelta(days=1)}}}\n\n# The most that one institution may be told.",
        "zju-research: 9.0",
        "zju-research: {epsilon: 9.0, per: month}",
    )
    last = Refresh.MONTH.period(today.replace(day=1) - timedelta(days=1))
    old = [Account(f"recipient/zju-research/{last}", "", Fraction(9)), Account("dataset/gone", "", Fraction(9))]
    house.ports.ledger.charge("before", old, PrivacyLoss(Fraction(1, 8)))
    house.ports.policy.reload()
    accounts = by_account(told)
    states = {name: one["state"] for name, one in accounts.items()}
    assert states["project/study"] == states["member/study/zju-research"] == "frozen"
    assert accounts["project/study"]["held_rho"] == accounts["project/study"]["cap_rho"]
    assert accounts["project/study"]["remaining_rho"] == "0/1"
    assert states[f"recipient/zju-research/{last}"] == "frozen"
    assert states[f"recipient/zju-research/{Refresh.MONTH.period(today)}"] == "open"
    assert (states["dataset/gone"], accounts["dataset/gone"]["cap_rho"]) == ("not in the policy", None)
    out = told("status")[1]
    assert "holds back ρ" in next(line for line in out.splitlines() if line.startswith("project/study "))
    assert told("check")[0] == 0, "what the policy caps no more is over no cap"


def test_sound_books_are_found_sound_and_every_fault_is_found(house: House, told: Told) -> None:
    first, second = spend(house, Fraction(1, 10)), spend(house, Fraction(1, 5), "sector")
    code, out = told("check")
    assert (code, out.splitlines()[-1]) == (0, "2 charges in 4 accounts, 0 faults.")

    def faults() -> set[tuple[str, str]]:
        code, out = told("check", "--json")
        found = json.loads(out)["faults"]
        assert code == (1 if found else 0)
        return {(one["kind"], one["subject"]) for one in found}

    tamper(house, "UPDATE budget_accounts SET spent_denominator = '41' WHERE account_id = 'dataset/subsidies'")
    assert faults() == {("differs", "dataset/subsidies")}
    assert "its charges add up to rho 1/40, and it says rho 1/41 (differs)" in told("check")[1]
    tamper(house, "UPDATE budget_accounts SET spent_denominator = '40' WHERE account_id = 'dataset/subsidies'")
    assert faults() == set()
    tamper(house, f"DELETE FROM budget_charged_accounts WHERE release_id = '{first}' AND account_id LIKE 'person/%'")
    assert faults() == {("differs", "person/zju-research/li.wei")}
    tamper(
        house,
        f"DELETE FROM budget_charged_accounts WHERE release_id = '{first}'",
        f"DELETE FROM budget_charges WHERE release_id = '{first}'",
    )
    assert ("uncharged", first) in faults()
    tamper(house, f"DELETE FROM budget_charged_accounts WHERE release_id = '{second}'")
    assert ("unborne", second) in faults()


def test_a_cap_beneath_what_was_spent_is_told(house: House, told: Told) -> None:
    spend(house, Fraction(1))
    edit(house.site.policies / "budgets.yaml", "zju-research: 9.0", "zju-research: 4.0")
    code, out = told("check")
    assert code == 1
    assert "recipient/zju-research: its charges add up to rho 1/2, and its cap is rho" in out
    assert by_account(told)["recipient/zju-research"]["state"] == "empty"


def test_what_cannot_be_read_is_told_in_a_line(house: House, told: Told) -> None:
    spend(house, Fraction(1, 10))
    tamper(house, "UPDATE budget_charges SET rho_numerator = 'x'")
    code, out = told("check")
    assert code == 78
    assert out == (
        "gateway: the books cannot be read: LEDGER_UNAVAILABLE. A file that was damaged must come from a back-up.\n"
    )
    tamper(house, "UPDATE alembic_version SET version_num = '0003'")
    code, out = told("status")
    assert code == 78
    assert "of another version" in out
    state = house.site.folder / "state.sqlite"
    state.rename(state.with_suffix(".away"))
    code, out = told("status")
    state.with_suffix(".away").rename(state)
    assert code == 78
    assert "there is no state database" in out
