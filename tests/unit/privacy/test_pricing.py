from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

import pytest

from gateway.model.contract import Bounds
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByBins, ByKeys, ByPeriod, ByRegion, Grouping, Period
from gateway.model.measure import Currency, MeasureKind, Mechanism, Price
from gateway.model.plan import AtLevel, BoundedQuery, SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.pricing import SMALLEST, price_within, settle
from gateway.privacy.release_id import grouping_salt, release_id
from gateway.privacy.sensitivity import sensitivity
from tests.unit.privacy.example import CONTRACT, DISCLOSURE, bound, no_places, permit_for, request_for

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
SUM = Statistic(StatisticKind.SUM, "amount")
MEAN = Statistic(StatisticKind.MEAN, "amount")
VARIANCE = Statistic(StatisticKind.VARIANCE, "amount")
MEDIAN = Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 2),))
SECTOR = ByKeys("sector")


def epsilon(amount: Fraction | int) -> Price:
    return Price(Currency.EPSILON, Fraction(amount))


def rho(amount: Fraction | int) -> Price:
    return Price(Currency.RHO, Fraction(amount))


def bounded(*statistics: Statistic, group_by: tuple[Grouping, ...] = (SECTOR,)) -> BoundedQuery:
    return bound(StatisticsQuery((), group_by, statistics))


def settled(query: BoundedQuery, statistics: tuple[Statistic, ...], price: Price) -> SettledRelease:
    found = settle(query, statistics, price, CONTRACT)
    assert found is not None
    return found


def test_sensitivity_is_that_of_a_whole_unit() -> None:
    # 2 cells per unit, 3 rows per cell, amounts between -50 and 200: 125 from their middle at the most
    query = bounded(COUNT, UNITS, SUM, MEAN)
    measures = [measure for each in query.measures for measure in each]
    bounds = [sensitivity(measure, query.max_groups) for measure in measures]
    assert [one.l1 for one in bounds] == [6, 2, 1200, 6, 2 * 3 * 125]
    assert [one.l2_squared for one in bounds] == [2 * 9, 2, 2 * 600**2, 2 * 9, 2 * 375**2]


def test_a_tree_of_bins_counts_a_row_on_every_level() -> None:
    query = bounded(MEDIAN)
    (plan,) = settled(query, (MEDIAN,), rho(Fraction(1, 10))).noise
    levels = len(settled_levels(plan.measure.branching, len(plan.measure.edges)))
    assert plan.measure.branching >= 2 and levels > 1
    assert (plan.l1, plan.l2_squared) == (2 * 3 * levels, 2 * 9 * levels)


def settled_levels(branching: int, bins: int) -> list[int]:
    sizes = [bins]
    while sizes[-1] > branching:
        sizes.append(-(-sizes[-1] // branching))
    return sizes


def test_without_groups_a_unit_is_in_one_cell() -> None:
    query = bounded(COUNT, group_by=())
    assert (query.cells, query.max_groups) == (1, 1)


DAY = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        (StatisticsQuery((), (ByKeys("resident_id"),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (SECTOR, ByKeys("nowhere")), (COUNT,)), "plan.group_by[1]"),
        (StatisticsQuery((), (SECTOR, SECTOR), (COUNT,)), "plan.group_by[1]"),
        (StatisticsQuery((), (ByRegion("sector", RegionLevel.CITY),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByPeriod("sector", Period.DAY, DAY, DAY),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByPeriod("day", Period.DAY, DAY, date(2025, 1, 1)),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByPeriod("day", Period.HOUR, date.min, date.max),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByPeriod("day", Period.DAY, date.min, date.max),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByBins("sector", Fraction(1)),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (ByBins("amount", Fraction(1, 2)),), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), (), (COUNT, Statistic(StatisticKind.SUM, "wage"))), "plan.statistics[1]"),
        (StatisticsQuery((), (), (Statistic(StatisticKind.SUM, None),)), "plan.statistics[0]"),
        (StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, "amount"),)), "plan.statistics[0]"),
        (StatisticsQuery((), (), (Statistic(StatisticKind.MEAN, "wage"),)), "plan.statistics[0]"),
        (StatisticsQuery((), (), ()), "plan.disclosure"),
        (StatisticsQuery((), (ByPeriod("day", Period.HOUR, DAY, date(2026, 3, 1)),), (MEDIAN,)), "plan.group_by"),
    ],
)
def test_what_is_not_declared_is_not_answered(query: StatisticsQuery, place: str) -> None:
    found = bind(query, CONTRACT, DISCLOSURE, no_places)
    assert isinstance(found, Unbound) and found.place == place


