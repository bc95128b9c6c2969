"""What is told before anything is spent, through TLS: margins that answers then have, and plans that then pass."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair

ASK: dict[str, Any] = {"purpose": "academic-research"}
WHAT = ("fair_visits", "visits")
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
DAYS, MONTHS = (gw.by_period("came_at", period, FIRST, LAST) for period in ("day", "month"))


def named(told: gw.Estimate, change: str) -> list[gw.Alternative]:
    return [one for one in told.alternatives if one.change == change]


def test_the_margins_told_are_those_of_the_answers(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": ["gate"], "rho": 0.4, **ASK}
    statistics = [gw.count(), gw.weighed(gw.sum_of("rating"), 2), gw.mean_of("rating"), gw.quantiles_of("amount", 0, 1)]
    told = fair.gateway.estimate(*WHAT, statistics, **plan)
    release = fair.gateway.release(*WHAT, statistics, **plan).message
    assert [one.name for one in told.answers] == [column.name for column in release.columns]
    kinds = [(one.kind, one.field, one.text) for one in told.coverage]
    assert ("rows_beyond_limit", "", "In each of its cells a visitor counts for as much as 2 rows at most.") in kinds
    assert [one.text for one in told.coverage] == [one.text for one in release.coverage]
    assert [one.unit for one in told.answers] == ["rows", "rating", "rating", "amount", "amount"]
    for at, one in enumerate(told.answers[:2]):
        assert one.levels[0].cells == len(release.cells)
        shown = [cell.estimates[at].margin_95 for cell in release.cells]
        assert shown == pytest.approx([one.levels[0].margin_95] * 4)
    # a third of the visits came by each gate but one: nearest to the size of a thousand
    about = {size.values: size.margin_95 for size in told.answers[2].sizes}
    assert all(about[10_000] < cell.estimates[2].margin_95 < about[100] for cell in release.cells[:3])
    assert (told.bounding.max_groups, told.bounding.cells, told.bounding.max_rows) == (4, 4, 2)
    assert told.bounding.least_share_of_cells == 1
    assert fair.gateway.estimate(*WHAT, [gw.count()], rho=0.1, group_by=["gate", DAYS], **ASK).bounding == type(
        told.bounding
    )(max_groups=5, cells=360, max_rows=2, least_share_of_cells=5 / 360)


def test_a_tree_tells_each_level_and_what_is_left_where_it_adds_up(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": [gw.down_to("community", "street")], "rho": 0.3, **ASK}
    (told,) = fair.gateway.estimate(*WHAT, [gw.count()], **plan).answers
    release = fair.gateway.release(*WHAT, [gw.count()], shown=gw.Shown(consistent=True), **plan).message
    depths = [cell.keys[0].string_value.count("/") for cell in release.cells]
    for depth, level in enumerate(told.levels):
        left = [cell.estimates[0].margin_95 for cell, at in zip(release.cells, depths, strict=True) if at == depth]
        assert (level.level, level.cells) == (depth + 1, len(left))
        assert level.consistent_95 == pytest.approx(max(left)) and level.consistent_95 < level.margin_95


def test_every_alternative_can_be_asked_as_it_is_and_costs_what_it_says(fair: Fair) -> None:
    statistics = [gw.count(), gw.sum_of("amount")]
    by: list[Any] = ["gate", gw.by_bins("amount", 100)]
    plan: dict[str, Any] = {"group_by": by, "filters": [("gate", "in", ["south"])], "epsilon": 0.6, **ASK}
    told = fair.gateway.estimate(*WHAT, statistics, **plan)
    assert [one.change for one in told.alternatives] == [
        "currency", "margin", "coarser", "statistic", "statistic", "grouping", "grouping",
    ]  # fmt: skip
    base = Fraction(told.privacy_loss.rho)
    for one in told.alternatives:
        assert one.affordable and not one.already_released and one.lost
        again = fair.gateway.estimate(**one.arguments, **ASK)
        assert again.privacy_loss == one.privacy_loss and list(again.answers) == list(one.answers)
        assert Fraction(one.privacy_loss.rho) <= base and list(one.plan.filters)
    dearest, cheapest = told.alternatives[0], told.alternatives[-2]
    assert Fraction(dearest.privacy_loss.rho) > base * Fraction(999_999, 1_000_000)
    assert all(
        new.levels[0].margin_95 < old.levels[0].margin_95
        for new, old in zip(dearest.answers, told.answers, strict=True)
    )
    before = fair.spent()
    release = fair.gateway.release(**cheapest.arguments, **ASK)
    assert release.charged and release.message.privacy_loss == cheapest.privacy_loss
    assert all(
        Fraction(after) - Fraction(before[account]) == Fraction(cheapest.privacy_loss.rho)
        for account, after in fair.spent().items()
    )
    # now that it is there, it is free, and said to be
    (now,) = [
        one
        for one in fair.gateway.estimate(*WHAT, statistics, **plan).alternatives
        if one.arguments == cheapest.arguments
    ]
    assert now.already_released and now.privacy_loss.rho == "0/1"


def test_a_finer_release_that_is_there_answers_for_nothing(fair: Fair) -> None:
    price: dict[str, Any] = {"rho": 0.0123, **ASK}
    assert not named(fair.gateway.estimate(*WHAT, [gw.count()], group_by=[MONTHS], **price), "released")
    fine = fair.gateway.release(*WHAT, [gw.count()], group_by=[DAYS], **price)
    told = fair.gateway.estimate(*WHAT, [gw.count()], group_by=[MONTHS], **price)
    (one,) = named(told, "released")
    assert told.alternatives[0] == one and one.already_released and one.privacy_loss.rho == "0/1"
    assert one.answers[0].levels[0].cells == 3
    # the total of thirty-one noises
    own = fine.message.measures[0].margin_95
    assert one.answers[0].levels[0].margin_95 == pytest.approx(own * 31**0.5, rel=0.05)
    again = fair.gateway.release(**one.arguments, **ASK)
    assert not again.charged and again.release_id == fine.release_id
    # counts of visitors are no sums of those of the days
    assert not named(fair.gateway.estimate(*WHAT, [gw.count_units()], group_by=[MONTHS], **price), "released")


def test_each_statistic_has_the_margin_wanted_of_it_and_weights_make_it_cheaper(fair: Fair) -> None:
    statistics = [gw.count(), gw.sum_of("rating"), gw.mean_of("rating")]
    plan: dict[str, Any] = {"group_by": ["gate"], **ASK}
    margins: list[Any] = [25, 400.5, gw.within(0.5, values=1000)]
    told = fair.gateway.estimate(*WHAT, statistics, margins_in_rho=margins, **plan)
    assert told.rho is not None and told.epsilon is None
    count, total, mean = told.answers
    # in the field's own units, and not in the hundredths that it counts in
    assert count.levels[0].margin_95 <= 25 and total.levels[0].margin_95 <= 400.5
    assert {size.values: size.margin_95 for size in mean.sizes}[1000] <= 0.5
    (fitted,) = named(told, "weights")
    assert fitted.rho is not None and fitted.rho < told.rho
    again = fair.gateway.estimate(**fitted.arguments, **ASK)
    assert again.answers[0].levels[0].margin_95 <= 25 and again.answers[1].levels[0].margin_95 <= 400.5
    assert {size.values: size.margin_95 for size in again.answers[2].sizes}[1000] <= 0.5
    # what is not wanted does not raise the price
    alone = fair.gateway.estimate(*WHAT, statistics, margins_in_rho=[25, None, None], **plan)
    assert alone.rho is not None and alone.rho <= told.rho and alone.answers[0].levels[0].margin_95 <= 25
    simple = fair.gateway.estimate(*WHAT, [gw.sum_of("rating")], margin_in_rho=400.5, **plan)
    assert simple.answers[0].levels[0].margin_95 <= 400.5 < 2 * simple.answers[0].levels[0].margin_95


@pytest.mark.parametrize(
    "margins", [[], [1.0], [0.0, None], [1.0, -1.0], [1.0, float("nan")], [1.0, float("inf")]], ids=str
)
def test_wanted_margins_are_one_for_each_statistic(fair: Fair, margins: list[float | None]) -> None:
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.estimate(*WHAT, [gw.count(), gw.sum_of("rating")], margins=margins, **ASK)
    assert raised.value.reason == "REQUEST_INVALID"


def test_a_margin_out_of_reach_names_what_can_be_had(fair: Fair) -> None:
    once = ("fair_visits", "once")
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.estimate(*once, [gw.count()], margin=1.0, group_by=["gate"], **ASK)
    near = raised.value.nearest_plan
    assert near is not None and near.epsilon == 1.0 and "this would be answered: count by gate" in str(raised.value)
    assert fair.gateway.estimate(**near.arguments, **ASK).affordable
    # with weights that fit, both margins are in reach
    two = [gw.weighed(gw.count(), 1000), gw.sum_of("amount")]
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.estimate(*once, two, margins=[2000, 5000], group_by=["gate"], **ASK)
    near = raised.value.nearest_plan
    assert near is not None
    told = fair.gateway.estimate(**near.arguments, **ASK)
    assert told.answers[0].levels[0].margin_95 <= 2000 and told.answers[1].levels[0].margin_95 <= 5000


def test_margins_are_priced_where_the_least_price_is_too_small_for_the_bounds(fair: Fair) -> None:
    many = [gw.weighed(gw.sum_of("takings"), 1), *[gw.weighed(gw.count(), 1000)] * 15]
    told = fair.gateway.estimate("fair_visits", "takings", many, margin_in_rho=1e12, group_by=["gate"], **ASK)
    assert told.answers[0].levels[0].margin_95 <= 1e12
    with pytest.raises(gw.InvalidRequest) as refused:
        fair.gateway.estimate("fair_visits", "takings", many, margin=5.0, group_by=["gate"], **ASK)
    assert refused.value.reason == "MARGIN_OUT_OF_REACH"


def test_what_stands_at_the_end_of_the_calendar_or_is_as_wide_as_can_be_is_priced(fair: Fair) -> None:
    weeks = gw.by_period("came_at", "week", date(9999, 12, 1), date(9999, 12, 31))
    assert fair.gateway.estimate(*WHAT, [gw.count()], epsilon=1.0, group_by=[weeks], **ASK).cells == 5
    assert fair.gateway.estimate(*WHAT, [gw.sum_of("rating"), gw.mean_of("rating")], margin=1e308, **ASK).epsilon
