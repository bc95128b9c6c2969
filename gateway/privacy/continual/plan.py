"""What is measured on which day of a continual release, and how much one privacy unit changes all of it.

A plan is a fixed table of whole numbers: each *node* is a weighted sum of the days up to the one on which it is drawn.
Every node gets integer noise once and is kept; each answer is computed from kept nodes. The loss is that of releasing
all nodes of the horizon at once, however many days are read and however often.

- `TREE`: sums of branching^level days, complete on their last day (Chan, Shi and Song 2011; Dwork, Naor, Pitassi and
  Rothblum 2010). A branching beyond the horizon leaves single days.
- `SQUARE_ROOT`: one node a day with the weights of the square root of the matrix of running totals, the coefficients
  of (1 - x)^(-1/2) (Fichtenberger, Henzinger and Upadhyay 2023), in 256ths so that they are whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from gateway.privacy.answers.noise import Integers
from gateway.privacy.sensitivity import Sensitivity

LONGEST = 3660
"""Ten years of days."""

GRAIN = 256
"""Weights of the square root are multiples of 1/256: the error grows by less than 0.5 % through the rounding."""

_LARGEST = 2**62


class Strategy(StrEnum):
    """The table of nodes, under the name that certificates give it."""

    TREE = "tree of complete periods"
    SQUARE_ROOT = "square root of running totals"


@dataclass(frozen=True, slots=True)
class Node:
    """A measured value: its canonical name, and the day (from 1) on which it is drawn."""

    id: str
    day: int


@dataclass(frozen=True, slots=True)
class ContinualPlan:
    """The nodes of a horizon of periods ("days", numbered from 1).

    `branching` is that of a tree, and 0 for the square root.

    Raises:
        ValueError: the horizon is not in 1..3660, or the branching does not fit the strategy.
    """

    horizon: int
    strategy: Strategy
    branching: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.horizon <= LONGEST:
            raise ValueError("a horizon is between 1 and 3660 periods")
        if self.branching != 0 if self.strategy is Strategy.SQUARE_ROOT else self.branching < 2:
            raise ValueError("a tree has two branches or more, a square root none")

    @property
    def id(self) -> str:
        """The canonical name, which begins that of every node."""
        return f"root/{self.horizon}/{GRAIN}" if self.branching == 0 else f"tree/{self.horizon}/{self.branching}"

    @property
    def levels(self) -> int:
        """The number of levels of a tree, which is how many nodes count a day; 1 for the square root."""
        return len(self.spans)

    @property
    def spans(self) -> tuple[int, ...]:
        """The numbers of days that the levels of a tree add up, the single days first."""
        return _spans(self.horizon, self.branching)

    def nodes(self, day: int) -> tuple[Node, ...]:
        """Return the nodes that are new on a day.

        Raises:
            ValueError: the day is not in the horizon.
        """
        self.check(1, day)
        if self.strategy is Strategy.SQUARE_ROOT:
            return (self.node(0, day),)
        return tuple(self.node(level, day // span) for level, span in enumerate(self.spans) if day % span == 0)

    def node(self, level: int, place: int) -> Node:
        """Return the node at a place (from 1) of a level."""
        day = place * self.spans[level]
        return Node(f"{self.id}/{day}" if self.branching == 0 else f"{self.id}/{level}/{place}", day)

    @property
    def capacity(self) -> int:
        """The most that a day's figure may be, up or down, so that no node leaves int64."""
        heaviest = sum(root_weights(self.horizon)) if self.branching == 0 else self.spans[-1]
        return (_LARGEST - 1) // heaviest

    def check(self, first: int, last: int) -> None:
        """Raise ValueError unless 1 <= first <= last <= horizon."""
        if not 1 <= first <= last <= self.horizon:
            raise ValueError("days are in the horizon, in order")

    def measures(self, day: int, contributions: Integers) -> Integers:
        """Return the exact values (new nodes, cells) of a day's nodes, ready for noise.

        `contributions` (day, cells) are the bounded aggregates of the days 1 to `day`, each as it was on its own day.

        Raises:
            ValueError: there is not one row for each day so far.
            OverflowError: a value could leave int64.
        """
        if len(contributions) != day:
            raise ValueError("there is one row of contributions for each day")
        table = [self._weights(node, level) for level, node in enumerate(self.nodes(day))]
        largest = max(-int(contributions.min(initial=0)), int(contributions.max(initial=0)))
        if largest * max(int(weights.sum()) for weights in table) >= _LARGEST:
            raise OverflowError("a node could leave int64")
        return np.stack([weights @ contributions for weights in table])

    def sensitivity(self, periods: int, most: int, cells: int = 1) -> Sensitivity:
        """Return how far one unit changes all nodes, if it counts in at most `periods` days.

        On each of them it changes at most `cells` cells by at most `most` each, up or down. The worst unit counts on
        the first days, in the same cells, always in one direction: weights are not negative, and the first days share
        the most nodes.

        Raises:
            ValueError: a limit is not positive.
        """
        if min(periods, most, cells) < 1:
            raise ValueError("a unit's limits are positive")
        days = min(periods, self.horizon)
        seen = self._first_days(days)
        l1, squares = sum(seen), sum(weight**2 for weight in seen)
        derivation = (
            f"{cells} cells per unit and period × {most} per cell, over its {days} periods: "
            f"all nodes together {l1} in L1, √{squares} in L2"
        )
        return Sensitivity(cells * most * l1, cells * most**2 * squares, derivation)

    def _first_days(self, days: int) -> list[int]:
        """Return what all nodes count of a unit that adds 1 on each of the first days."""
        if self.strategy is Strategy.SQUARE_ROOT:
            sums = np.cumsum(np.array(root_weights(self.horizon), dtype=object))
            return [int(sums[day] - (sums[day - days] if day >= days else 0)) for day in range(self.horizon)]
        return [
            min(span, days - start)
            for span in self.spans
            for start in range(0, days, span)
            if start + span <= self.horizon
        ]

    def _weights(self, node: Node, level: int) -> Integers:
        """Return the weights of the days 1 … node.day in a node."""
        if self.strategy is Strategy.SQUARE_ROOT:
            return np.array(root_weights(self.horizon)[: node.day][::-1], dtype=np.int64)
        weights = np.zeros(node.day, dtype=np.int64)
        weights[node.day - self.spans[level] :] = 1
        return weights


def plan_named(name: str) -> ContinualPlan:
    """Return the plan of a canonical name.

    Raises:
        ValueError: it is none, or one that this version does not know.
    """
    form, horizon, detail = name.split("/")
    branching = 0 if form == "root" else int(detail)
    plan = ContinualPlan(int(horizon), Strategy.TREE if branching else Strategy.SQUARE_ROOT, branching)
    if plan.id != name:
        raise ValueError("a plan of another name")
    return plan


@lru_cache(maxsize=64)
def _spans(horizon: int, branching: int) -> tuple[int, ...]:
    spans = [1]
    while branching and spans[-1] * branching <= horizon:
        spans.append(spans[-1] * branching)
    return tuple(spans)


@lru_cache(maxsize=32)
def root_weights(horizon: int) -> tuple[int, ...]:
    """Return the first coefficients of (1 - x)^(-1/2), binomial(2k, k)/4^k, in 256ths, rounded half up."""
    result, numerator, denominator = [], 1, 1
    for k in range(horizon):
        result.append((2 * GRAIN * numerator + denominator) // (2 * denominator))
        numerator, denominator = numerator * (2 * k + 1), denominator * (2 * k + 2)
    return tuple(result)
