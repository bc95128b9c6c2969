"""Values with the intervals that cover the truth in 95 of 100 releases, and what may be done to both at no cost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import Floats, IntegerNoise, Integers, sum_half_width


@dataclass(frozen=True, slots=True)
class Estimates:
    """Answers of one statistic: three float64 arrays of one shape, and how the values came about.

    Each interval covers the exact bounded statistic with probability 0.95 or more, by itself; that all of a large table
    do is less likely. A value may lie outside its interval only after a step that is labelled as biased.
    """

    values: Floats = field(repr=False)
    lower: Floats = field(repr=False)
    upper: Floats = field(repr=False)
    applied: tuple[PostProcessing, ...] = ()

    @property
    def margins(self) -> Floats:
        """The larger distance from the value to the ends of its interval."""
        widest: Floats = np.maximum(self.upper - self.values, self.values - self.lower)
        return widest


def measured(values: Integers, noise: IntegerNoise) -> Estimates:
    """Return noised measures as they are: unbiased, with the exact half-width of their noise."""
    centre = values.astype(np.float64)
    half = noise.half_width()
    return Estimates(centre, centre - half, centre + half)


def summed(values: Integers, axis: int, noise: IntegerNoise) -> Estimates:
    """Return the totals of a table of noised cells over one axis: unbiased, with the margin of their noises' sum."""
    terms = values.shape[axis]
    totals = values.sum(axis=axis).astype(np.float64)
    half = sum_half_width(np.array(terms * noise.variance), np.array(terms * noise.fourth), 1.0)
    return Estimates(totals, totals - half, totals + half, (PostProcessing.SUMMED,))


def rounded(answers: Estimates, step: float) -> Estimates:
    """Return values at the nearest multiples of `step` (ties to even), with intervals wider by half a step each way.

    Raises:
        ValueError: the step is not positive.
    """
    if not step > 0:
        raise ValueError("a step is positive")
    values = np.rint(answers.values / step) * step
    return Estimates(
        values, answers.lower - step / 2, answers.upper + step / 2, (*answers.applied, PostProcessing.ROUNDED)
    )


def non_negative(answers: Estimates) -> Estimates:
    """Return values and intervals with what lies below zero set to zero, for quantities that cannot be negative.

    The intervals cover as before; the values are biased upwards, most where the truth is near zero.
    """
    at_least = [np.maximum(part, 0.0) for part in (answers.values, answers.lower, answers.upper)]
    return Estimates(at_least[0], at_least[1], at_least[2], (*answers.applied, PostProcessing.NON_NEGATIVE))
