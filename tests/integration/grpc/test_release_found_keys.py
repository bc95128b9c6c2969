"""Keys that nobody declared, through TLS: many people's are shown, one person's never are."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import column, contributions, within

ASK: dict[str, Any] = {"purpose": "academic-research"}
DELTA = Fraction(1, 10**9)
BADGES = (gw.by_found_keys("badge"),)


def release(fair: Fair, statistics: list[Any], *group_by: Any, **price: Any) -> gw.Release:
    return fair.gateway.release("fair_visits", "visits", statistics, group_by=group_by or BADGES, **(ASK | price))


@pytest.mark.parametrize("price", [{"epsilon": 1.5}, {"rho": 0.3}], ids=["epsilon", "rho"])
def test_what_many_have_is_found_and_what_one_has_is_not(fair: Fair, price: dict[str, Any]) -> None:
    spent, delta = fair.spent(), fair.spent_delta()
    made = release(fair, [gw.count_units(), gw.sum_of("amount"), gw.mean_of("amount")], **price)
    table = made.to_arrow()
    # a band of three is far below the threshold, and badges of one visitor each are not there
    assert column(table, "badge") == ["crew", "press", "staff"]
    visitors = contributions(within(fair.rows), [lambda row: row["badge"]])
    assert sum(len(held) == 1 for held in visitors.values()) >= 25
    least = int(made.message.threshold.least_units)
    for badge, units, margin in zip(
        *(column(table, name) for name in ("badge", "count_units", "count_units ±95%")), strict=True
    ):
        assert least <= units and abs(units - len(visitors[(badge,)])) <= 6 * margin
    columns = {one.name: list(one.post_processing) for one in made.message.columns}
    assert any("threshold" in step for step in columns["count_units"]) and columns["sum(amount)"] == []
    # charged with its delta, under every budget
    assert Fraction(made.message.threshold.delta) == DELTA
    assert Fraction(made.message.privacy_loss.spent_delta) == DELTA
    assert all(after == delta[name] + DELTA for name, after in fair.spent_delta().items())
    assert fair.spent() != spent


def test_found_and_declared_keys_go_together(fair: Fair) -> None:
    made = release(fair, [gw.weighed(gw.count_units(), 3), gw.count()], *BADGES, "gate", epsilon=4.0)
    table = made.to_arrow()
    cells = set(zip(column(table, "badge"), column(table, "gate"), strict=True))
    assert {badge for badge, _ in cells} == {"crew", "press", "staff"}
    # nobody comes by the roof, and what nobody is in is not found
    assert {gate for _, gate in cells} == {"south", "north", "east"}


def test_the_same_question_has_the_same_answer_and_costs_once(fair: Fair) -> None:
    first = release(fair, [gw.count_units()], epsilon=0.7)
    spent, delta = fair.spent(), fair.spent_delta()
    again = release(fair, [gw.count_units()], epsilon=0.7)
    assert first.charged and not again.charged
    assert again.message == first.message
    assert first.verify(fair.gateway.signing_keys()) == ("count_units",)
    first.message.threshold.least_units = "1"
    with pytest.raises(gw.CertificateMismatch, match="threshold differs"):
        first.verify(fair.gateway.signing_keys())
    assert (fair.spent(), fair.spent_delta()) == (spent, delta)


def test_an_estimate_names_the_threshold_that_the_release_has(fair: Fair) -> None:
    asked: dict[str, Any] = {"group_by": BADGES, **ASK}
    estimate = fair.gateway.estimate("fair_visits", "visits", [gw.count_units()], epsilon=0.9, **asked)
    made = release(fair, [gw.count_units()], epsilon=0.9)
    assert estimate.threshold == made.message.threshold
    assert estimate.cells == 0
    assert Fraction(estimate.privacy_loss.spent_delta) == DELTA


@pytest.mark.parametrize(
    ("statistics", "group_by", "shown", "place"),
    [
        pytest.param([gw.count()], BADGES, gw.Shown(), "plan.statistics", id="no number of units"),
        pytest.param(
            [gw.count_units(), gw.quantiles_of("amount")], BADGES, gw.Shown(), "plan.statistics[1]", id="quantiles"
        ),
        pytest.param(
            [gw.count_units()], [gw.by_found_keys("gate")], gw.Shown(), "plan.group_by[0]", id="not to be found"
        ),
        pytest.param(
            [gw.count_units()], [gw.by_found_keys("visitor")], gw.Shown(), "plan.group_by[0]", id="the visitors"
        ),
        pytest.param(
            [gw.count_units()],
            [*BADGES, gw.down_to("community", "district")],
            gw.Shown(),
            "plan.group_by",
            id="a tree of regions",
        ),
        pytest.param([gw.count_units()], BADGES, gw.Shown(top=1), "presentation.top", id="a top"),
    ],
)
def test_what_does_not_go_with_them_is_refused_and_free(
    fair: Fair, statistics: list[Any], group_by: Sequence[Any], shown: gw.Shown, place: str
) -> None:
    spent = fair.spent(), fair.spent_delta()
    with pytest.raises(gw.InvalidRequest) as refused:
        fair.gateway.release("fair_visits", "visits", statistics, group_by=group_by, epsilon=1.0, shown=shown, **ASK)
    assert place in [where for where, _ in refused.value.violations]
    assert (fair.spent(), fair.spent_delta()) == spent


def test_a_dataset_says_what_may_be_found(fair: Fair) -> None:
    offers = fair.gateway.datasets(purpose="academic-research")
    offer = next(one for one in offers if (one.dataset, one.disclosure) == ("fair_visits", "visits"))
    found = {field.field for field in offer.group_by_fields if field.found_keys}
    assert found == {"badge", "booked_on"}
    assert offer.found_keys_delta == float(DELTA)
