"""The margins of continual releases hold for running totals, single days and weeks, on the days that are hardest."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.continual.choice import recommended_plan, typical_error
from gateway.privacy.continual.plan import ContinualPlan, Strategy
from gateway.privacy.continual.windows import window
from tests.privacy.margins import GAUSSIAN, LAPLACE, PROOF_RELEASES, RELEASES, Integers, covered, drawn, fewest, waste

TREE, ROOT = Strategy.TREE, Strategy.SQUARE_ROOT


def released(plan: ContinualPlan, days: Integers, noise: IntegerNoise, releases: int) -> dict[str, Integers]:
    """All nodes, noised in as many independent releases as asked."""
    nodes = {}
    for day in range(1, plan.horizon + 1):
        exact = plan.measures(day, days[:day, None])[:, 0]
        for place, node in enumerate(plan.nodes(day)):
            nodes[node.id] = exact[place] + drawn(noise, (releases,), 1000 * day + place)
    return nodes


@pytest.mark.proof
@pytest.mark.parametrize(
    ("plan", "noise"),
    [
        pytest.param(ContinualPlan(31, TREE, 2), IntegerNoise(LAPLACE, 5.0), id="binary, Laplace"),
        pytest.param(ContinualPlan(31, TREE, 5), IntegerNoise(LAPLACE, 3.0), id="of five, Laplace"),
        pytest.param(ContinualPlan(31, TREE, 32), IntegerNoise(LAPLACE, 2.0), id="single days, Laplace"),
        pytest.param(ContinualPlan(31, TREE, 2), IntegerNoise(GAUSSIAN, 6.0), id="binary, Gaussian"),
        pytest.param(ContinualPlan(31, ROOT), IntegerNoise(GAUSSIAN, 700.0), id="square root, Gaussian"),
        pytest.param(ContinualPlan(31, ROOT), IntegerNoise(LAPLACE, 2000.0), id="square root, Laplace"),
    ],
)
def test_every_window_is_covered(plan: ContinualPlan, noise: IntegerNoise, prove: bool) -> None:
    releases = PROOF_RELEASES // 4 if prove else RELEASES // 2
    days = np.random.default_rng(5).integers(0, 90, plan.horizon)
    nodes = released(plan, days, noise, releases)
    for first, last in ((1, 1), (1, 16), (1, 30), (1, 31), (17, 17), (31, 31), (8, 14), (2, 30)):
        answers = window(plan, nodes, noise, first, last)
        truth = float(days[first - 1 : last].sum())
        assert covered(answers, truth).sum() >= fewest(releases)
        assert waste(answers, truth) < 1.12
        spread = (answers.upper[0] - answers.lower[0]) / 4
        assert abs(float(np.mean(answers.values)) - truth) < 6 * spread / releases**0.5


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_the_error_is_the_one_that_the_choice_was_made_by(kind: Mechanism) -> None:
    plan = recommended_plan(90, kind, 1)
    sensitivity = plan.sensitivity(1, 1)
    # at ε = 1/10, and at ρ = ε²/2
    noise = IntegerNoise(kind, 10 * (sensitivity.l1 if kind is LAPLACE else sensitivity.l2))
    days = np.arange(90)
    nodes = released(plan, days, noise, 1000)
    totals = [window(plan, nodes, noise, 1, day).values - days[:day].sum() for day in range(1, 91)]
    assert np.sqrt(np.mean(np.square(totals))) / 10 == pytest.approx(typical_error(plan, kind, 1), rel=0.03)
