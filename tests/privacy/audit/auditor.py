"""Who asks the audited gateway, over each state of the data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import gateway.client as gw
from tests.privacy.audit.asking import Answers, Filters, Price, ask
from tests.privacy.audit.audited import Audited
from tests.privacy.audit.canaries import Scene, Truth, placed, told_apart, totals
from tests.privacy.audit.claims import Integers
from tests.privacy.audit.detectors import proved_epsilon

WITH, WITHOUT, PERMUTED, UNBOUNDED = range(4)
"""The states of the data: with the canaries, without them, with them and in another order, and with each of their
records under a name of its own, as if the gateway had lost sight of who is who."""


@dataclass
class Auditor:
    """Who asks the audited gateway."""

    audited: Audited
    gateway: gw.Gateway
    truths: dict[int, Truth]

    def ask(
        self,
        state: int,
        statistics: list[str],
        price: float | Price,
        calls: int,
        filters: Filters = (),
        join: tuple[str, str] | None = None,
    ) -> Answers:
        """Ask over one state of the data, for an epsilon or another price."""
        self.audited.source.state = state
        paid = price if isinstance(price, Price) else Price(epsilon=price)
        return ask(self.gateway, statistics, paid, calls, filters=filters, join=join)


TOGETHER = ["count", "count_units", "sum(amount)"]
EPSILON = 3.0
"""For three statistics together: 1 for each. An epsilon is proved best where it is neither small nor large."""

EVERY = [*TOGETHER, "sum(wide)"]


class Pair(NamedTuple):
    """The answers over two neighbouring states of the data."""

    present: Answers
    absent: Answers


def noises(auditor: Auditor, pair: Pair, statistic: str) -> list[Integers]:
    """What was answered less the truth, with the canaries and without them, where the truth can be told."""
    known = told_apart()
    states = ((pair.present, WITH, known), (pair.absent, WITHOUT, np.ones_like(known)))
    return [
        (answers.values(statistic) - auditor.truths[state][statistic])[:, cells] for answers, state, cells in states
    ]


def proved(pair: Pair, statistics: list[str], scene: str, claimed: float, delta: float = 0.0) -> float:
    """The epsilon that the answers prove of the people in one scene, against a claim."""
    cells = placed(scene)
    one, other = (np.hstack([answers.blocks(name, cells) for name in statistics]) for answers in pair)
    scales = np.repeat([_spread(pair, name) for name in statistics], cells.shape[1])
    return proved_epsilon(one, other, scales, claimed, delta)


def _spread(pair: Pair, statistic: str) -> float:
    """About the scale of a statistic's noise: as claimed, or, of more than one measure, as seen."""
    if len(pair.absent.measures[statistic]) == 1:
        return pair.absent.claim(statistic).deviation / math.sqrt(2)
    low, high = np.quantile(pair.absent.numbers[statistic], [0.25, 0.75])
    return float(high - low) + 1e-9


def bias(auditor: Auditor, answers: Answers, state: int, statistic: str, scene: Scene) -> float:
    """How far off the exact answers are over a scene's blocks, on average, in standard errors."""
    exact = totals(auditor.truths[state], auditor.truths[WITHOUT], statistic, scene)
    errors = answers.values(statistic)[:, placed(scene.name)].sum(axis=2) - exact
    deviation = answers.claim(statistic).deviation * math.sqrt(scene.cells)
    return float(errors.mean()) / deviation * math.sqrt(errors.size)
