"""How likely something is if nothing is wrong: tails, intervals and tests, of the tests' own code.

Whoever judges by chance is wrong at times. Every judgement of the audit is one that a sound gateway fails with
probability `ALARM` at most; there are fewer than 500 in one run, so that all of them together raise a false alarm
less than once in 100,000 runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

ALARM = 1e-8

_TINY = 1e-300


def chi2_tail(statistic: float, freedom: int) -> float:
    """The upper tail of the chi-squared distribution: the regularised incomplete gamma function (DLMF 8.2.4)."""
    a, x = freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:  # the series converges fast here (DLMF 8.7.1)
        term = total = 1 / a
        n = a
        while term > total * 1e-16:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1 - front * total)
    # the continued fraction of DLMF 8.9.2, by the modified Lentz algorithm
    return front * _lentz(x + 1 - a, lambda k: k * (a - k), lambda k: x + 2 * k + 1 - a)


def _lentz(first: float, numerator: Callable[[int], float], denominator: Callable[[int], float]) -> float:
    """1/(first + n(1)/(d(1) + n(2)/(d(2) + …)))."""
    c, d = 1 / _TINY, 1 / first
    value = d
    for k in range(1, 100_000):
        top, bottom = numerator(k), denominator(k)
        d = 1 / ((top * d + bottom) or _TINY)
        c = (bottom + top / c) or _TINY
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return value


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function (DLMF 8.17.22, even and odd terms)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_cdf(1 - x, b, a)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)

    def term(k: int) -> float:
        m = k // 2
        if k % 2:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))

    return math.exp(log_front) / a * _lentz(1.0, term, lambda _: 1.0)


def least_rate(hits: int, draws: int, alpha: float) -> float:
    """The lower bound of Clopper and Pearson (1934) at confidence 1 - alpha."""
    return 0.0 if hits == 0 else _where(lambda p: beta_cdf(p, hits, draws - hits + 1) > alpha)


def most_rate(hits: int, draws: int, alpha: float) -> float:
    """The upper bound of Clopper and Pearson (1934) at confidence 1 - alpha."""
    return 1.0 if hits == draws else _where(lambda p: beta_cdf(p, hits + 1, draws - hits) > 1 - alpha)


def _where(above: Callable[[float], bool]) -> float:
    """Where a condition that grows with p begins to hold."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if above(middle) else (middle, high)
    return low


def normal_tail(z: float) -> float:
    """The probability that a normal deviate is above z."""
    return math.erfc(z / math.sqrt(2)) / 2


def normal_deviate(tail: float) -> float:
    """The z above which a normal deviate is with this probability, at most a half."""
    return 40 * _where(lambda share: normal_tail(40 * share) < tail)


def two_sided(z: float) -> float:
    """The probability that a normal deviate is as far from 0."""
    return math.erfc(abs(z) / math.sqrt(2))


def same_distribution(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """A p-value of the two-sample test of Kolmogorov and Smirnov, for samples of one size, never too small.

    By Wei and Dudley (2012, theorem 1): P(D ≥ d) ≤ 2.16863·exp(-n·d²) for any common distribution, with ties or not.
    """
    assert len(one) == len(other) >= 4
    at = np.sort(np.concatenate([one, other]))
    ranks = [np.searchsorted(np.sort(sample), at, side="right") for sample in (one, other)]
    distance = float(np.max(np.abs(ranks[0] - ranks[1]))) / len(one)
    return min(1.0, 2.16863 * math.exp(-len(one) * distance**2))


def monotonic(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """The p-value of Spearman's rank correlation, two-sided: r·sqrt(n - 1) is nearly normal for n of hundreds."""
    ranks = [_ranked(sample) for sample in (one, other)]
    spread = float(np.std(ranks[0]) * np.std(ranks[1]))
    if spread == 0:
        return 1.0
    r = float(np.mean((ranks[0] - ranks[0].mean()) * (ranks[1] - ranks[1].mean()))) / spread
    return two_sided(r * math.sqrt(len(one) - 1))


def _ranked(sample: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The ranks; equal values share the mean of theirs."""
    _, places, counts = np.unique(sample, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: npt.NDArray[np.float64] = ends - (counts - 1) / 2
    return means[places]
