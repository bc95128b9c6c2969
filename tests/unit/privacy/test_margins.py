"""Margins told beforehand: those of counts and sums hold, those of means are what theory has for such a cell."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest

from gateway.model.grouping import ByKeys, ByRegionTree, Grouping
from gateway.model.margins import AnswerMargin, Wanted
from gateway.model.measure import Currency, Price
from gateway.model.plan import BoundedQuery, SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.statistics import Presentation, Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.binding import bind
from gateway.privacy.margins import answer_margins, margins_at, summed_margin
from gateway.privacy.pricing import settle
from gateway.privacy.targets import least_weights, price_of_shares, share_wanted
from tests.unit.privacy.example import CONTRACT, DISCLOSURE
from tests.unit.privacy.test_presenting import measured, shown

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
SUM = Statistic(StatisticKind.SUM, "amount")
MEAN = Statistic(StatisticKind.MEAN, "amount")
VARIANCE = Statistic(StatisticKind.VARIANCE, "amount")
MEDIAN = Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 4), Fraction(1, 2)))
SECTOR = ByKeys("sector")
RHO = Price(Currency.RHO, Fraction(1, 10))

TREE = replace(
    CONTRACT,
    region_field="place",
    fields={**CONTRACT.fields, "place": replace(CONTRACT.fields["wage"], name="place", regions=True)},
)
PATHS = {
    RegionLevel.CITY: ("hz",),
    RegionLevel.DISTRICT: ("hz/x", "hz/y"),
    RegionLevel.STREET: ("hz/x/1", "hz/x/2", "hz/x/3", "hz/y/4"),
}


def bounded(*statistics: Statistic, group_by: tuple[Grouping, ...] = (SECTOR,)) -> BoundedQuery:
    assert DISCLOSURE.statistics is not None
    spec = replace(DISCLOSURE.statistics, group_by=("sector", "place"))
    query = StatisticsQuery((), group_by, statistics)
    found = bind(query, TREE, replace(DISCLOSURE, statistics=spec), lambda level: PATHS.get(level, ()))
    assert isinstance(found, BoundedQuery)
    return found


def settled(*statistics: Statistic, price: Price = RHO, group_by: tuple[Grouping, ...] = (SECTOR,)) -> SettledRelease:
    found = settle(bounded(*statistics, group_by=group_by), statistics, price, TREE)
    assert found is not None
    return found


def margins(*statistics: Statistic) -> tuple[AnswerMargin, ...]:
    return answer_margins(settled(*statistics), statistics, TREE)


def test_counts_and_sums_have_the_margin_of_their_noise_in_their_own_unit() -> None:
    statistics = (COUNT, UNITS, SUM)
    cents = replace(TREE, fields={**TREE.fields, "amount": replace(TREE.fields["amount"], decimals=2)})
    release = settled(*statistics)
    told = answer_margins(release, statistics, cents)
    assert [(one.name, one.unit, one.sizes) for one in told] == [
        ("count", "rows", ()), ("count_units", "resident", ()), ("sum(amount)", "amount", ()),
    ]  # fmt: skip
    assert [one.levels[0].cells for one in told] == [3, 3, 3]
    noise = [plan.margin_95 for plan in release.noise]
    assert [one.levels[0].margin for one in told] == [noise[0], noise[1], noise[2] / 100]
    assert all(one.levels[0].consistent is None for one in told)


def test_over_a_tree_each_level_has_its_margin_and_what_is_left_of_it() -> None:
    by_tree: tuple[Grouping, ...] = (ByRegionTree("place", RegionLevel.STREET),)
    release = settled(COUNT, group_by=by_tree)
    (told,) = answer_margins(release, (COUNT,), TREE)
    assert [(one.level, one.cells) for one in told.levels] == [("city", 1), ("district", 2), ("street", 4)]
    # as the answers themselves have it, whatever was noised
    (plan,) = release.noise
    paths = [*PATHS[RegionLevel.CITY], *PATHS[RegionLevel.DISTRICT], *PATHS[RegionLevel.STREET]]
    noised = measured(plan.measure, 90, 40, 41, 7, 8, 9, 77, scale=plan.scale)
    answer = shown(
        (COUNT,), replace(noised, plan=plan), group_by=by_tree, cells=tuple((path,) for path in paths),
        presentation=Presentation(consistent=True),
    ).answers[0]  # fmt: skip
    halves = [upper - value for upper, value in zip(answer.upper, answer.values, strict=True)]
    assert [one.consistent for one in told.levels] == pytest.approx([halves[0], max(halves[1:3]), max(halves[3:])])
    assert all(one.consistent is not None and one.consistent < one.margin for one in told.levels)


def test_a_mean_has_the_margin_of_theory_in_cells_of_a_size() -> None:
    (told,) = margins(MEAN)
    offsets = settled(MEAN).noise[1]
    for one in told.sizes:
        if one.values >= 1000:
            # the mean lies in the middle, where the noise of the count moves nothing
            assert one.margin == pytest.approx(1.96 * offsets.scale / one.values, rel=0.05)
    assert told.levels == () and told.unit == "amount"
    assert [one.margin for one in told.sizes] == sorted((one.margin for one in told.sizes), reverse=True)
    # of so few nothing is known: the whole range
    assert told.sizes[0].margin == pytest.approx(125, abs=1)


def test_variances_and_quantiles_narrow_with_the_size_too() -> None:
    told = margins(VARIANCE, MEDIAN)
    assert [(one.name, one.unit) for one in told] == [
        ("variance(amount)", "amount²"), ("quantile(amount; 0.25)", "amount"), ("quantile(amount; 0.5)", "amount"),
    ]  # fmt: skip
    for one in told:
        wide = [size.margin for size in one.sizes]
        # of ten values nothing is known
        assert wide[1:] == sorted(wide[1:], reverse=True) and wide[-1] < wide[0] / 50


@pytest.mark.parametrize("currency", Currency)
@pytest.mark.parametrize(
    ("statistic", "wanted"),
    [
        (COUNT, Wanted(12.5)), (SUM, Wanted(4000)), (UNITS, Wanted(0.2)), (MEAN, Wanted(3, 2000)),
        (VARIANCE, Wanted(500, 5000)), (MEDIAN, Wanted(20, 1000)), (MEAN, Wanted(900)),
    ],
)  # fmt: skip
def test_a_share_holds_the_margin_and_a_third_of_it_does_not(
    statistic: Statistic, wanted: Wanted, currency: Currency
) -> None:
    share = share_wanted(bounded(statistic), 0, statistic, wanted, Price(currency, Fraction(100)), TREE)
    assert share is not None

    def widest(amount: Fraction) -> float:
        noise = settled(statistic, price=Price(currency, amount)).noise
        if not wanted.values:
            return max(plan.margin_95 * (plan.measure.step if plan.measure.field else 1) for plan in noise)
        return max(max(each) for each in margins_at(statistic, noise, (wanted.values,), 1.0))

    # there is no noise of integers within less than 1
    assert widest(share) <= max(wanted.margin, 1.0) * (1 + 1e-9) < widest(share / 3)


def test_a_margin_that_nothing_reaches_has_no_share() -> None:
    assert share_wanted(bounded(MEDIAN), 0, MEDIAN, Wanted(0.1, 100), RHO, TREE) is None


def test_fitting_weights_cost_the_sum_of_the_shares() -> None:
    shares, statistics = [Fraction(1, 100), Fraction(3, 100)], (COUNT, SUM)
    assert price_of_shares(shares, statistics, Currency.RHO).amount == Fraction(6, 100)
    fitted = least_weights(shares, statistics)
    assert [one.weight for one in fitted] == [334, 1000]
    assert Fraction(4, 100) <= price_of_shares(shares, fitted, Currency.RHO).amount < Fraction(401, 10_000)


def test_a_total_of_noised_cells_strays_less_than_their_margins_do() -> None:
    (plan,) = settled(COUNT).noise
    one = IntegerNoise(plan.mechanism, plan.scale).half_width()
    assert summed_margin(plan, 16, 1.0) == pytest.approx(4 * one, rel=0.05)
    assert math.isclose(summed_margin(plan, 16, 100.0) * 100, summed_margin(plan, 16, 1.0))