@pytest.mark.parametrize(
    ("grouping", "first", "last", "cells"),
    [
        (ByPeriod("day", Period.DAY, date(2026, 2, 27), date(2026, 3, 2)), date(2026, 2, 27), date(2026, 3, 2), 4),
        (ByPeriod("day", Period.WEEK, DAY, date(2026, 1, 5)), date(2025, 12, 29), date(2026, 1, 5), 2),
        (ByPeriod("day", Period.MONTH, date(2025, 12, 31), DAY), date(2025, 12, 1), DAY, 2),
        (ByPeriod("day", Period.YEAR, date(2024, 2, 29), DAY), date(2024, 1, 1), DAY, 3),
        (ByPeriod("day", Period.HOUR, DAY, DAY), datetime(2026, 1, 1), datetime(2026, 1, 1, 23), 24),
        (ByPeriod("day", Period.YEAR, date(9998, 1, 1), date.max), date(9998, 1, 1), date(9999, 1, 1), 2),
        (ByPeriod("day", Period.WEEK, date.min, date(1, 1, 8)), date.min, date(1, 1, 8), 2),
        (ByBins("amount", Fraction(100)), -50, 150, 3),
        (ByBins("amount", Fraction(250)), -50, 200, 2),
        (ByBins("amount", Fraction(10**300)), -50, 200, 2),
    ],
)
def test_cells_are_known_from_the_plan(grouping: Grouping, first: object, last: object, cells: int) -> None:
    (group,) = bounded(COUNT, group_by=(grouping,)).group_by
    assert (group.keys[0], group.keys[-1], len(group.keys)) == (first, last, cells)


@pytest.mark.parametrize("price", [epsilon(1), rho(Fraction(1, 2))])
def test_statistics_share_the_price_exactly_by_their_weights(price: Price) -> None:
    statistics = (COUNT, replace(UNITS, weight=3), MEAN)
    found = settled(bounded(*statistics), statistics, price)
    paid = [plan.loss.rho if price.currency is Currency.RHO else plan.loss.epsilon for plan in found.noise]
    shares = [Fraction(1, 5), Fraction(3, 5), Fraction(1, 10), Fraction(1, 10)]
    assert paid == [price.amount * share for share in shares]
    assert (found.loss.rho if price.currency is Currency.RHO else found.loss.epsilon) == price.amount
    assert [plan.statistic for plan in found.noise] == [0, 1, 2, 2]


def test_a_price_in_rho_buys_noise_with_a_smaller_margin() -> None:
    one = bounded(COUNT, group_by=())
    few, dear = settled(one, (COUNT,), rho(Fraction(1, 2))), settled(one, (COUNT,), epsilon(1))
    assert few.noise[0].mechanism is Mechanism.GAUSSIAN
    assert few.noise[0].margin_95 < dear.noise[0].margin_95
    # and the more so, the more cells a unit counts in
    many = replace(bounded(COUNT), max_groups=30)
    wide = settled(many, (COUNT,), rho(Fraction(1, 2)))
    assert wide.noise[0].mechanism is Mechanism.GAUSSIAN
    assert wide.loss.epsilon is None
    same = settled(many, (COUNT,), epsilon(1))
    assert same.noise[0].mechanism is Mechanism.LAPLACE
    assert same.loss.rho == wide.loss.rho and wide.noise[0].margin_95 < same.noise[0].margin_95 / 5


def test_noise_beyond_safe_integers_is_refused() -> None:
    huge = bounded(SUM)
    huge = replace(huge, measures=tuple((replace(each[0], max_rows=10**16),) for each in huge.measures))
    assert settle(huge, (SUM,), SMALLEST, CONTRACT) is None


@pytest.mark.parametrize("currency", Currency)
@pytest.mark.parametrize("part", [Fraction(1, 3), Fraction(1, 70), Fraction(1)])
def test_the_price_within_a_loss_is_the_largest(currency: Currency, part: Fraction) -> None:
    statistics = (COUNT, replace(SUM, weight=3), MEAN)
    query = bounded(*statistics)
    whole = settled(query, statistics, Price(currency, Fraction(1, 2)))
    left = whole.loss.rho * part
    price = price_within(whole.loss, Price(currency, Fraction(1, 2)), left)
    assert price is not None and price.currency is currency
    assert settled(query, statistics, price).loss.rho <= left
    step = Fraction(1, 10**6 if currency is Currency.EPSILON else 10**12)
    assert settled(query, statistics, Price(currency, price.amount + step)).loss.rho > left
    assert price_within(whole.loss, Price(currency, Fraction(1, 2)), Fraction(1, 10**9)) is None


