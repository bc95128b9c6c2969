"""Which cells are the largest, how far their values stray, and which of them surely belong there.

The gateway's own arithmetic (`gateway.privacy.answers`), said once more in plain Python for whoever holds a certificate
without the gateway; a test holds both together.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import NormalDist

_ALPHA = 0.05
_LAPLACE = "integer Laplace"
_SUMMED_SCALE = 4096.0
_LARGEST_SCALE = 64.0


@dataclass(frozen=True, slots=True)
class Leading:
    """The places of the largest values, the largest first; whether each surely is one; and the margin of all."""

    places: tuple[int, ...]
    certain: tuple[bool, ...]
    margin: float


def leading(values: Sequence[int], most: int, mechanism: str, scale: float) -> Leading:
    """Return the `most` largest of noised values, ties in their order.

    One is certain if fewer than `most` others come within a lead that noise of this law closes with probability 0.05.
    The margin holds for all values at once.
    """
    cells, most = len(values), min(most, len(values))
    if not most:
        return Leading((), (), 0.0)
    places = tuple(sorted(range(cells), key=lambda place: -values[place])[:most])
    lead, rivals = _lead(mechanism, scale, most, cells), sorted(values)
    certain = tuple(cells - bisect_left(rivals, float(values[place]) - lead) - 1 < most for place in places)
    return Leading(places, certain, _half_width(mechanism, scale, 1 - (1 - _ALPHA) ** (1 / cells)))


def _half_width(mechanism: str, scale: float, alpha: float) -> float:
    """The smallest whole h with P(|noise| > h) <= alpha."""
    if scale == 0:
        return 0.0
    if mechanism == _LAPLACE:
        passed = scale * (math.log(2 / alpha) - math.log1p(math.exp(-1 / scale)))
        return float(max(0, math.ceil(passed) - 1))
    if scale > _SUMMED_SCALE:
        return float(math.ceil(-scale * NormalDist().inv_cdf(alpha / 2)))
    masses = _masses(mechanism, scale)
    middle, tail = len(masses) // 2, 0.0
    for distance in range(middle, 0, -1):
        tail += masses[middle + distance]
        if 2 * tail > alpha:
            return float(distance)
    return 0.0


def _lead(mechanism: str, scale: float, most: int, cells: int) -> float:
    """d with P(largest of cells - most noises + largest of most noises > d) <= 0.05."""
    if scale == 0 or most == cells:
        return 0.0
    taken = min(scale, _LARGEST_SCALE)
    below = [0.0, *(min(mass, 1.0) for mass in accumulate(_masses(mechanism, taken)))]
    rest, best = ([high**count - low**count for low, high in pairwise(below)] for count in (cells - most, most))
    above = [*accumulate(reversed(best))][::-1]
    places = len(above)

    def reached(total: int) -> float:
        """P(sum >= total), both noises counted from their lowest place."""
        start = max(0, total - places + 1)
        return math.fsum(rest[place] * above[max(0, total - place)] for place in range(start, places))

    # the first total that is reached so seldom; the farthest, two ends at once, always is
    total = bisect_left(range(2 * places - 1), True, key=lambda total: reached(total) <= _ALPHA)
    lead = total - 1 - (places - 1)
    return float(lead) if taken == scale else (lead + 1) * scale / taken


def _masses(mechanism: str, scale: float) -> list[float]:
    """The probabilities of -w … w, where what lies beyond is less than 1e-17."""
    width = math.ceil(40 * scale if mechanism == _LAPLACE else 9 * scale) + 1
    powers = [abs(place) / scale for place in range(-width, width + 1)]
    weights = [math.exp(-power if mechanism == _LAPLACE else -power * power / 2) for power in powers]
    whole = math.fsum(weights)
    return [weight / whole for weight in weights]
