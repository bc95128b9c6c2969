from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

import pytest

from gateway.model.filter import Condition, Operator
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.pricing import SMALLEST_EPSILON, epsilon_for_margin, plan_noise
from gateway.privacy.release_id import release_id
from gateway.privacy.sensitivity import BoundedQuery, Undeclared, bound, sensitivity
from tests.unit.privacy.example import CONTRACT, DISCLOSURE, permit_for, request_for

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
SUM = Statistic(StatisticKind.SUM, "amount")


def bounded(*statistics: Statistic, group_by: tuple[str, ...] = ("sector",)) -> BoundedQuery:
    query = bound(StatisticsQuery((), group_by, statistics), CONTRACT, DISCLOSURE)
    assert isinstance(query, BoundedQuery)
    return query


def test_sensitivity_is_that_of_a_whole_unit() -> None:
    # 2 cells per unit, 3 rows per cell, amounts between -50 and 200
    query = bounded(COUNT, UNITS, SUM)
    assert [sensitivity(statistic, query.max_groups).l1 for statistic in query.statistics] == [6, 2, 1200]


def test_without_groups_a_unit_is_in_one_cell() -> None:
    query = bounded(COUNT, group_by=())
    assert (query.cells, query.max_groups) == (1, 1)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        (StatisticsQuery((), ("resident_id",), (COUNT,)), "plan.group_by[0]"),
        (StatisticsQuery((), ("sector", "nowhere"), (COUNT,)), "plan.group_by[1]"),
        (StatisticsQuery((), (), (COUNT, Statistic(StatisticKind.SUM, "wage"))), "plan.statistics[1]"),
        (StatisticsQuery((), (), (Statistic(StatisticKind.SUM, None),)), "plan.statistics[0]"),
        (StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, "amount"),)), "plan.statistics[0]"),
    ],
)
def test_what_is_not_declared_is_not_answered(query: StatisticsQuery, place: str) -> None:
    assert bound(query, CONTRACT, DISCLOSURE) == Undeclared(place)


def test_statistics_share_the_epsilon_exactly() -> None:
    noise = plan_noise(bounded(COUNT, UNITS, SUM), Fraction(1))
    assert noise is not None
    assert [plan.epsilon for plan in noise] == [Fraction(1, 3)] * 3
    assert noise[2].scale == pytest.approx(3600)


def test_noise_beyond_safe_integers_is_refused() -> None:
    huge = bounded(SUM)
    huge = replace(huge, statistics=tuple(replace(item, max_rows=10**16) for item in huge.statistics))
    assert plan_noise(huge, SMALLEST_EPSILON) is None


@pytest.mark.parametrize("margin", [1.0, 12.5, 4000.0])
def test_the_epsilon_for_a_margin_gives_that_margin(margin: float) -> None:
    query = bounded(COUNT, UNITS)
    noise = plan_noise(query, epsilon_for_margin(query, margin))
    assert noise is not None
    assert max(plan.margin_95 for plan in noise) <= margin * (1 + 1e-9)


def test_the_same_plan_has_the_same_name_and_another_has_another() -> None:
    first = Condition("sector", Operator.IN, ("a", "b"))
    second = Condition("day", Operator.GREATER, (datetime(2026, 1, 1),))
    query = StatisticsQuery((first, second), ("sector",), (COUNT,))
    turned = StatisticsQuery((second, replace(first, values=("b", "a", "a"))), ("sector",), (COUNT,))
    name = release_id(permit_for(query), request_for(query), "v1")
    assert release_id(permit_for(turned), request_for(turned), "v1") == name
    others = {
        release_id(permit_for(query), request_for(query), "v2"),
        release_id(permit_for(query), request_for(query, epsilon=Fraction(2, 3)), "v1"),
        release_id(permit_for(query, region="hangzhou/xihu"), request_for(query), "v1"),
        release_id(permit_for(query, institution="another"), request_for(replace(query, group_by=())), "v1"),
    }
    assert name not in others
    assert len(others) == 4


def test_who_asks_does_not_change_the_name() -> None:
    query = StatisticsQuery((), (), (COUNT,))
    names = {
        release_id(permit_for(query, institution=who), request_for(query), "v1") for who in ("zju-research", "police")
    }
    assert len(names) == 1
