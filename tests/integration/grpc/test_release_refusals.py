"""What no release answers, through TLS: a typed refusal names the place in the plan, and nothing is charged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

import gateway.client as gw
from gateway.api.v1 import release_pb2
from tests.integration.grpc.conftest import Fair

ASK: dict[str, Any] = {"purpose": "academic-research"}
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)

AS_MEASURED = gw.Shown()


@dataclass(frozen=True)
class Wrong:
    """A plan with one thing wrong: the reason, and the place that the refusal names ("" for what no plan says)."""

    reason: str
    place: str
    statistics: tuple[Any, ...] = (gw.count(),)
    group_by: tuple[Any, ...] = ()
    filters: tuple[Any, ...] = ()
    region: str = ""
    disclosure: str = "visits"
    price: dict[str, float] = field(default_factory=lambda: {"epsilon": 0.5})
    shown: gw.Shown = AS_MEASURED


def raw_periods(first: str, last: str) -> release_pb2.Grouping:
    """Periods whose days the client would not write."""
    periods = release_pb2.Periods(period=release_pb2.PERIOD_DAY, first_day=first, last_day=last)
    return release_pb2.Grouping(field="came_at", periods=periods)


def cut(by: Any, reason: str = "STATISTIC_NOT_DECLARED", part: str = "", region: str = "") -> Wrong:
    """A plan whose one grouping is wrong."""
    return Wrong(reason, f"plan.group_by[0]{part}", group_by=(by,), region=region)


UNDECLARED, INVALID, RANGE = "STATISTIC_NOT_DECLARED", "REQUEST_INVALID", "EPSILON_OUT_OF_RANGE"
MENDED = {UNDECLARED, RANGE, "MARGIN_OUT_OF_REACH"}
"""The refusals that name a plan which would be answered."""

WELL = Wrong("", "")
days = gw.by_period("came_at", "day", FIRST, LAST)

PLANS: dict[str, Wrong] = {
    # fields
    "a grouping that is not declared": Wrong(UNDECLARED, "plan.group_by[1]", group_by=("gate", gw.by_bins("age", 10))),
    "a grouping by the visitor": cut("visitor"),
    "a field that is not there": cut("gates"),
    "the same field twice": Wrong(UNDECLARED, "plan.group_by[1]", group_by=("gate", "gate")),
    "a field without keys by its keys": cut("came_at"),
    "a sum that is not declared": Wrong(UNDECLARED, "plan.statistics[1]", (gw.count(), gw.sum_of("age"))),
    "a mean that is not declared": Wrong(UNDECLARED, "plan.statistics[0]", (gw.mean_of("age"),)),
    "a variance of a text": Wrong(UNDECLARED, "plan.statistics[0]", (gw.variance_of("gate"),)),
    "quantiles of a moment": Wrong(UNDECLARED, "plan.statistics[0]", (gw.quantiles_of("came_at"),)),
    "a sum of another disclosure": Wrong(
        UNDECLARED, "plan.statistics[0]", (gw.sum_of("rating"),), disclosure="once"
    ),
    "a filter that is not declared": Wrong(
        "FILTER_NOT_ALLOWED", "plan.filters[0].field", filters=(("amount", ">", 3),)
    ),
    "no statistic": Wrong(INVALID, "plan.statistics", ()),
    # regions
    "a level above the region": cut(gw.by_level("community", "city"), region="hangzhou/xihu"),
    "a level of a field without regions": cut(gw.by_level("gate", "street")),
    # periods
    "a day that is none": cut(raw_periods("2026-02-29", "2026-03-01"), INVALID, ".periods.first_day"),
    "a last day that is none": cut(raw_periods("2026-02-01", "2026-13-01"), INVALID, ".periods.last_day"),
    "a day in words": cut(raw_periods("today", "2026-03-01"), INVALID, ".periods.first_day"),
    "days that are reversed": cut(raw_periods("2026-02-02", "2026-02-01")),
    "hours of a date": cut(gw.by_period("booked_on", "hour", FIRST, FIRST)),
    "days of a text": cut(gw.by_period("gate", "day", FIRST, LAST)),
    # how many
    "too many hours": cut(gw.by_period("came_at", "hour", FIRST, date(2033, 1, 1))),
    "all days of the calendar": cut(gw.by_period("came_at", "day", date.min, date.max)),
    "too many cells of two groupings": Wrong(
        UNDECLARED, "plan.group_by[1]", group_by=(gw.by_bins("amount", 1), days)
    ),
    "too many bins of quantiles": Wrong(
        UNDECLARED, "plan.group_by", (gw.quantiles_of("amount"),), ("gate", gw.by_bins("rating", 5.0), days)
    ),
    "too many answers": Wrong(
        UNDECLARED, "plan.group_by", (gw.quantiles_of("amount", *(n / 40 for n in range(32))),) * 9, (days, "gate")
    ),
    # bins
    **{
        f"bins of width {width}": cut(gw.by_bins("amount", width), INVALID, ".bins.width")
        for width in (0.0, -1.0, math.nan, math.inf, 5e-324, 0.0000001)
    },
    "bins narrower than the step of integers": cut(gw.by_bins("amount", 0.5)),
    "bins narrower than the step of decimals": cut(gw.by_bins("rating", 0.001)),
    "bins between the steps": cut(gw.by_bins("amount", 2.5)),
    "bins of a text": cut(gw.by_bins("gate", 1)),
    # statistics
    **{
        f"a rank of {rank}": Wrong(
            INVALID, "plan.statistics[0].quantiles.ranks", (gw.quantiles_of("amount", 0.5, rank),)
        )
        for rank in (-0.1, 1.1, math.nan, math.inf, 0.00001, 5e-324)
    },
    "too many ranks": Wrong(
        INVALID, "plan.statistics[0].quantiles.ranks", (gw.quantiles_of("amount", *(n / 100 for n in range(33))),)
    ),
    "too large a weight": Wrong(INVALID, "plan.statistics[0].weight", (gw.weighed(gw.count(), 1001),)),
    "too many statistics": Wrong(INVALID, "plan.statistics", (gw.count(),) * 17),
}  # fmt: skip

SHOWN: dict[str, Wrong] = {
    "the top by a mean": Wrong(
        INVALID, "presentation.top", (gw.mean_of("amount"), gw.count()), ("gate",), shown=gw.Shown(top=2)
    ),
    "the top by a quantile": Wrong(
        INVALID, "presentation.top", (gw.quantiles_of("amount"),), ("gate",), shown=gw.Shown(top=1)
    ),
    "rounding too coarse": Wrong(INVALID, "presentation.round_to", shown=gw.Shown(round_to=1_000_001)),
}

AMOUNTS: dict[str, float] = {
    "0": 0.0,
    "minus 0": -0.0,
    "negative": -0.5,
    "NaN": math.nan,
    "infinite": math.inf,
    "minus infinite": -math.inf,
    "denormal": 5e-324,
    "the largest double": 1.7976931348623157e308,
}
PRICES: dict[str, Wrong] = {
    **{
        f"{currency} {name}": Wrong(RANGE, currency, price={currency: amount})
        for currency in ("epsilon", "rho")
        for name, amount in AMOUNTS.items()
    },
    "epsilon of seven decimals": Wrong(RANGE, "epsilon", price={"epsilon": 0.1234567}),
    "rho of thirteen decimals": Wrong(RANGE, "rho", price={"rho": 0.0123456789012}),
    "epsilon above the cap": Wrong(RANGE, "epsilon", price={"epsilon": 10.000001}),
    "rho above that of the cap": Wrong(RANGE, "rho", price={"rho": 50.000001}),
    "epsilon below all use": Wrong(RANGE, "epsilon", price={"epsilon": 0.000099}),
    "rho below all use": Wrong(RANGE, "rho", price={"rho": 0.000000004999}),
    "epsilon above the cap of another disclosure": Wrong(
        RANGE, "epsilon", disclosure="once", price={"epsilon": 1.000001}
    ),
}


def refused(call: Callable[..., Any], wrong: Wrong, **more: Any) -> gw.GatewayError:
    with pytest.raises(gw.InvalidRequest) as raised:
        call(
            "fair_visits", wrong.disclosure, wrong.statistics, group_by=wrong.group_by, filters=wrong.filters,
            region=wrong.region, **more, **ASK,
        )  # fmt: skip
    return raised.value


def check(error: gw.GatewayError, wrong: Wrong, fair: Fair) -> None:
    assert error.reason == wrong.reason
    assert [where for where, _ in error.violations] == [wrong.place], error.violations
    assert all(rule for _, rule in error.violations)
    near = error.nearest_plan
    assert (near is not None) == (wrong.reason in MENDED)
    if near is not None:
        # what is named would be answered, with the filters and the region as they were asked
        assert not near.plan.filters
        fair.gateway.estimate(**near.arguments, filters=wrong.filters, region=wrong.region, **ASK)


@pytest.mark.parametrize("name", [*PLANS, *SHOWN, *PRICES])
def test_it_is_refused_where_it_is_wrong_and_charges_nothing(fair: Fair, name: str) -> None:
    wrong = {**PLANS, **SHOWN, **PRICES}[name]
    before = fair.spent(wrong.disclosure)
    check(refused(fair.gateway.release, wrong, shown=wrong.shown, **wrong.price), wrong, fair)
    if name not in SHOWN:
        check(refused(fair.gateway.estimate, wrong, **wrong.price), wrong, fair)
    assert fair.spent(wrong.disclosure) == before
    assert before["lifetime/visitor"] is not None


@pytest.mark.parametrize("name", PLANS)
def test_a_margin_is_not_told_for_it_either(fair: Fair, name: str) -> None:
    check(refused(fair.gateway.estimate, PLANS[name], margin_in_rho=100.0), PLANS[name], fair)


@pytest.mark.parametrize("target", ["margin", "margin_in_rho"])
@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf], ids=str)
def test_a_margin_is_a_finite_number_above_zero(fair: Fair, target: str, margin: float) -> None:
    place = {"margin": "margin_95", "margin_in_rho": "margin_95_rho"}[target]
    check(refused(fair.gateway.estimate, WELL, **{target: margin}), replace(WELL, reason=INVALID, place=place), fair)


def test_a_margin_that_costs_more_than_one_release_may_is_out_of_reach(fair: Fair) -> None:
    wrong = Wrong("MARGIN_OUT_OF_REACH", "margin_95", group_by=("gate",), disclosure="once")
    check(refused(fair.gateway.estimate, wrong, margin=1.0), wrong, fair)


def test_the_nearest_plan_keeps_what_is_well_and_mends_the_rest(fair: Fair) -> None:
    def near(wrong: Wrong) -> str:
        return str(refused(fair.gateway.release, wrong, **wrong.price).nearest_plan)

    statistics = (gw.count(), gw.sum_of("age"), gw.weighed(gw.mean_of("rating"), 3))
    wrong = Wrong(UNDECLARED, "", statistics, ("gate", gw.by_bins("age", 10), gw.by_bins("amount", 2.5)))
    assert near(wrong) == "count, mean(rating) at weight 3 by gate, amount by bins of 3, epsilon = 0.5"
    hours = cut(gw.by_period("came_at", "hour", FIRST, date(2033, 1, 1)))
    assert near(hours) == "count by came_at by day from 2026-01-01 to 2033-01-01, epsilon = 0.5"
    reversed_ = cut(gw.by_period("came_at", "day", LAST, FIRST))
    assert near(reversed_) == "count by came_at by day from 2026-01-01 to 2026-03-31, epsilon = 0.5"
    tree = Wrong(UNDECLARED, "", (gw.count(), gw.quantiles_of("amount")), (gw.down_to("community", "street"),))
    assert near(tree) == "count, quantiles(amount) by community by street, epsilon = 0.5"
    assert near(replace(WELL, price={"rho": 0.0123456789019})) == "count, rho = 0.012345678901"
    assert near(replace(WELL, price={"epsilon": math.inf})) == "count, epsilon = 10.0"
    assert near(replace(WELL, price={"rho": -1.0})) == "count, rho = 5e-09"
    # no value that is filtered by is in a refusal
    filtered = Wrong(UNDECLARED, "plan.statistics[0]", (gw.sum_of("age"),), filters=(("gate", "in", ["south"]),))
    check(refused(fair.gateway.release, filtered, **filtered.price), filtered, fair)


def test_a_wrong_value_is_in_no_message(fair: Fair) -> None:
    wrong = replace(PLANS["a day in words"], group_by=(raw_periods("2026-88-88", "2026-99-99"),))
    error = refused(fair.gateway.release, wrong, epsilon=0.5)
    assert "88" not in f"{error} {error.details!r}"


def test_what_is_well_is_not_refused(fair: Fair) -> None:
    """The plans above are wrong in one thing each: without it they cost what they say."""
    release = fair.gateway.release(
        "fair_visits", "visits", [gw.count(), gw.quantiles_of("amount", 0, 1)],
        group_by=["gate", gw.by_level("community", "city"), gw.by_bins("amount", 500)],
        filters=[("gate", "in", ["south", "east"])], epsilon=0.0001, shown=gw.Shown(top=2, round_to=1_000_000), **ASK,
    )  # fmt: skip
    assert release.charged and len(release.message.cells) == 2
