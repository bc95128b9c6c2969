"""A cockpit's gateway in the middle of a series, and what it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

import numpy as np

from gateway.lanes import series as lane
from gateway.lanes.series import Days, Named, Opened, Standing
from gateway.model.errors import ErrorReason
from gateway.model.measure import Currency, Price
from gateway.model.party import Peer
from gateway.pipeline import Ports, Refused
from tests.integration.daily import (
    BUREAU,
    FIRST,
    PURPOSE,
    Payment,
    Payments,
    day,
    true_days,
)
from tests.integration.house import House, WatchedClock, context

RHO = Price(Currency.RHO, Fraction(2))
NAMES = tuple(f"paid-{number}" for number in range(21))
"""Each test opens a series of its own, so that all can share one gateway."""


def story() -> list[Payment]:
    """Payments of 400 people, some of whom are paid on more days than count, twice a day, and too much."""
    rng = np.random.default_rng(5)
    rows = []
    for unit in range(400):
        for number in rng.choice(np.arange(1, 13), size=rng.integers(1, 6), replace=False).tolist():
            rows += [Payment(unit, day(number), int(rng.integers(0, 25_000)), unit % 5)] * int(rng.integers(1, 3))
    return [*rows, Payment(999, None, 10_000), Payment(998, day(0), 10_000), Payment(997, day(400), 10_000)]


@dataclass
class Cockpit:
    """A gateway at noon of the tenth day after its series began, one of them, and the payments behind it."""

    house: House
    payments: Payments
    series: Named

    @property
    def clock(self) -> WatchedClock:
        return self.house.clock

    @property
    def ports(self) -> Ports:
        return self.house.ports


def caller(cockpit: Cockpit, who: str = BUREAU) -> Peer:
    """Somebody whose token outlives what tests put the clock forward by."""
    return cockpit.house.site.peer(who, "li.wei", timedelta(days=30))


def opened(cockpit: Cockpit, price: Price = RHO) -> Opened | ErrorReason:
    """Open its series."""
    outcome = lane.open_series(cockpit.ports, caller(cockpit), context(PURPOSE), cockpit.series, price)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def got(cockpit: Cockpit, first: int | None = None, last: int | None = None, spans: tuple[int, ...] = ()) -> Days:
    """Its days, which must be there."""
    outcome = asked(cockpit, first, last, spans)
    assert isinstance(outcome, Days), outcome
    return outcome


def asked(
    cockpit: Cockpit,
    first: int | None = None,
    last: int | None = None,
    spans: tuple[int, ...] = (),
    who: str = BUREAU,
) -> Days | ErrorReason:
    """Ask for its days: these, or why not."""
    ends = [None if number is None else day(number) for number in (first, last)]
    peer = caller(cockpit, who)
    outcome = lane.get_series(cockpit.ports, peer, context(PURPOSE), cockpit.series, ends[0], ends[1], spans)
    return outcome.refusal.reason if isinstance(outcome, Refused) else outcome


def spent(cockpit: Cockpit, account: str) -> Fraction:
    """What an account of the budget has spent."""
    accounts = [one for one in cockpit.ports.policy.current().budgets.named(FIRST) if one.id == account]
    (balance,) = cockpit.ports.ledger.balances(accounts)
    return balance.spent


def listed(cockpit: Cockpit) -> Standing:
    """How its series stands."""
    found = lane.list_series(cockpit.ports, caller(cockpit), context(PURPOSE), "subsidies")
    assert not isinstance(found, Refused)
    return next(one for one in found if one.series.spec.name == cockpit.series.name)


def table(days: Days) -> dict[tuple[int, int], Any]:
    """Values (days, cells) by statistic and span."""
    return {(one.statistic, one.span): one.values for one in days.delivery.published}


def nodes(days: Days) -> set[tuple[int, ...]]:
    """The noised nodes of days."""
    return {node.values for one in days.delivery.days for node in one.nodes}


def truth(cockpit: Cockpit, span: int) -> np.ndarray[Any, Any]:
    """What a span comes to on each of the nine days, (statistics, days, districts)."""
    exact = true_days(cockpit.payments.rows, 12, 2)
    each = np.array([[exact.get((number, place), (0, 0)) for place in range(5)] for number in range(1, 10)])
    sums = np.stack([each[max(0, last - span) if span else 0 : last].sum(axis=0) for last in range(1, 10)])
    return np.moveaxis(sums, -1, 0)
