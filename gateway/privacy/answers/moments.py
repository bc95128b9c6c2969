"""Means and population variances from noised counts, sums and sums of squares.

Intervals are confidence sets by inverting a test (Fieller 1954): for the true mean m the noise of `sum - m·count` has a
known law, so every m whose `|sum - m·count|` is within that law's half-width stays in the set. No union bound over
count and sum is paid. All arithmetic is about `centre`, in the units of the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import ALPHA, Floats, IntegerNoise, Integers, sum_half_width

_KNOTS = 65
_CELLS_AT_ONCE = 8192
_FOR_THE_MEAN = 0.1
"""The share of alpha that a variance spends on where the mean is: an error there enters squared."""


@dataclass(frozen=True, slots=True)
class FieldBounds:
    """The declared bounds of a field and the value that sums are taken about, in the units of the sum.

    Raises:
        ValueError: not lower < upper, or the centre is outside.
    """

    lower: float
    upper: float
    centre: float

    def __post_init__(self) -> None:
        if not self.lower < self.upper or not self.lower <= self.centre <= self.upper:
            raise ValueError("bounds are ordered and hold the centre")


@dataclass(frozen=True, slots=True)
class MomentNoise:
    """The noise of the measures: of the count, the centred sum and, for a variance, the centred sum of squares."""

    count: IntegerNoise
    total: IntegerNoise
    squares: IntegerNoise | None = None


def mean(counts: Integers, totals: Integers, noise: MomentNoise, bounds: FieldBounds) -> Estimates:
    """Return the mean of every cell, centre + total/count held to the bounds, with its interval.

    `counts` are noised numbers of non-NULL values, `totals` noised sums of (value - centre), one-dimensional. Where the
    count may be zero, the interval is the whole range; where the noised count is not positive, the value is the centre.
    """
    low, high = _offsets(counts, totals, noise, bounds, ALPHA)
    value = _quotient(totals, counts)
    centred = np.clip(value, bounds.lower - bounds.centre, bounds.upper - bounds.centre)
    return Estimates(bounds.centre + centred, bounds.centre + low, bounds.centre + high, (PostProcessing.RATIO,))


def variance(
    counts: Integers, totals: Integers, squares: Integers | Floats, noise: MomentNoise, bounds: FieldBounds
) -> Estimates:
    """Return the population variance of every cell, in squared units, with its interval.

    `squares` are noised sums of (value - centre)². Within the interval of the mean m, the noise of
    `squares - 2m·total + (m² - v)·count` has a known law for the true variance v, and v is at most
    (m - lower)(upper - m) (Bhatia and Davis 2000). Values are held to [0, (upper - lower)²/4] (Popoviciu 1935). Where
    the count may be zero, the interval is that whole range.

    Raises:
        ValueError: the noise of the squares is missing.
    """
    if noise.squares is None:
        raise ValueError("a variance has noised squares")
    widest = (bounds.upper - bounds.lower) ** 2 / 4
    low, high = _offsets(counts, totals, noise, bounds, ALPHA * _FOR_THE_MEAN)
    lower, upper = np.zeros(len(counts)), np.full(len(counts), widest)
    for part in _parts(len(counts)):
        lower[part], upper[part] = _spread(
            (counts[part], totals[part], squares[part]), (low[part], high[part]), noise, noise.squares, bounds
        )
    value = _quotient(squares, counts) - _quotient(totals, counts) ** 2
    return Estimates(np.clip(value, lower, upper), lower, upper, (PostProcessing.VARIANCE,))


def _quotient(above: Integers | Floats, below: Integers) -> Floats:
    quotient: Floats = np.where(below > 0, above / np.maximum(below, 1), 0.0)
    return quotient


def _parts(cells: int) -> Iterator[slice]:
    return (slice(start, start + _CELLS_AT_ONCE) for start in range(0, cells, _CELLS_AT_ONCE))


def _offsets(
    counts: Integers, totals: Integers, noise: MomentNoise, bounds: FieldBounds, alpha: float
) -> tuple[Floats, Floats]:
    """Return the intervals of mean - centre."""
    knots = np.linspace(bounds.lower - bounds.centre, bounds.upper - bounds.centre, _KNOTS)
    slack = sum_half_width(
        noise.total.variance + knots**2 * noise.count.variance,
        noise.total.fourth + knots**4 * noise.count.fourth,
        np.maximum(1.0, np.abs(knots)),
        alpha,
    )
    lower, upper = np.empty(len(counts)), np.empty(len(counts))
    surely = noise.count.half_width(alpha)
    for part in _parts(len(counts)):
        total = totals[part].astype(np.float64)
        lower[part], upper[part] = _hull(knots, slack[None, :], counts[part], surely, (total, total))
    return lower, upper


def _spread(
    measures: tuple[Integers, Integers, Integers | Floats],
    mean: tuple[Floats, Floats],
    noise: MomentNoise,
    squares_noise: IntegerNoise,
    bounds: FieldBounds,
) -> tuple[Floats, Floats]:
    """Return the intervals of variances, given intervals of mean - centre."""
    alpha = ALPHA * (1 - _FOR_THE_MEAN)
    counts, totals, squares = (measure.astype(np.float64) for measure in measures)
    low, high = mean
    ends = np.stack([squares - 2 * m * totals + m * m * counts for m in (low, high)])
    lowest = np.clip(_quotient(measures[1], measures[0]), low, high)
    least = squares - 2 * lowest * totals + lowest**2 * counts
    knots = np.linspace(0.0, (bounds.upper - bounds.lower) ** 2 / 4, _KNOTS)
    far = np.maximum(np.abs(low), np.abs(high))[:, None]
    near = np.where(low * high < 0, 0.0, np.minimum(np.abs(low), np.abs(high)))[:, None]
    weight = np.maximum(np.abs(far**2 - knots), np.abs(near**2 - knots))
    slack = sum_half_width(
        squares_noise.variance + 4 * far**2 * noise.total.variance + weight**2 * noise.count.variance,
        squares_noise.fourth + 16 * far**4 * noise.total.fourth + weight**4 * noise.count.fourth,
        np.maximum(np.maximum(1.0, 2 * far), weight),
        alpha,
    )
    lower, upper = _hull(knots, slack, measures[0], noise.count.half_width(ALPHA), (least, ends.max(axis=0)))
    below, above = bounds.lower - bounds.centre, bounds.upper - bounds.centre
    middle = np.clip((below + above) / 2, low, high)
    return lower, np.maximum(lower, np.minimum(upper, (middle - below) * (above - middle)))


def _hull(
    knots: Floats, slack: Floats, counts: Integers, surely: float, between: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return the smallest and largest x with least - slack(x) <= count·x <= most + slack(x), for every cell.

    The slack of a piece between two knots is the larger of its ends. The whole range is returned where the count may
    be zero, and where nothing satisfies the condition.
    """
    piece = np.maximum(slack[:, :-1], slack[:, 1:])
    count = np.maximum(counts, 1).astype(np.float64)[:, None]
    left = np.maximum(knots[:-1], (between[0][:, None] - piece) / count)
    right = np.minimum(knots[1:], (between[1][:, None] + piece) / count)
    holds = left <= right
    known = (counts > surely) & holds.any(axis=1)
    lower = np.where(known, np.where(holds, left, np.inf).min(axis=1), knots[0])
    upper = np.where(known, np.where(holds, right, -np.inf).max(axis=1), knots[-1])
    return lower, upper
