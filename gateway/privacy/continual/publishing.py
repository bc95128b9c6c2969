"""What is published of a series on each day: running totals, the day itself, and spans of the last so many days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.privacy.answers.noise import Floats, IntegerNoise, sum_half_width
from gateway.privacy.continual.plan import ContinualPlan
from gateway.privacy.continual.windows import node_weights, recipe

WHOLE = 0
"""The span of running totals: from the first day on."""


@dataclass(frozen=True, slots=True)
class Published:
    """The sums of one statistic over one span of days up to each day: values (days, cells), and a margin for each day.

    `span` is the number of days, `WHOLE` for all so far; of the first days of a series there are fewer. Each interval
    value ± margin covers the exact bounded sum with probability 0.95 or more, by itself.
    """

    statistic: int
    span: int
    values: Floats
    margins: Floats


def node_names(plan: ContinualPlan, last: int) -> tuple[str, ...]:
    """Return the names of all nodes of the days up to `last`, in the order of days."""
    return tuple(node.id for day in range(1, last + 1) for node in plan.nodes(day))


def publish(
    plan: ContinualPlan,
    kept: Sequence[Floats],
    noise: Sequence[IntegerNoise],
    first: int,
    last: int,
    spans: Sequence[int],
) -> list[Published]:
    """Return what is published of each statistic on the days first … last.

    `kept` are, statistic by statistic, the noised nodes (nodes, cells) in the order of `node_names(plan, last)`. What
    is published of a day depends on the nodes up to that day alone, so that it is the same whenever it is asked for.

    Raises:
        ValueError: the days are not in the horizon, or not in order.
    """
    plan.check(first, last)
    places = {name: place for place, name in enumerate(node_names(plan, last))}
    found = []
    for span in spans:
        rows = [node_weights(plan, _begin(day, span), day, places) for day in range(first, last + 1)]
        squares = np.array([np.sum(row**2) for row in rows])
        fourths = np.array([np.sum(row**4) for row in rows])
        steps = np.array([np.abs(row).max() for row in rows])
        for statistic, (nodes, law) in enumerate(zip(kept, noise, strict=True)):
            # row by row: in one product of matrices the order of adding up may depend on how many rows there are
            values = np.stack([row @ nodes[: len(row)] for row in rows])
            margins = sum_half_width(squares * law.variance, fourths * law.fourth, steps)
            found.append(Published(statistic, span, values, margins))
    return sorted(found, key=lambda one: one.statistic)


def margin_of(plan: ContinualPlan, noise: IntegerNoise, day: int, span: int) -> float:
    """Return the margin of a sum before anything is measured.

    Raises:
        ValueError: the day is not in the horizon.
    """
    plan.check(1, day)
    return recipe(plan, _begin(day, span), day).half_width(noise)


def _begin(day: int, span: int) -> int:
    return 1 if span == WHOLE else max(1, day - span + 1)
