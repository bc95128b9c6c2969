"""Two datasets that share their privacy unit, joined and answered through TLS; and what is never joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import GUESTS_OF_THE_FAIR, Row, column, within

ASK: dict[str, Any] = {"purpose": "academic-research"}
GUESTS = ("fair_guests", "guests")
TRADES = ("buyer", "seller", "press")
MAX_ROWS, TAKING_PART = 2, 4


def release(fair: Fair, statistics: Sequence[Any], join: tuple[str, str] | None = GUESTS, **more: Any) -> gw.Release:
    price = {} if "rho" in more else {"epsilon": 1.0}
    return fair.gateway.release("fair_visits", "visits", statistics, join=join, **(ASK | price | more))


def joined(fair: Fair, region: str = "hangzhou") -> dict[str, tuple[Row, list[Row]]]:
    """Each visitor's row among the guests who agreed, and the visits, of which the fourth may be the last that counts.

    Of a visitor with more visits than take part, those are drawn; what is counted here does not hang on which.
    """
    guests = {
        guest["guest"]: guest
        for guest in GUESTS_OF_THE_FAIR
        if guest["mailing"] and f"{guest['home']}/".startswith(f"{region}/")
    }
    visits: dict[str, list[Row]] = defaultdict(list)
    for row in within(fair.rows, region):
        visits[row["visitor"]].append(row)
    return {unit: (guests[unit], rows) for unit, rows in visits.items() if unit in guests}


def by_trade(pairs: Mapping[str, tuple[Row, list[Row]]]) -> dict[str, tuple[int, int]]:
    """For each trade the visitors, and the visits that count."""
    found: dict[str, tuple[int, int]] = dict.fromkeys(TRADES, (0, 0))
    for guest, rows in pairs.values():
        if guest["trade"] is not None:
            units, count = found[guest["trade"]]
            found[guest["trade"]] = units + 1, count + min(len(rows), TAKING_PART, MAX_ROWS)
    return found


def test_visits_are_counted_by_what_the_guests_are(fair: Fair) -> None:
    table = release(fair, [gw.count_units(), gw.count()], group_by=["fair_guests.trade"], rho=2.0).to_arrow()
    assert column(table, "fair_guests.trade") == list(TRADES)
    expected = by_trade(joined(fair))
    for trade, units, count in zip(
        *(column(table, name) for name in table.column_names[:1]), *_noised(table), strict=True
    ):
        assert abs(units - expected[trade][0]) <= 12
        assert abs(count - expected[trade][1]) <= 24


def _noised(table: Any) -> list[list[int]]:
    return [column(table, "count_units"), column(table, "count")]


def test_fields_of_both_are_summed_and_grouped_and_filtered_by(fair: Fair) -> None:
    """Of each dataset, the rows of the region asked for: who visits here and lives elsewhere is not there."""
    here = "hangzhou/xihu/beishan"
    table = release(
        fair,
        [gw.count_units(), gw.sum_of("fair_guests.age"), gw.mean_of("amount")],
        group_by=[gw.by_level("fair_guests.home", "community")],
        filters=[("fair_guests.trade", "==", "buyer"), ("gate", "in", ["south", "north", "east"])],
        region=here,
        rho=2.0,
    ).to_arrow()
    buyers = {
        unit: (guest, [row for row in rows if row["gate"] is not None])
        for unit, (guest, rows) in joined(fair, here).items()
        if guest["trade"] == "buyer"
    }
    assert len(column(table, "count_units")) >= 3 and sum(column(table, "count_units")) > 100
    for place, units, years in zip(
        *(column(table, name) for name in ("fair_guests.home", "count_units", "sum(fair_guests.age)")), strict=True
    ):
        there = {unit: both for unit, both in buyers.items() if both[1] and both[0]["home"] == place}
        assert abs(units - len(there)) <= 15
        ages = [min(min(guest["age"] or 0, 99) * min(len(rows), TAKING_PART), 198) for guest, rows in there.values()]
        assert abs(years - sum(ages)) <= 15 * 198


def test_a_join_charges_each_dataset_and_the_person_once(fair: Fair) -> None:
    before, others = fair.spent(), _guests_spent(fair)
    made = release(fair, [gw.count()], epsilon=0.7)
    rho = Fraction(made.message.privacy_loss.rho)
    after, then = fair.spent(), _guests_spent(fair)
    moved = {name: Fraction(after[name]) - Fraction(before[name]) for name in before}
    assert moved["lifetime/visitor"] == rho
    assert set(moved.values()) == {rho}
    assert {Fraction(then[name]) - Fraction(others[name]) for name in others} == {rho}
    again = release(fair, [gw.count()], epsilon=0.7)
    assert again.release_id == made.release_id and not again.charged
    assert again.to_arrow().equals(made.to_arrow())
    assert fair.spent() == after


def _guests_spent(fair: Fair) -> dict[str, str]:
    budgets = fair.gateway.budget("fair_guests", "guests", purpose="academic-research")
    return {budget.account: budget.spent_rho for budget in budgets}


def test_the_release_says_what_it_joined(fair: Fair) -> None:
    made = release(fair, [gw.count_units()], epsilon=0.6)
    assert made.verify(fair.gateway.signing_keys())
    says = {one.kind: one for one in made.coverage}
    assert "fair_guests" in says["not_joined"].text
    assert says["without_consent"].field == "fair_guests.mailing"
    limits = [one.text for one in made.coverage if one.kind == "rows_beyond_limit"]
    assert any("at most 4 rows of fair_visits" in text for text in limits)
    assert any("at most 1 row of fair_guests" in text for text in limits)
    assert "The fair: guests" in made.citation
    assert made.receipt.joined == "fair_guests/guests" and made.receipt.joined_grant == "g-fair-guests"
    message = type(made.message)()
    message.CopyFrom(made.message)
    message.plan.join.disclosure = "apart"
    with pytest.raises(gw.CertificateMismatch, match=r"query\.join"):
        gw.Release(message, made.receipt, charged=False).verify(fair.gateway.signing_keys())


def test_with_and_without_a_join_are_two_releases(fair: Fair) -> None:
    assert release(fair, [gw.count_units()]).release_id != release(fair, [gw.count_units()], None).release_id


def test_a_join_is_estimated_and_rehearsed(fair: Fair) -> None:
    spent = fair.spent()
    asked: dict[str, Any] = {"group_by": ["fair_guests.trade"], "join": GUESTS, "epsilon": 0.5, **ASK}
    estimate = fair.gateway.estimate("fair_visits", "visits", [gw.count()], **asked)
    assert estimate.affordable and not estimate.already_released
    assert any(one.arguments.get("join") == GUESTS for one in estimate.alternatives)
    rehearsed = fair.gateway.rehearse("fair_visits", "visits", [gw.count()], **asked)
    assert column(rehearsed.to_arrow(), "fair_guests.trade") == list(TRADES)
    assert sum(column(rehearsed.to_arrow(), "count")) > 1000
    assert fair.spent() == spent


@dataclass(frozen=True)
class Wrong:
    """A plan whose join is refused: the reason, the place that is named, and whether there is a plan that is near."""

    reason: str
    join: tuple[str, str] | None
    place: str = "plan.join"
    disclosure: str = "visits"
    near: bool = True
    more: dict[str, Any] = field(default_factory=dict)


UNDECLARED = "STATISTIC_NOT_DECLARED"
JOINS: dict[str, Wrong] = {
    "itself": Wrong(UNDECLARED, ("fair_visits", "visits")),
    "itself under another disclosure": Wrong(UNDECLARED, ("fair_visits", "once")),
    "rows that multiply": Wrong(UNDECLARED, ("fair_guests", "stays")),
    "a disclosure that is not for joins": Wrong(UNDECLARED, ("fair_guests", "apart")),
    "of one that is not for joins": Wrong(UNDECLARED, GUESTS, disclosure="once"),
    "another privacy unit": Wrong(UNDECLARED, ("transport_trips", "rides-by-line")),
    "what was not granted": Wrong("DISCLOSURE_NOT_GRANTED", ("fair_guests", "secret")),
    "what is not there": Wrong("DISCLOSURE_NOT_GRANTED", ("fair_ghosts", "guests")),
    "a key of the other that is not declared": Wrong(
        UNDECLARED, GUESTS, "plan.group_by[0]", more={"group_by": ["fair_guests.mailing"]}
    ),
    "a key of the other without a join": Wrong(
        UNDECLARED, None, "plan.group_by[0]", more={"group_by": ["fair_guests.trade"]}
    ),
    "a filter of the other that is not declared": Wrong(
        "FILTER_NOT_ALLOWED",
        GUESTS,
        "plan.filters[0].field",
        near=False,
        more={"filters": [("fair_guests.age", ">", 3)]},
    ),
    "a price beyond the other's": Wrong("EPSILON_OUT_OF_RANGE", GUESTS, "epsilon", more={"epsilon": 2.5}),
    "found keys": Wrong(
        UNDECLARED,
        GUESTS,
        "plan.group_by[0]",
        more={"group_by": [gw.by_found_keys("badge")]},
    ),
}


@pytest.mark.parametrize("wrong", JOINS.values(), ids=list(JOINS))
def test_what_is_not_joined(fair: Fair, wrong: Wrong) -> None:
    spent = fair.spent(), _guests_spent(fair)
    arguments = ASK | {"epsilon": 0.5, "join": wrong.join} | wrong.more
    with pytest.raises(gw.GatewayError) as caught:
        fair.gateway.release("fair_visits", wrong.disclosure, [gw.count()], **arguments)
    assert caught.value.reason == wrong.reason
    assert wrong.place in [field for field, _ in caught.value.violations]
    assert (fair.spent(), _guests_spent(fair)) == spent
    near = caught.value.nearest_plan
    assert (near is not None) == wrong.near
    if near is not None:
        # what is proposed is answered; estimated, so that the test spends nothing
        assert fair.gateway.estimate(**near.arguments, **ASK).affordable


def test_conditions_on_what_is_not_joined_have_no_near_plan(fair: Fair) -> None:
    with pytest.raises(gw.GatewayError) as caught:
        release(fair, [gw.count()], ("fair_guests", "secret"), filters=[("fair_guests.trade", "==", "buyer")])
    assert caught.value.nearest_plan is None
