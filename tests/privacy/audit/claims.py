"""What a gateway claims of its noise, as distributions that the audit works out by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Chances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Claim:
    """Noise of a named mechanism: integer, around 0, of this scale (of the Gaussian, its standard deviation)."""

    mechanism: str
    scale: float

    def below(self, value: Integers) -> Chances:
        """The probability that the noise is at most a value."""
        return _BELOW[self.mechanism](value, self.scale)

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of the noise."""
        return _DEVIATION[self.mechanism](self.scale)

    def within(self, margin: float) -> float:
        """The probability that the noise is no further from 0 than a margin."""
        edge = math.floor(margin)
        low, high = self.below(np.array([-edge - 1, edge]))
        return float(high - low)


def _laplace_below(value: Integers, scale: float) -> Chances:
    """The integer Laplace distribution, (1-a)/(1+a)·a^|x| with a = exp(-1/scale): Ghosh and others 2009."""
    a, x = math.exp(-1 / scale), value.astype(np.float64)
    tail = np.exp(-np.where(x >= 0, x + 1, -x) / scale) / (1 + a)
    result: Chances = np.where(x >= 0, 1 - tail, tail)
    return result


def _laplace_deviation(scale: float) -> float:
    # 2a/(1-a)², written so that nothing is lost where a is nearly 1
    return math.sqrt(2 * math.exp(-1 / scale)) / -math.expm1(-1 / scale)


def _gauss_weights(scale: float) -> tuple[Integers, Chances]:
    edge = math.ceil(12 * scale)
    x = np.arange(-edge, edge + 1)
    weights = np.exp(-np.square(x / scale) / 2)
    return x, weights / weights.sum()


def _gauss_below(value: Integers, scale: float) -> Chances:
    """The integer Gaussian distribution, proportional to exp(-x²/2s²): Canonne, Kamath and Steinke 2020.

    Above a scale of 10,000 it is a rounded normal one, but for less than one part in 10⁸.
    """
    if scale > 10_000:
        z = (value + 0.5) / (scale * math.sqrt(2))
        return np.array([math.erfc(-one) / 2 for one in z])
    x, weights = _gauss_weights(scale)
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    result: Chances = sums[np.clip(value - x[0] + 1, 0, len(x))]
    return result


def _gauss_deviation(scale: float) -> float:
    if scale > 10_000:
        return scale
    x, weights = _gauss_weights(scale)
    return math.sqrt(float(np.sum(weights * np.square(x.astype(np.float64)))))


LAPLACE, GAUSSIAN = "integer Laplace", "integer Gaussian"
_BELOW: dict[str, Callable[[Integers, float], Chances]] = {LAPLACE: _laplace_below, GAUSSIAN: _gauss_below}
_DEVIATION: dict[str, Callable[[float], float]] = {LAPLACE: _laplace_deviation, GAUSSIAN: _gauss_deviation}