def test_the_same_plan_has_the_same_name_and_another_has_another() -> None:
    first = Condition("sector", Operator.IN, ("a", "b"))
    second = Condition("day", Operator.GREATER, (datetime(2026, 1, 1),))
    query = StatisticsQuery((first, second), (SECTOR,), (COUNT,))
    turned = StatisticsQuery((second, replace(first, values=("b", "a", "a"))), (SECTOR,), (COUNT,))
    name = release_id(permit_for(query), request_for(query), "v1")
    assert release_id(permit_for(turned), request_for(turned), "v1") == name
    days = [ByPeriod("day", Period.DAY, DAY, date(2026, 1, last)) for last in (2, 3)]
    others = {
        release_id(permit_for(query), request_for(query), "v2"),
        release_id(permit_for(query), request_for(query, epsilon(Fraction(2, 3))), "v1"),
        release_id(permit_for(query), request_for(query, rho(Fraction(1, 2))), "v1"),
        release_id(permit_for(query, region="hangzhou/xihu"), request_for(query), "v1"),
        named(replace(query, group_by=())),
        release_id(permit_for(query), request_for(replace(query, statistics=(COUNT, UNITS))), "v1"),
        release_id(permit_for(query), request_for(replace(query, statistics=(COUNT, replace(UNITS, weight=2)))), "v1"),
        *(named(replace(query, group_by=(days_,))) for days_ in days),
    }
    assert name not in others
    assert len(others) == 9


def named(query: StatisticsQuery) -> str:
    return release_id(permit_for(query), request_for(query), "v1")


def test_one_question_has_one_name_however_it_is_written() -> None:
    query = StatisticsQuery((), (SECTOR,), (COUNT, UNITS))
    doubled = replace(query, statistics=(replace(COUNT, weight=6), replace(UNITS, weight=6)))
    assert named(query) == named(doubled)
    months = [
        ByPeriod("day", Period.MONTH, date(2026, 1, first), date(2026, 3, last)) for first, last in ((1, 1), (9, 31))
    ]
    assert len({named(replace(query, group_by=(grouping,))) for grouping in months}) == 1


def test_another_tree_of_regions_makes_another_question() -> None:
    query = StatisticsQuery((), (SECTOR,), (COUNT,))
    permit = permit_for(query)
    assert permit.release is not None
    (group,) = permit.release.query.group_by
    for other in (replace(group, keys=("a", "b")), replace(group, by=AtLevel(1)), replace(group, tree=("a",))):
        bounded_ = replace(permit.release.query, group_by=(other,))
        moved = replace(permit, release=replace(permit.release, query=bounded_))
        assert release_id(moved, request_for(query), "v") != release_id(permit, request_for(query), "v")


def test_ranks_and_presentations_are_no_part_of_the_name() -> None:
    query = StatisticsQuery((), (SECTOR,), (MEDIAN,))
    other = replace(query, statistics=(replace(MEDIAN, ranks=(Fraction(1, 4), Fraction(3, 4))),))
    assert release_id(permit_for(query), request_for(query), "v") == release_id(
        permit_for(other), request_for(other), "v"
    )


def test_the_same_rows_in_the_same_cells_are_drawn_alike_whatever_is_asked_of_them() -> None:
    query = StatisticsQuery((), (SECTOR,), (COUNT,))
    other = replace(query, statistics=(SUM,))
    assert grouping_salt(permit_for(query), request_for(query)) == grouping_salt(
        permit_for(other), request_for(other, epsilon(1))
    )
    turned = replace(query, group_by=())
    assert grouping_salt(permit_for(query), request_for(query)) != grouping_salt(
        permit_for(turned), request_for(turned)
    )


def test_who_asks_does_not_change_the_name() -> None:
    query = StatisticsQuery((), (), (COUNT,))
    names = {
        release_id(permit_for(query, institution=who), request_for(query), "v1") for who in ("zju-research", "police")
    }
    assert len(names) == 1


def test_a_variance_counts_squares_that_fit_in_64_bits() -> None:
    (measures,) = bounded(VARIANCE).measures
    squares = measures[2]
    assert squares.kind is MeasureKind.SQUARES and squares.step == 1
    far = replace(squares, bounds=Bounds(0, 10**12))
    assert far.step > 1 and far.largest * 2**31 < 2**63
