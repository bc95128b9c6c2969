"""Which found keys are shown, and what showing them may lose."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.grouping import ByFoundKeys, ByKeys
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Currency, Measure, MeasureKind, Mechanism, NoisePlan, Price, Threshold
from gateway.model.plan import AsFound, BoundedQuery, SettledRelease
from gateway.model.statistics import NoisedMeasure, Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.binding import GROUPED_TWICE, NO_UNITS, NOT_AMONG_FOUND, NOT_GROUPED, Unbound, bind
from gateway.privacy.pricing import settle
from gateway.privacy.thresholds import shown_places, tail, threshold_for
from tests.unit.privacy.example import CONTRACT, DISCLOSURE, no_places, with_found_keys

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
MEDIAN = Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 2),))
DELTA = Fraction(1, 10**7)
FOUND = with_found_keys(DISCLOSURE, ("sector",), "1e-7")


def units(mechanism: Mechanism, scale: float) -> NoisePlan:
    measure = Measure(MeasureKind.UNITS, 1)
    return NoisePlan(measure, 0, mechanism, scale, 1, 1, "", PrivacyLoss(Fraction(1)), 1.0, "")


def beyond(mechanism: Mechanism, scale: float, at_least: int) -> float:
    """The tail, summed up term by term."""
    masses = IntegerNoise(mechanism, scale).masses()
    return float(masses[len(masses) // 2 + at_least :].sum())


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("scale", [0.3, 1.0, 4.5, 60.0])
def test_a_tail_is_never_below_the_truth(mechanism: Mechanism, scale: float) -> None:
    for at_least in (1, 2, 5, math.ceil(3 * scale), math.ceil(6 * scale)):
        truth, bound = beyond(mechanism, scale, at_least), tail(mechanism, scale, at_least)
        assert bound >= truth * (1 - 1e-9)
        if mechanism is Mechanism.LAPLACE:
            assert bound == pytest.approx(truth, rel=1e-6)


@given(
    st.sampled_from(Mechanism),
    st.floats(0.05, 1e6),
    st.integers(1, 50),
    st.sampled_from([Fraction(1, 10**5), Fraction(1, 10**7), Fraction(1, 10**12)]),
)
def test_a_threshold_keeps_its_delta_and_is_as_low_as_that_allows(
    mechanism: Mechanism, scale: float, groups: int, delta: Fraction
) -> None:
    found = threshold_for(3, units(mechanism, scale), groups, delta)
    assert (found.measure, found.delta) == (3, delta)
    # a cell of one unit's alone is shown where 1 + noise reaches the threshold
    assert groups * tail(mechanism, scale, found.least - 1) <= delta
    lower = found.least - 2 - max(2, math.ceil(scale / 2**19))
    assert lower < 1 or groups * tail(mechanism, scale, lower) > delta


@pytest.mark.parametrize("delta", [Fraction(0), Fraction(1), Fraction(-1)])
def test_a_threshold_needs_a_delta(delta: Fraction) -> None:
    with pytest.raises(ValueError, match="probability"):
        threshold_for(0, units(Mechanism.LAPLACE, 1.0), 1, delta)


def test_those_that_reach_it_are_shown_and_of_too_many_the_largest() -> None:
    noised = [
        NoisedMeasure(units(Mechanism.LAPLACE, 1.0), (900, 901, 902, 903)),
        NoisedMeasure(units(Mechanism.LAPLACE, 1.0), (8, 30, 9, 31)),
    ]
    threshold = Threshold(1, 9, DELTA, "")
    assert shown_places(threshold, noised, 10).tolist() == [1, 2, 3]
    assert shown_places(threshold, noised, 2).tolist() == [1, 3]
    assert shown_places(Threshold(1, 40, DELTA, ""), noised, 2).tolist() == []


def asked(*statistics: Statistic, group_by: tuple[ByFoundKeys | ByKeys, ...] = (ByFoundKeys("sector"),)) -> object:
    return bind(StatisticsQuery((), group_by, statistics), CONTRACT, FOUND, no_places)


def test_found_keys_are_bound_without_reading_any() -> None:
    query = asked(UNITS, COUNT)
    assert isinstance(query, BoundedQuery)
    assert (query.group_by[0].keys, query.group_by[0].by) == ((), AsFound())
    assert query.found and query.cells == 0 and query.max_groups == 2
    assert query.delta == DELTA


@pytest.mark.parametrize(
    ("statistics", "group_by", "place", "rule"),
    [
        ((COUNT,), (ByFoundKeys("sector"),), "plan.statistics", NO_UNITS),
        ((UNITS, MEDIAN), (ByFoundKeys("sector"),), "plan.statistics[1]", NOT_AMONG_FOUND),
        ((UNITS,), (ByFoundKeys("day"),), "plan.group_by[0]", NOT_GROUPED),
        ((UNITS,), (ByFoundKeys("resident_id"),), "plan.group_by[0]", NOT_GROUPED),
        ((UNITS,), (ByKeys("sector"), ByFoundKeys("sector")), "plan.group_by[1]", GROUPED_TWICE),
    ],
)
def test_what_does_not_go_with_found_keys_is_refused(
    statistics: tuple[Statistic, ...], group_by: tuple[ByFoundKeys | ByKeys, ...], place: str, rule: str
) -> None:
    assert asked(*statistics, group_by=group_by) == Unbound(place, rule)


def test_keys_are_found_only_where_the_contract_says_so() -> None:
    query = StatisticsQuery((), (ByFoundKeys("sector"),), (UNITS,))
    assert bind(query, CONTRACT, DISCLOSURE, no_places) == Unbound("plan.group_by[0]", NOT_GROUPED)


def settled(price: Price, *statistics: Statistic) -> SettledRelease:
    query = asked(*statistics)
    assert isinstance(query, BoundedQuery)
    found = settle(query, statistics, price, CONTRACT)
    assert found is not None
    return found


@pytest.mark.parametrize("currency", Currency)
def test_delta_is_part_of_the_loss_and_the_threshold_is_that_of_the_units(currency: Currency) -> None:
    found = settled(Price(currency, Fraction(1, 2)), COUNT, UNITS)
    assert found.loss.delta == DELTA
    assert (found.loss.epsilon is None) is (currency is Currency.RHO)
    assert found.threshold == threshold_for(1, found.noise[1], 2, DELTA)
    assert all("of 0 cells" not in plan.bias_note and "2 cells" in plan.bias_note for plan in found.noise)


def test_more_weight_on_the_units_lowers_the_threshold() -> None:
    even = settled(Price(Currency.EPSILON, Fraction(1, 2)), COUNT, UNITS).threshold
    more = settled(
        Price(Currency.EPSILON, Fraction(1, 2)), COUNT, Statistic(StatisticKind.COUNT_UNITS, None, (), 9)
    ).threshold
    assert even is not None and more is not None and more.least < even.least


def test_declared_keys_cost_no_delta() -> None:
    query = asked(COUNT, group_by=(ByKeys("sector"),))
    assert isinstance(query, BoundedQuery) and not query.found
    found = settle(query, (COUNT,), Price(Currency.EPSILON, Fraction(1, 2)), CONTRACT)
    assert found is not None and found.loss.delta == 0 and found.threshold is None


def test_lonely_keys_are_shown_as_seldom_as_delta_says() -> None:
    """The bound of a tail against noise that is drawn: at a delta that chance can show."""
    groups, delta, lonely = 2, Fraction(1, 100), 200_000
    plan = units(Mechanism.LAPLACE, 3.0)
    least = threshold_for(0, plan, groups, delta).least
    rng = np.random.default_rng(7)
    p = -math.expm1(-1 / 3.0)
    counts = 1 + rng.geometric(p, lonely) - rng.geometric(p, lonely)
    rate = float(np.mean(counts >= least))
    assert 0.5 * float(delta) / groups < rate <= 1.1 * float(delta) / groups
