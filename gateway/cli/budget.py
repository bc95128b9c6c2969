"""`gateway budget`: the books of the budgets, offline, from the state database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from gateway.accountability.books import look_over
from gateway.adapters.state.database import StateUnusable
from gateway.cli.as_json import print_all, print_json
from gateway.cli.codes import CANNOT_START, FINE, FOUND
from gateway.cli.mistake import Mistake
from gateway.model.books import Booked
from gateway.model.budget import Account, Balance
from gateway.model.calendar import CITY_OFFSET, city_day
from gateway.model.errors import Fault
from gateway.model.loss import PrivacyLoss, exact, rho_to_epsilon
from gateway.policy.problems import InvalidPolicy
from gateway.settings import InvalidSettings, read_settings
from gateway.wiring.state import Budgets, read_budgets

_NO_CAP = "not in the policy"


def status(*, config: Path, json_: bool = False) -> int:
    """List what each budget has spent, and what is left.

    Parameters
    ----------
    config
        The settings of the gateway, TOML.
    json_
        Print JSON.
    """
    budgets = _budgets(config)
    delta = budgets.policy.delta
    balances = list(_balances(budgets))
    if json_:
        print_json({"delta": delta, "accounts": [_balance_json(*one, delta) for one in balances]})
        return FINE
    width = max((len(balance.account.id) for balance, _ in balances), default=0)
    for balance, state in balances:
        print(f"{balance.account.id:<{width}}  {_balance_line(balance, state, delta)}")
    print(f"ε is shown at δ = {delta:g}. `gateway budget history ACCOUNT` lists what was charged to one.")
    return FINE


def history(account: str = "", /, *, config: Path, count: int = 20, json_: bool = False) -> int:
    """List the charges, the newest first.

    Parameters
    ----------
    account
        Only those of this account, such as recipient/zju-research.
    config
        The settings of the gateway, TOML.
    count
        How many.
    json_
        Print JSON.
    """
    if count < 1:
        raise Mistake("--count must be at least 1", "Say how many charges to list.")
    books = _budgets(config).books
    bearing: dict[str, list[str]] = {}
    for release_id, account_id in books.postings:
        bearing.setdefault(release_id, []).append(account_id)
    if account and account not in books.spent:
        raise Mistake("nothing was charged to this account", "`gateway budget status` lists those that there are.")
    made = [one for one in books.charges.values() if not account or account in bearing.get(one.release_id, ())]
    print_all(
        made[: -count - 1 : -1],
        lambda one: _charge_json(one, bearing.get(one.release_id, [])),
        lambda one: _charge_lines(one, bearing.get(one.release_id, [])),
        json_=json_,
    )
    return FINE


def check(*, config: Path, json_: bool = False) -> int:
    """Add every charge up again, exactly, and compare with the accounts. Exits with 1 if something is wrong.

    Parameters
    ----------
    config
        The settings of the gateway, TOML.
    json_
        Print JSON.
    """
    budgets = _budgets(config)
    books = budgets.books
    faults = list(
        look_over(books, {one.account.id: one.account for one, state in _balances(budgets) if state != _NO_CAP})
    )
    if json_:
        told = [{"kind": one.kind, "subject": one.subject, "message": one.message} for one in faults]
        print_json({"accounts": len(books.spent), "charges": len(books.charges), "faults": told})
    else:
        for one in faults:
            print(f"{one.subject}: {one.message} ({one.kind})")
        print(f"{len(books.charges)} charges in {len(books.spent)} accounts, {len(faults)} faults.")
    return FOUND if faults else FINE


def _budgets(config: Path) -> Budgets:
    """Read what the settings name.

    Raises:
        Mistake: it cannot be read, or is not what it should be.
    """
    try:
        return read_budgets(read_settings(config))
    except (InvalidSettings, StateUnusable) as error:
        raise Mistake(str(error), code=CANNOT_START) from None
    except InvalidPolicy:
        raise Mistake("the policy is not valid", "`gateway policy check` says where.", CANNOT_START) from None
    except Fault as fault:
        remedy = "A file that was damaged must come from a back-up."
        raise Mistake(f"the books cannot be read: {fault.reason}", remedy, CANNOT_START) from None


def _balances(budgets: Budgets) -> Iterator[tuple[Balance, str]]:
    """Yield each account with its state: those that the policy names, then the others that were charged."""
    today = city_day(datetime.now(UTC).replace(tzinfo=None))
    named = {account.id: account for account in budgets.policy.named(today)}
    nothing = PrivacyLoss(Fraction(0))
    for account_id in [*named, *(one for one in budgets.books.spent if one not in named)]:
        account = named.get(account_id) or budgets.policy.find(account_id, today)
        spent = budgets.books.spent.get(account_id, nothing)
        known = account or Account(account_id, _NO_CAP, spent.rho, spent.delta)
        balance = Balance(known, spent.rho, spent.delta)
        yield balance, _NO_CAP if account is None else _state(balance)


def _state(balance: Balance) -> str:
    if balance.account.frozen:
        return "frozen"
    return "open" if balance.remaining else "empty"


def _balance_line(balance: Balance, state: str, delta: float) -> str:
    spent = f"spent ε {_epsilon(balance.spent, delta)} (ρ {float(balance.spent):.4g})"
    if balance.spent_delta:
        spent += f" and δ {float(balance.spent_delta):.3g}"
    if state == _NO_CAP:
        return f"{spent}, {state}"
    of = f" of {_epsilon(balance.account.cap, delta)} (ρ {float(balance.account.cap):.4g})"
    left = (
        f"holds back ρ {float(balance.held):.4g}"
        if balance.account.frozen
        else f"left ρ {float(balance.remaining):.4g}"
    )
    return f"{spent}{of}, {left}, {state}"


def _balance_json(balance: Balance, state: str, delta: float) -> dict[str, object]:
    capped = state != _NO_CAP
    return {
        "account": balance.account.id,
        "description": balance.account.description,
        "state": state,
        "spent_rho": exact(balance.spent),
        "spent_delta": exact(balance.spent_delta),
        "spent_epsilon": rho_to_epsilon(balance.spent, delta),
        "cap_rho": exact(balance.account.cap) if capped else None,
        "cap_delta": exact(balance.account.delta_cap) if capped else None,
        "remaining_rho": exact(balance.remaining) if capped else None,
        "remaining_delta": exact(balance.remaining_delta) if capped else None,
        "held_rho": exact(balance.held) if capped else None,
    }


def _charge_json(one: Booked, accounts: list[str]) -> dict[str, object]:
    return {
        "release": one.release_id,
        "day": city_day(one.at),
        "charged_at": one.at.replace(tzinfo=UTC),
        "rho": exact(one.loss.rho),
        "delta": exact(one.loss.delta),
        "accounts": sorted(accounts),
    }


def _charge_lines(one: Booked, accounts: list[str]) -> list[str]:
    delta = f", δ {exact(one.loss.delta)}" if one.loss.delta else ""
    return [
        f"{one.at + CITY_OFFSET:%Y-%m-%d %H:%M:%S}  {one.release_id}  ρ {exact(one.loss.rho)}{delta}",
        f"  {', '.join(sorted(accounts)) or 'no account'}",
    ]


def _epsilon(rho: Fraction, delta: float) -> str:
    return f"{rho_to_epsilon(rho, delta):.3g}"
