"""Privacy loss in exact rationals.

The currency is rho of zero-concentrated differential privacy (Bun and Steinke 2016): losses add up.
Epsilon at delta is for people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, order=True)
class PrivacyLoss:
    """A loss of `rho`; `epsilon` is the pure epsilon of the same release, where it has one."""

    rho: Fraction
    epsilon: Fraction | None = None

    def epsilon_at(self, delta: float) -> float:
        """Return the epsilon at delta that this loss amounts to: never more than its pure epsilon, where it has one."""
        converted = rho_to_epsilon(self.rho, delta)
        return converted if self.epsilon is None else min(converted, float(self.epsilon))

    def __add__(self, other: PrivacyLoss) -> PrivacyLoss:
        epsilon = None if self.epsilon is None or other.epsilon is None else self.epsilon + other.epsilon
        return PrivacyLoss(self.rho + other.rho, epsilon)

    def __post_init__(self) -> None:
        if self.rho < 0 or (self.epsilon is not None and self.epsilon < 0):
            raise ValueError("a privacy loss is never negative")


def composed_rho(epsilons: Iterable[Fraction]) -> Fraction:
    """Return the rho of several pure losses together: zCDP adds up."""
    return sum(map(pure_to_rho, epsilons), Fraction(0))


def pure_to_rho(epsilon: Fraction) -> Fraction:
    """Return the rho of an epsilon-DP mechanism: epsilon²/2 (Bun and Steinke 2016, proposition 1.4)."""
    return epsilon * epsilon / 2


def rho_to_epsilon(rho: Fraction, delta: float) -> float:
    """Return an epsilon such that rho-zCDP implies (epsilon, delta)-DP: rho + 2·sqrt(rho·ln(1/delta)) (prop. 1.3)."""
    return float(rho) + 2 * math.sqrt(float(rho) * math.log(1 / delta))


def epsilon_to_rho(epsilon: float, delta: float) -> Fraction:
    """Return a rho, to 12 decimals, whose epsilon at delta is at most `epsilon`; less than 3e-12 below the largest."""
    log = math.log(1 / delta)
    root = math.sqrt(log + epsilon) - math.sqrt(log)
    # one unit less than rounded down, since the float may lie above the true value
    return Fraction(max(math.floor(root * root * 10**12) - 1, 0), 10**12)


def exact(fraction: Fraction) -> str:
    """Write a fraction as "numerator/denominator"."""
    return f"{fraction.numerator}/{fraction.denominator}"
