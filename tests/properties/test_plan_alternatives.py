"""Whatever is proposed instead of a plan passes; and an alternative costs less, or is nearer to the truth."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.alternatives import alternatives, answered_by
from gateway.decision.judge import judge
from gateway.decision.wanted import price_margin
from gateway.model.alternative import Change
from gateway.model.errors import ErrorReason
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Period
from gateway.model.margins import Wanted
from gateway.model.measure import Currency, Price
from gateway.model.party import Identity
from gateway.model.permit import NearestPlan, Permit, Refusal
from gateway.model.plan import SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.request import MarginRequest, ReleaseRequest
from gateway.model.statistics import ADDITIVE, Statistic, StatisticKind, StatisticsQuery
from gateway.policy.snapshot import PolicySnapshot, load
from gateway.privacy.margins import answer_margins
from tests.integration.grpc.visits import write_fair
from tests.unit.policy.requests import context

POLICIES = Path(__file__).parents[2] / "policies"
NOW = datetime(2026, 11, 22, 3, 0)
WHO = Identity("zju-research", "li.wei", NOW + timedelta(days=900))


@cache
def policy() -> PolicySnapshot:
    with tempfile.TemporaryDirectory() as folder:
        policies, data = Path(folder) / "policies", Path(folder) / "data"
        shutil.copytree(POLICIES, policies)
        data.mkdir()
        write_fair(policies, data)
        return load(policies)


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
FIELDS = [
    "gate",
    "community",
    "next_stop",
    "came_at",
    "booked_on",
    "amount",
    "rating",
    "age",
    "badge",
    "visitor",
    "none",
]
WIDTHS = [Fraction(1, 2), Fraction(5, 2), Fraction(1), Fraction(7), Fraction(100), Fraction(10**9)]
groupings = st.one_of(
    st.builds(ByKeys, st.sampled_from(FIELDS)),
    st.builds(ByFoundKeys, st.sampled_from(FIELDS)),
    st.builds(ByRegion, st.sampled_from(FIELDS[:4]), st.sampled_from(RegionLevel)),
    st.builds(ByRegionTree, st.sampled_from(FIELDS[:4]), st.sampled_from(RegionLevel)),
    st.builds(ByPeriod, st.sampled_from(FIELDS[3:6]), st.sampled_from(Period), DAYS, DAYS),
    st.builds(ByBins, st.sampled_from(FIELDS[4:8]), st.sampled_from(WIDTHS)),
)
well_grouped = st.one_of(
    st.just(ByKeys("gate")),
    st.just(ByFoundKeys("badge")),
    st.builds(ByRegion, st.just("community"), st.sampled_from(RegionLevel)),
    st.builds(ByRegionTree, st.just("next_stop"), st.sampled_from(RegionLevel)),
    st.builds(
        ByPeriod, st.just("came_at"), st.sampled_from(tuple(Period)[1:]), st.just(date(2026, 1, 1)), DAYS
    ),
    st.builds(ByBins, st.just("amount"), st.sampled_from(WIDTHS[3:])),
)  # fmt: skip
WEIGHTS = st.sampled_from([1, 1, 3, 1000])


def statistics(fields: list[str]) -> st.SearchStrategy[Statistic]:
    counts = st.builds(
        Statistic, st.sampled_from([StatisticKind.COUNT, StatisticKind.COUNT_UNITS]), st.none(), weight=WEIGHTS
    )
    of_fields = st.builds(
        Statistic,
        st.sampled_from([StatisticKind.SUM, StatisticKind.MEAN, StatisticKind.VARIANCE]),
        st.sampled_from(fields),
        weight=WEIGHTS,
    )
    ranks = st.builds(
        Statistic, st.just(StatisticKind.QUANTILES), st.sampled_from(fields), st.just((Fraction(1, 2),)), WEIGHTS
    )
    return st.one_of(counts, counts, of_fields, ranks)


prices = st.one_of(
    st.builds(Price, st.just(Currency.EPSILON), st.integers(1000, 10**6).map(lambda n: Fraction(n, 10**6))),
    st.builds(Price, st.just(Currency.RHO), st.integers(10**6, 4 * 10**11).map(lambda n: Fraction(n, 10**12))),
)
wrong_prices = st.builds(
    Price,
    st.sampled_from(Currency),
    st.sampled_from([Fraction(0), Fraction(-1), Fraction(10**400), Fraction(1, 10**300), Fraction(1, 3), Fraction(51)]),
)
disclosures = st.sampled_from(["visits", "once"])
unlike = st.lists(groupings, max_size=4).map(tuple)
alike = st.lists(well_grouped, max_size=3, unique_by=lambda one: one.field).map(tuple)
any_plans = st.builds(
    StatisticsQuery, st.just(()), unlike, st.lists(statistics(FIELDS[3:]), min_size=1, max_size=4).map(tuple)
)
good_plans = st.builds(
    StatisticsQuery, st.just(()), alike, st.lists(statistics(["amount", "rating"]), min_size=1, max_size=4).map(tuple)
)


def asked(query: StatisticsQuery, price: Price, disclosure: str = "visits") -> ReleaseRequest:
    return ReleaseRequest(context("academic-research"), "fair_visits", disclosure, query, price)


def permitted(request: ReleaseRequest) -> tuple[Permit, SettledRelease] | None:
    outcome = judge(WHO, request, policy(), NOW)
    if isinstance(outcome, Refusal):
        return None
    release = outcome[0].release
    assert release is not None
    return outcome[0], release


def margins_of(settled: SettledRelease) -> list[float]:
    return [plan.margin_95 for plan in settled.noise]


@settings(max_examples=60, deadline=None)
@given(good_plans, prices)
def test_every_alternative_passes_and_is_cheaper_or_narrower(query: StatisticsQuery, price: Price) -> None:
    found = permitted(asked(query, price))
    if found is None:
        return
    permit, base = found
    options = alternatives(permit, policy(), NOW)
    assert any(option.change is Change.MARGIN for option in options) or base.loss.rho < Fraction(1, 10**6)
    for option in options:
        assert isinstance(option.permit.request, ReleaseRequest)
        again = permitted(option.permit.request)
        assert again is not None and again[1] == option.permit.release
        other = again[1]
        assert other.loss.rho <= base.loss.rho
        if other.loss.rho == base.loss.rho or option.change is Change.CURRENCY:
            pairs = list(zip(margins_of(other), margins_of(base), strict=True))
            assert all(new <= old for new, old in pairs) and any(new < old for new, old in pairs), option.change
        assert option.lost and option.margins() == answer_margins(
            other, option.permit.request.query.statistics, option.permit.scope.contract
        )


@settings(max_examples=60, deadline=None)
@given(good_plans, prices)
def test_what_would_hold_the_answers_passes_too(query: StatisticsQuery, price: Price) -> None:
    found = permitted(asked(query, price))
    if found is None:
        return
    for option in answered_by(found[0], policy(), NOW):
        assert isinstance(option.permit.request, ReleaseRequest)
        again = permitted(option.permit.request)
        assert again is not None
        assert [margin.name for margin in option.margins()] == [
            margin.name for margin in answer_margins(found[1], query.statistics, found[0].scope.contract)
        ]


def answered(request: ReleaseRequest, plan: NearestPlan | None) -> None:
    assert plan is not None
    assert (plan.dataset, plan.disclosure) == (request.dataset, request.disclosure)
    assert permitted(replace(request, query=replace(plan.query, filters=()), price=plan.price)) is not None
    if permitted(replace(request, query=plan.query)) is not None:
        assert plan.price == request.price, "a price that would do is not exchanged"


@settings(max_examples=150, deadline=None)
@given(st.one_of(any_plans, good_plans), st.one_of(prices, wrong_prices), disclosures)
def test_every_refused_plan_has_one_that_is_answered(query: StatisticsQuery, price: Price, disclosure: str) -> None:
    request = asked(query, price, disclosure)
    outcome = judge(WHO, request, policy(), NOW)
    if not isinstance(outcome, Refusal):
        return
    assert outcome.reason in (ErrorReason.STATISTIC_NOT_DECLARED, ErrorReason.EPSILON_OUT_OF_RANGE)
    answered(request, outcome.plan)
    assert outcome.plan is not None
    if outcome.reason is ErrorReason.EPSILON_OUT_OF_RANGE:
        assert outcome.plan.query == query, "a price is no reason to ask something else"


wanted = st.one_of(
    st.none(), st.builds(Wanted, st.sampled_from([0.01, 2.0, 75.0, 4000.0]), st.sampled_from([0, 200, 50_000]))
)


@settings(max_examples=40, deadline=None)
@given(good_plans, st.lists(wanted, min_size=4, max_size=4), st.sampled_from(Currency), disclosures)
def test_wanted_margins_are_held_or_a_plan_is_named(
    query: StatisticsQuery, wishes: list[Wanted | None], currency: Currency, disclosure: str
) -> None:
    wishes = wishes[: len(query.statistics)]
    if not any(wishes):
        wishes[0] = Wanted(50.0)
    request = MarginRequest(context("academic-research"), "fair_visits", disclosure, query, tuple(wishes), currency)
    outcome = price_margin(WHO, request, policy(), NOW)
    if isinstance(outcome, Refusal):
        assert outcome.reason in (ErrorReason.STATISTIC_NOT_DECLARED, ErrorReason.MARGIN_OUT_OF_REACH)
        assert outcome.plan is not None
        assert permitted(asked(outcome.plan.query, outcome.plan.price, disclosure)) is not None
        return
    found = permitted(outcome[0])
    assert found is not None
    permit, settled = found
    told = answer_margins(settled, query.statistics, permit.scope.contract)
    for place, wish in enumerate(wishes):
        if wish is not None and query.statistics[place].kind in ADDITIVE:
            decimals = 2 if query.statistics[place].field == "rating" else 0
            (column,) = [one for one in told if one.statistic == place]
            # noise is of whole steps
            assert all(one.margin <= max(wish.margin, 10.0**-decimals) * (1 + 1e-9) for one in column.levels)
