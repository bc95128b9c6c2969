"""Running totals, single days and any span of days, from the kept nodes of a continual release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import Floats, IntegerNoise, Integers, sum_half_width
from gateway.privacy.continual.plan import ContinualPlan, Strategy, root_weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """An answer as a weighted sum of nodes, by their names. Every node is drawn on the last day or earlier."""

    weights: tuple[tuple[str, float], ...]

    def half_width(self, noise: IntegerNoise) -> float:
        """Return the half-width at 95 % of the answer's noise, if every node has noise of this law."""
        weights = np.array([weight for _, weight in self.weights])
        variance = np.sum(weights**2) * noise.variance
        fourth = np.sum(weights**4) * noise.fourth
        return float(sum_half_width(np.array(variance), np.array(fourth), float(np.abs(weights).max())))


def recipe(plan: ContinualPlan, first: int, last: int) -> Recipe:
    """Return how the sum over the days first … last is made, unbiased; `first` = 1 gives the running total.

    It does not depend on the day of asking: later nodes never change an answer.

    Raises:
        ValueError: the days are not in the horizon, or not in order.
    """
    plan.check(first, last)
    if plan.strategy is Strategy.SQUARE_ROOT:
        names = [plan.node(0, day).id for day in range(1, last + 1)]
        return Recipe(tuple(zip(names, _root_weights(plan, first, last).tolist(), strict=True)))
    weights: list[tuple[str, float]] = []
    for level, place in _cover(plan, first - 1, last):
        weights += _subtree(plan, level, place)
    return Recipe(tuple(weights))


def node_weights(plan: ContinualPlan, first: int, last: int, places: Mapping[str, int]) -> Floats:
    """Return the weights of `recipe` in the order of places, up to the last place that has one.

    For the square root, nodes stand in the order of their days.
    """
    if plan.strategy is Strategy.SQUARE_ROOT:
        return _root_weights(plan, first, last)
    made = recipe(plan, first, last).weights
    weights = np.zeros(1 + max(places[name] for name, _ in made))
    for name, weight in made:
        weights[places[name]] = weight
    return weights


def _root_weights(plan: ContinualPlan, first: int, last: int) -> Floats:
    until = inverse_totals(plan.horizon)[:last][::-1].copy()
    if first > 1:
        until[: first - 1] -= inverse_totals(plan.horizon)[: first - 1][::-1]
    return until


def window(plan: ContinualPlan, kept: Mapping[str, Integers], noise: IntegerNoise, first: int, last: int) -> Estimates:
    """Return the sums over the days first … last of every cell, from the noised nodes (cells) by their names.

    Raises:
        ValueError: the days are not in the horizon, or not in order.
        KeyError: a node that is needed has not been drawn.
    """
    made = recipe(plan, first, last)
    nodes = np.stack([kept[name] for name, _ in made.weights]).astype(np.float64)
    values = np.array([weight for _, weight in made.weights]) @ nodes
    half = made.half_width(noise)
    return Estimates(values, values - half, values + half, (PostProcessing.RUNNING,))


@lru_cache(maxsize=32)
def inverse_totals(horizon: int) -> Floats:
    """Return the coefficients of 1/((1 - x)·w(x)) for the square root's weights w: they undo them, and add up."""
    weights = np.array(root_weights(horizon), dtype=np.float64)
    inverse = np.zeros(horizon)
    inverse[0] = 1 / weights[0]
    for day in range(1, horizon):
        inverse[day] = -(weights[1 : day + 1] @ inverse[:day][::-1]) / weights[0]
    return np.cumsum(inverse)


def _cover(plan: ContinualPlan, start: int, end: int) -> list[tuple[int, int]]:
    """Return the fewest nodes (level, place) that make up the days start + 1 … end."""
    cover = []
    while start < end:
        level = max(level for level, span in enumerate(plan.spans) if start % span == 0 and start + span <= end)
        start += plan.spans[level]
        cover.append((level, start // plan.spans[level]))
    return cover


def subtree_spreads(plan: ContinualPlan) -> tuple[float, ...]:
    """Return, level by level, the variance of a node's best estimate from itself and all below it.

    For noise of variance 1: 1 for a single day, and for others that of the node's own value (1) and of its children's
    sum (branching times theirs), weighed by their precision.
    """
    spreads = [1.0]
    for _ in plan.spans[1:]:
        below = plan.branching * spreads[-1]
        spreads.append(below / (1 + below))
    return tuple(spreads)


def _subtree(plan: ContinualPlan, level: int, place: int) -> list[tuple[str, float]]:
    """Return the best unbiased estimate of a node from itself and all below it, as weights (Honaker 2015).

    All of them are complete when the node is.
    """
    spreads = subtree_spreads(plan)
    result, share = [], 1.0
    for below in range(level, -1, -1):
        # the node's own value has variance 1, so that its weight is the variance of the best estimate
        own = spreads[below]
        many = plan.branching ** (level - below)
        for child in range((place - 1) * many + 1, place * many + 1):
            result.append((plan.node(below, child).id, share * own))
        share *= 1 - own
    return result
