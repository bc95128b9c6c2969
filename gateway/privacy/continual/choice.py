"""Which plan errs least, computed before anything is measured."""

from __future__ import annotations

import math

import numpy as np

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import Floats
from gateway.privacy.continual.plan import ContinualPlan, Strategy
from gateway.privacy.continual.windows import inverse_totals, subtree_spreads

_BRANCHES = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 32)


def typical_error(plan: ContinualPlan, kind: Mechanism, periods: int) -> float:
    """Return the root mean square error of the running totals, for a unit that adds 1 on each of `periods` days.

    In units of 1/ε (Laplace) or 1/√(2ρ) (Gaussian). Those are one unit where a pure ε is charged as ρ = ε²/2.
    """
    sensitivity = plan.sensitivity(periods, 1)
    scale = math.sqrt(2) * sensitivity.l1 if kind is Mechanism.LAPLACE else sensitivity.l2
    return scale * math.sqrt(float(running_spreads(plan).mean()))


def running_spreads(plan: ContinualPlan) -> Floats:
    """Return the variance of every day's running total, for nodes whose noise has variance 1."""
    if plan.strategy is Strategy.SQUARE_ROOT:
        return np.cumsum(inverse_totals(plan.horizon) ** 2)
    spreads, rest = np.zeros(plan.horizon), np.arange(1, plan.horizon + 1)
    for span, spread in reversed(list(zip(plan.spans, subtree_spreads(plan), strict=True))):
        spreads += rest // span * spread
        rest %= span
    return spreads


def recommended_plan(horizon: int, kind: Mechanism, periods: int) -> ContinualPlan:
    """Return the plan with the least typical error of its running totals.

    Gaussian noise: mostly the square root. Laplace noise: a tree with few levels. Where a unit may count on most days,
    single days (a branching beyond the horizon) can be best.
    """
    trees = [ContinualPlan(horizon, Strategy.TREE, branching) for branching in (*_BRANCHES, horizon + 1)]
    choices = [ContinualPlan(horizon, Strategy.SQUARE_ROOT), *trees]
    return min(choices, key=lambda plan: typical_error(plan, kind, periods))
