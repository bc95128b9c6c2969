from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise, Integers
from gateway.privacy.continual.choice import recommended_plan, running_spreads, typical_error
from gateway.privacy.continual.plan import ContinualPlan, Strategy
from gateway.privacy.continual.windows import recipe, window

TREE, ROOT = Strategy.TREE, Strategy.SQUARE_ROOT
NONE = IntegerNoise(Mechanism.GAUSSIAN, 0)

PLANS = st.one_of(
    st.builds(lambda horizon: ContinualPlan(horizon, ROOT), st.integers(1, 60)),
    st.builds(
        lambda horizon, branching: ContinualPlan(horizon, TREE, branching), st.integers(1, 60), st.integers(2, 7)
    ),
)


def kept(plan: ContinualPlan, days: Integers) -> dict[str, Integers]:
    """Every node of the horizon, exactly."""
    return {
        node.id: value
        for day in range(1, plan.horizon + 1)
        for node, value in zip(plan.nodes(day), plan.measures(day, days[:day]), strict=True)
    }


@given(PLANS, st.data())
def test_without_noise_every_window_is_exact(plan: ContinualPlan, data: st.DataObject) -> None:
    days = np.random.default_rng(data.draw(st.integers(0, 2**32))).integers(-50, 500, (plan.horizon, 3))
    first = data.draw(st.integers(1, plan.horizon))
    last = data.draw(st.integers(first, plan.horizon))
    answers = window(plan, kept(plan, days), NONE, first, last)
    np.testing.assert_allclose(answers.values, days[first - 1 : last].sum(axis=0), atol=1e-6)
    assert answers.margins.max() == pytest.approx(0, abs=1e-6)


@given(PLANS, st.data())
def test_an_answer_needs_no_node_of_a_later_day(plan: ContinualPlan, data: st.DataObject) -> None:
    last = data.draw(st.integers(1, plan.horizon))
    first = data.draw(st.integers(1, last))
    drawn = {node.id for day in range(1, last + 1) for node in plan.nodes(day)}
    assert {name for name, _ in recipe(plan, first, last).weights} <= drawn


@given(PLANS)
def test_the_spread_of_running_totals_is_that_of_their_weights(plan: ContinualPlan) -> None:
    spreads = [sum(weight**2 for _, weight in recipe(plan, 1, day).weights) for day in range(1, plan.horizon + 1)]
    np.testing.assert_allclose(running_spreads(plan), spreads, rtol=1e-9)


@pytest.mark.parametrize(("branching", "level"), [(2, 3), (3, 2), (10, 1)])
def test_a_node_is_estimated_by_least_squares_over_its_subtree(branching: int, level: int) -> None:
    plan = ContinualPlan(branching**level, TREE, branching)
    days = plan.horizon
    design = np.concatenate([plan.measures(day, np.eye(days, dtype=np.int64)[:day]) for day in range(1, days + 1)])
    covariance = np.linalg.inv(design.T.astype(float) @ design)
    spread = sum(weight**2 for _, weight in recipe(plan, 1, days).weights)
    assert spread == pytest.approx(covariance.sum())


def test_a_day_that_was_not_drawn_is_no_answer() -> None:
    plan = ContinualPlan(8, TREE, 2)
    nodes = kept(plan, np.ones((8, 1), dtype=np.int64))
    del nodes["tree/8/2/0/3"]
    assert window(plan, nodes, NONE, 1, 2).values == 2
    with pytest.raises(KeyError):
        window(plan, nodes, NONE, 1, 3)


@pytest.mark.parametrize(("first", "last"), [(0, 3), (4, 3), (1, 9)])
def test_days_are_in_the_horizon_and_in_order(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="days"):
        recipe(ContinualPlan(8, ROOT), first, last)


# in 1/ε for Laplace, 1/√(2ρ) for Gaussian noise; docs/reference/continual-release.md shows these figures
FIGURES = [
    (Mechanism.LAPLACE, 1, 90, "tree/90/10", 8.11, 13.81, 22.35),
    (Mechanism.LAPLACE, 1, 365, "tree/365/20", 11.89, 19.89, 49.44),
    (Mechanism.LAPLACE, 1, 1095, "tree/1095/12", 15.56, 26.35, 91.18),
    (Mechanism.GAUSSIAN, 1, 90, "root/90/256", 2.34, 3.69, 2.34),
    (Mechanism.GAUSSIAN, 1, 365, "root/365/256", 2.78, 4.69, 2.78),
    (Mechanism.GAUSSIAN, 1, 1095, "root/1095/256", 3.13, 5.62, 3.13),
    (Mechanism.GAUSSIAN, 30, 90, "tree/90/91", 36.95, 72.30, 48.80),
    (Mechanism.GAUSSIAN, 30, 365, "root/365/256", 63.43, 104.68, 63.43),
    (Mechanism.GAUSSIAN, 30, 1095, "root/1095/256", 74.33, 134.29, 74.33),
]


@pytest.mark.parametrize(("kind", "periods", "horizon", "chosen", "error", "binary", "root"), FIGURES)
def test_the_choice_is_made_by_these_figures(
    kind: Mechanism, periods: int, horizon: int, chosen: str, error: float, binary: float, root: float
) -> None:
    plan = recommended_plan(horizon, kind, periods)
    assert plan.id == chosen
    assert typical_error(plan, kind, periods) == pytest.approx(error, abs=0.01)
    assert typical_error(ContinualPlan(horizon, TREE, 2), kind, periods) == pytest.approx(binary, abs=0.01)
    assert typical_error(ContinualPlan(horizon, ROOT), kind, periods) == pytest.approx(root, abs=0.01)
