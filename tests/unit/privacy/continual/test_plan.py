from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.privacy.answers.noise import Integers
from gateway.privacy.continual.plan import GRAIN, ContinualPlan, Strategy, root_weights

TREE, ROOT = Strategy.TREE, Strategy.SQUARE_ROOT

PLANS = st.one_of(
    st.builds(lambda horizon: ContinualPlan(horizon, ROOT), st.integers(1, 40)),
    st.builds(
        lambda horizon, branching: ContinualPlan(horizon, TREE, branching), st.integers(1, 40), st.integers(2, 7)
    ),
)


def table(plan: ContinualPlan) -> Integers:
    """The weights of all days (columns) in all nodes, seen from outside: day by day, from what is measured."""
    rows = []
    days = np.eye(plan.horizon, dtype=np.int64)
    for day in range(1, plan.horizon + 1):
        # one cell for each day on which something might have been contributed
        rows.append(plan.measures(day, days[:day]))
    return np.concatenate(rows)


def test_a_tree_draws_a_node_on_its_last_day() -> None:
    plan = ContinualPlan(10, TREE, 3)
    assert plan.spans == (1, 3, 9)
    assert [node.id for node in plan.nodes(8)] == ["tree/10/3/0/8"]
    assert [node.id for node in plan.nodes(9)] == ["tree/10/3/0/9", "tree/10/3/1/3", "tree/10/3/2/1"]
    assert plan.measures(9, np.arange(1, 10)[:, None]).tolist() == [[9], [24], [45]]


def test_the_square_root_draws_one_node_a_day() -> None:
    plan = ContinualPlan(5, ROOT)
    assert [node.id for node in plan.nodes(3)] == ["root/5/256/3"]
    assert root_weights(5) == (256, 128, 96, 80, 70)
    assert plan.measures(3, np.array([[1, 0], [10, 0], [100, 7]])).tolist() == [[96 + 1280 + 25600, 7 * 256]]


def test_its_weights_are_the_square_root_of_running_totals() -> None:
    weights = np.array(root_weights(500)) / GRAIN
    np.testing.assert_allclose(np.convolve(weights, weights)[:500], 1, atol=0.03)


@given(PLANS)
def test_names_are_unique_and_nodes_read_no_later_day(plan: ContinualPlan) -> None:
    names = [node.id for day in range(1, plan.horizon + 1) for node in plan.nodes(day)]
    assert len(set(names)) == len(names)
    assert all(node.day == day for day in range(1, plan.horizon + 1) for node in plan.nodes(day))
    days = table(plan)
    start = 0
    for day in range(1, plan.horizon + 1):
        end = start + len(plan.nodes(day))
        assert not days[start:end, day:].any()
        assert days[start, day - 1] > 0
        start = end


