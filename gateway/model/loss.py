"""Privacy loss in exact rationals.

The currency is rho of zero-concentrated differential privacy (Bun and Steinke 2016): losses add up.
A release that may fail with a probability of delta (one that shows keys from a threshold on) is delta-approximately
rho-zCDP; deltas add up as well (section 8, lemma 8.2, of whose exact delta + delta' - delta·delta' the sum is an upper
bound). Epsilon at delta is for people.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, order=True)
class PrivacyLoss:
    """A loss of `rho`, and of `delta`: the probability that the release tells more than rho bounds, 0 for most.

    `epsilon` is the epsilon of the same release at its own delta, where it has one: a pure one where delta is 0.
    """

    rho: Fraction
    epsilon: Fraction | None = None
    delta: Fraction = Fraction(0)

    def epsilon_at(self, delta: float) -> float:
        """Return the epsilon at delta that this loss amounts to: never more than its own epsilon, where it has one.

        Its own delta is a part of that delta (Bun and Steinke 2016, lemma 8.8); infinite where it is more than all.
        """
        left = delta - float(self.delta)
        if left < 0:
            return math.inf
        own = math.inf if self.epsilon is None else float(self.epsilon)
        return min(own, rho_to_epsilon(self.rho, left)) if left else own

    def __add__(self, other: PrivacyLoss) -> PrivacyLoss:
        epsilon = None if self.epsilon is None or other.epsilon is None else self.epsilon + other.epsilon
        return PrivacyLoss(self.rho + other.rho, epsilon, self.delta + other.delta)

    def __post_init__(self) -> None:
        if self.rho < 0 or self.delta < 0 or (self.epsilon is not None and self.epsilon < 0):
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
