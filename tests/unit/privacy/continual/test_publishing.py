"""What a series publishes is what single windows come to, and the same for whatever part of the days."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.continual.plan import ContinualPlan, Strategy, plan_named
from gateway.privacy.continual.publishing import WHOLE, margin_of, node_names, publish
from gateway.privacy.continual.windows import window

PLANS = [
    ContinualPlan(40, Strategy.SQUARE_ROOT),
    ContinualPlan(40, Strategy.TREE, 2),
    ContinualPlan(40, Strategy.TREE, 6),
    ContinualPlan(40, Strategy.TREE, 41),
]
LAW = IntegerNoise(Mechanism.LAPLACE, 30.0)
by_name = pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)


@by_name
def test_it_is_what_single_windows_come_to(plan: ContinualPlan) -> None:
    names = node_names(plan, 33)
    nodes = np.random.default_rng(1).integers(-900, 900, (len(names), 3))
    kept = dict(zip(names, nodes, strict=True))
    for one in publish(plan, [nodes.astype(float)], [LAW], 20, 33, [WHOLE, 1, 30]):
        for place, day in enumerate(range(20, 34)):
            first = 1 if one.span == WHOLE else max(1, day - one.span + 1)
            alone = window(plan, kept, LAW, first, day)
            assert one.values[place] == pytest.approx(alone.values)
            assert one.margins[place] == pytest.approx(alone.margins[0])
            assert margin_of(plan, LAW, day, one.span) == pytest.approx(one.margins[place])


@by_name
def test_a_part_of_the_days_is_the_same_to_the_last_bit(plan: ContinualPlan) -> None:
    nodes = np.random.default_rng(2).integers(-900, 900, (len(node_names(plan, 40)), 7)).astype(float)
    whole = publish(plan, [nodes], [LAW], 1, 40, [WHOLE, 7])
    for first, last in ((1, 1), (5, 9), (13, 39)):
        part = publish(plan, [nodes[: len(node_names(plan, last))]], [LAW], first, last, [WHOLE, 7])
        for one, other in zip(whole, part, strict=True):
            assert np.array_equal(one.values[first - 1 : last], other.values)


@by_name
def test_names_lead_back_to_plans(plan: ContinualPlan) -> None:
    assert plan_named(plan.id) == plan


@pytest.mark.parametrize("name", ["root/40/255", "tree/40/1", "tree/0/2", "tree/040/2", "square/40/2", "root/40", "x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError):
        plan_named(name)


@by_name
def test_no_node_of_figures_within_capacity_leaves_int64(plan: ContinualPlan) -> None:
    full = np.full((40, 1), plan.capacity)
    for sign in (1, -1):
        for day in range(1, 41):
            plan.measures(day, sign * full[:day])
    with pytest.raises(OverflowError):
        for day in range(1, 41):
            plan.measures(day, 2 * full[:day])