@given(PLANS, st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_the_stated_unit_exists(plan: ContinualPlan, periods: int, most: int, cells: int) -> None:
    # the bound is reached, so that no more noise is drawn than needed
    sensitivity = plan.sensitivity(periods, most, cells)
    unit = np.zeros((plan.horizon, cells), dtype=np.int64)
    unit[:periods] = most
    change = table(plan) @ unit
    assert np.abs(change).sum() == sensitivity.l1
    assert np.sum(change**2) == sensitivity.l2_squared


@pytest.mark.parametrize(
    "plan",
    [
        *(ContinualPlan(horizon, TREE, 2) for horizon in (1, 4, 5, 7, 8, 10)),
        *(ContinualPlan(horizon, TREE, 3) for horizon in (2, 8, 9, 10)),
        ContinualPlan(6, TREE, 7),
        *(ContinualPlan(horizon, ROOT) for horizon in (1, 2, 7, 10)),
    ],
    ids=lambda plan: plan.id,
)
def test_no_unit_changes_more(plan: ContinualPlan) -> None:
    """Every choice of days, every amount up or down on each of them: one cell, to most 2."""
    days = table(plan)
    for periods in range(1, min(plan.horizon, 4) + 1):
        chosen = list(combinations(range(plan.horizon), periods))
        amounts = np.array(list(product([-2, -1, 1, 2], repeat=periods))).T
        l1 = l2 = 0
        for some in chosen:
            changes = days[:, some] @ amounts
            l1 = max(l1, int(np.abs(changes).sum(axis=0).max()))
            l2 = max(l2, int((changes**2).sum(axis=0).max()))
        sensitivity = plan.sensitivity(periods, 2)
        assert (l1, l2) == (sensitivity.l1, sensitivity.l2_squared)


@pytest.mark.parametrize(
    "plan",
    [
        *(ContinualPlan(12, TREE, branching) for branching in (2, 3, 5)),
        ContinualPlan(11, TREE, 2),
        ContinualPlan(12, ROOT),
    ],
    ids=lambda plan: plan.id,
)
def test_no_choice_of_days_changes_more(plan: ContinualPlan) -> None:
    choices = np.array(list(product([0, 1], repeat=plan.horizon))).T
    changes = table(plan) @ choices
    many = choices.sum(axis=0)
    for periods in range(1, plan.horizon + 1):
        some = changes[:, many == periods]
        sensitivity = plan.sensitivity(periods, 1)
        assert some.sum(axis=0).max() == sensitivity.l1
        assert (some**2).sum(axis=0).max() == sensitivity.l2_squared


@settings(max_examples=40)
@given(PLANS, st.integers(0, 2**32))
def test_no_unit_in_several_cells_changes_more(plan: ContinualPlan, seed: int) -> None:
    random = np.random.default_rng(seed)
    days = table(plan)
    for _ in range(20):
        # on each of 3 days, 2 of 4 cells
        unit = np.zeros((plan.horizon, 4), dtype=np.int64)
        for day in random.permutation(plan.horizon)[:3]:
            unit[day, random.permutation(4)[:2]] = random.integers(-5, 6, 2)
        change = days @ unit
        sensitivity = plan.sensitivity(3, 5, cells=2)
        assert np.abs(change).sum() <= sensitivity.l1
        assert np.sum(change**2) <= sensitivity.l2_squared


@given(PLANS, st.integers(1, 40))
def test_the_l2_norm_is_never_rounded_down(plan: ContinualPlan, periods: int) -> None:
    sensitivity = plan.sensitivity(periods, 1)
    numerator, denominator = sensitivity.l2.as_integer_ratio()
    assert numerator**2 >= sensitivity.l2_squared * denominator**2
    assert sensitivity.l2 == pytest.approx(sensitivity.l2_squared**0.5)


def test_what_could_leave_int64_is_refused() -> None:
    plan = ContinualPlan(4, ROOT)
    with pytest.raises(OverflowError):
        plan.measures(2, np.array([[2**55], [-(2**55)]]))
    assert plan.measures(1, np.array([[-(2**53)]])).tolist() == [[-(2**61)]]


@pytest.mark.parametrize("rows", [2, 4])
def test_contributions_are_those_of_the_days_so_far(rows: int) -> None:
    with pytest.raises(ValueError, match="each day"):
        ContinualPlan(9, TREE, 2).measures(3, np.ones((rows, 1), dtype=np.int64))


@pytest.mark.parametrize(
    ("horizon", "strategy", "branching"),
    [(0, ROOT, 0), (3661, ROOT, 0), (5, ROOT, 2), (5, TREE, 1), (5, TREE, 0), (-1, TREE, 2)],
)
def test_a_plan_that_makes_no_sense_is_refused(horizon: int, strategy: Strategy, branching: int) -> None:
    with pytest.raises(ValueError, match=r"horizon|branches"):
        ContinualPlan(horizon, strategy, branching)


@pytest.mark.parametrize("day", [0, 6])
def test_a_day_is_in_the_horizon(day: int) -> None:
    with pytest.raises(ValueError, match="horizon"):
        ContinualPlan(5, TREE, 2).nodes(day)


@pytest.mark.parametrize("limits", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_unit_s_limits_are_positive(limits: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="limits"):
        ContinualPlan(5, TREE, 2).sensitivity(*limits)
