"""How far integer noise, and weighted sums of integer noises, stray.

A single noise: exact tails of the integer Laplace (two-sided geometric) and the integer Gaussian distribution
(Canonne, Kamath and Steinke 2020). Weighted sums: with variance V = Σ wᵢ²Vᵢ and concentration c = Σ (wᵢ²Vᵢ)² / V² over
the Laplace terms, the half-width is √V · (z + √c · (l - z)), where z and l are the quantiles of a normal and of a
Laplace variable with variance 1. It is exact for one Laplace noise (c = 1) and for Gaussian noise (c = 0). Between
them it is wider than the exact quantile, by at most 3 % at α = 0.05; tests hold it against exact convolutions. Half of
the widest lattice step is added, because sums of integers stand on a lattice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from gateway.model.measure import Mechanism

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ALPHA = 0.05
"""One value in twenty may lie outside its 95 % interval."""

_NORMAL = NormalDist()
_SUMMED_SCALE = 4096.0
"""Up to this scale the Gaussian's tail is summed term by term."""


@dataclass(frozen=True, slots=True)
class IntegerNoise:
    """Integer noise of a known law: P(x) ∝ exp(-|x|/scale), or ∝ exp(-x²/(2·scale²)).

    A scale of 0 is no noise at all.

    Raises:
        ValueError: the scale is negative or not finite.
    """

    kind: Mechanism
    scale: float

    def __post_init__(self) -> None:
        if not 0 <= self.scale < math.inf:
            raise ValueError("a scale is finite and not negative")

    @property
    def variance(self) -> float:
        """The variance of the continuous law of the same scale; the integer law's is not larger."""
        return self.kind.variance(self.scale)

    @property
    def fourth(self) -> float:
        """What the noise adds to a sum's concentration: the squared variance if it is Laplace, or else 0."""
        return self.variance**2 if self.kind is Mechanism.LAPLACE else 0.0

    def half_width(self, alpha: float = ALPHA) -> float:
        """Return the smallest whole h with P(|noise| > h) <= alpha.

        Raises:
            ValueError: alpha is not in [1e-12, 1).
        """
        if not 1e-12 <= alpha < 1:
            raise ValueError("alpha is between 1e-12 and 1")
        if self.scale == 0:
            return 0.0
        if self.kind is Mechanism.LAPLACE:
            # P(|x| >= k) = 2a^k/(1+a) with a = exp(-1/scale)
            passed = self.scale * (math.log(2 / alpha) - math.log1p(math.exp(-1 / self.scale)))
            return float(max(0, math.ceil(passed) - 1))
        if self.scale > _SUMMED_SCALE:
            # a sum of a falling density is below its integral, so the normal quantile rounded up suffices
            return float(math.ceil(-self.scale * _NORMAL.inv_cdf(alpha / 2)))
        beyond = np.cumsum(self.masses()[::-1])[::-1]
        middle = len(beyond) // 2
        return float(np.argmax(2 * beyond[middle + 1 :] <= alpha))

    def masses(self) -> Floats:
        """Return the probabilities of -w … w, where what lies beyond w is less than 1e-17."""
        width = 40 * self.scale if self.kind is Mechanism.LAPLACE else 9 * self.scale
        inner = np.arange(-math.ceil(width) - 1, math.ceil(width) + 2, dtype=np.float64)
        if self.scale == 0:
            return np.where(inner == 0, 1.0, 0.0)
        power = np.abs(inner) / self.scale
        weights = np.exp(-power if self.kind is Mechanism.LAPLACE else -power * power / 2)
        masses: Floats = weights / weights.sum()
        return masses


def sum_half_width(variance: Floats, fourth: Floats, step: Floats | float, alpha: float = ALPHA) -> Floats:
    """Return h with P(|Σ wᵢxᵢ| > h) <= alpha for independent integer noises xᵢ, elementwise.

    `variance` is Σ wᵢ²·variance, `fourth` is Σ wᵢ⁴·fourth, and `step` the largest |wᵢ|.

    Raises:
        ValueError: alpha is not in [1e-12, 0.05]; the bound is made for that range.
    """
    if not 1e-12 <= alpha <= ALPHA:
        raise ValueError("alpha is between 1e-12 and 0.05")
    normal, laplace = -_NORMAL.inv_cdf(alpha / 2), math.log(1 / alpha) / math.sqrt(2)
    some = np.maximum(variance, np.finfo(np.float64).tiny)
    # far out the largest Laplace term alone decides, and its share is the fourth root of the concentration
    root = 0.5 if alpha >= 1e-3 else 0.25
    share = np.minimum(fourth / some / some, 1.0) ** root
    half = np.sqrt(variance) * (normal + share * (laplace - normal)) + np.asarray(step) / 2
    return np.where(np.asarray(variance) > 0, half, 0.0)
