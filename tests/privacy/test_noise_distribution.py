"""The noise is what it claims to be: drawn through the pipeline's own stage, compared with the claimed distribution.

Each test of the right noise has a twin in which the noise is planted wrong, and which must fail: without that, a test
of randomness proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan
from gateway.privacy.mechanisms import add_noise, laplace_scale

DRAWS = 30_000
SUSPICIOUS = 1e-6
"""A right mechanism fails a test once in a million runs."""

Draw = Callable[[int, float], npt.NDArray[np.int64]]


def ours(draws: int, scale: float) -> npt.NDArray[np.int64]:
    rows, loss = Measure(MeasureKind.ROWS, 1), PrivacyLoss(Fraction(50), Fraction(10))
    plan = NoisePlan(rows, 0, Mechanism.LAPLACE, scale, 1, 1, "", loss, 0.0, "")
    return np.array(add_noise([0] * draws, plan))


def probability(value: npt.NDArray[np.int64], scale: float) -> npt.NDArray[np.float64]:
    """The probability of the two-sided geometric distribution: (1-a)/(1+a) · a^|x| with a = exp(-1/scale)."""
    a = math.exp(-1 / scale)
    result: npt.NDArray[np.float64] = (1 - a) / (1 + a) * np.power(a, np.abs(value).astype(np.float64))
    return result


def fit(noise: npt.NDArray[np.int64], scale: float) -> float:
    """The p-value of a chi-squared test against the claimed distribution, over bins that hold 40 draws or more."""
    width = int(scale * math.log(len(noise) / 100))
    inner = np.arange(-width, width + 1)
    claimed = probability(inner, scale)
    tail = (1 - claimed.sum()) / 2
    observed = [np.sum(noise < -width), *(np.sum(noise == value) for value in inner), np.sum(noise > width)]
    expected = len(noise) * np.array([tail, *claimed, tail])
    bins = _merged(np.array(observed, dtype=np.float64), expected)
    statistic = sum((seen - due) ** 2 / due for seen, due in bins)
    return _chi2_tail(statistic, len(bins) - 1)


def _merged(observed: npt.NDArray[np.float64], expected: npt.NDArray[np.float64]) -> list[tuple[float, float]]:
    bins: list[tuple[float, float]] = []
    seen = due = 0.0
    for one, other in zip(observed, expected, strict=True):
        seen, due = seen + one, due + other
        if due >= 40:
            bins.append((seen, due))
            seen = due = 0.0
    last = bins.pop()
    return [*bins, (last[0] + seen, last[1] + due)]


def _chi2_tail(statistic: float, freedom: int) -> float:
    """The upper tail of the chi-squared distribution, by Wilson and Hilferty's cube-root approximation (1931)."""
    z = ((statistic / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return 0.5 * math.erfc(z / math.sqrt(2))


def scaled(factor: float) -> Draw:
    return lambda draws, scale: ours(draws, scale * factor)


def floored_floats(draws: int, scale: float) -> npt.NDArray[np.int64]:
    return np.floor(np.random.default_rng(1).laplace(0, scale, draws)).astype(np.int64)


def clamped(draws: int, scale: float) -> npt.NDArray[np.int64]:
    return np.maximum(ours(draws, scale), -int(scale))


@pytest.mark.parametrize("scale", [1.0, 3.0, 20.0])
def test_the_noise_fits_its_claim(scale: float) -> None:
    assert fit(ours(DRAWS, scale), scale) > SUSPICIOUS


@pytest.mark.parametrize(
    ("planted", "scale"),
    [
        pytest.param(scaled(0.9), 3.0, id="10 % too little"),
        pytest.param(scaled(0.9), 20.0, id="10 % too little, wide"),
        pytest.param(scaled(1.1), 3.0, id="10 % too much"),
        pytest.param(scaled(1.1), 20.0, id="10 % too much, wide"),
        pytest.param(floored_floats, 3.0, id="floored floats"),
        pytest.param(clamped, 20.0, id="clamped on one side"),
    ],
)
def test_planted_noise_does_not(planted: Draw, scale: float) -> None:
    assert fit(planted(DRAWS, scale), scale) <= SUSPICIOUS


def epsilon_lower_bound(first: Sequence[int], second: Sequence[int]) -> float:
    """The epsilon that two neighbouring data sets' answers prove, at confidence 0.999: half of the draws choose the
    events that tell most, the other half tests the best eight, corrected for their number."""
    half = len(first) // 2
    ranked = _events(np.array(first[:half]), np.array(second[:half]))
    return max(_tested(event, np.array(first[half:]), np.array(second[half:])) for event in ranked[:8])


def _events(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> list[int]:
    cuts = np.unique(np.concatenate([first, second]))
    ratio = [(np.mean(first <= cut) + 1e-3) / (np.mean(second <= cut) + 1e-3) for cut in cuts]
    return [int(cuts[place]) for place in np.argsort(ratio)[::-1]]


def _tested(cut: int, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
    low = _wilson(int(np.sum(first <= cut)), len(first), -1)
    high = _wilson(int(np.sum(second <= cut)), len(second), 1)
    return math.log(low / high) if low > 0 else 0.0


def _wilson(hits: int, draws: int, side: int) -> float:
    """A one-sided Wilson bound at 1 - 1e-3/16 (z = 3.84): two bounds for each of eight events."""
    z, rate = 3.84, hits / draws
    centre = rate + z * z / (2 * draws)
    spread = z * math.sqrt(rate * (1 - rate) / draws + z * z / (4 * draws * draws))
    return (centre + side * spread) / (1 + z * z / draws)


def answers(truth: int, scale: float) -> list[int]:
    return [int(value) for value in truth + ours(DRAWS, scale)]


def test_one_unit_cannot_be_told_better_than_the_epsilon_allows() -> None:
    # a unit that fills its bounds: 2 cells of 3 rows each, at epsilon 1
    sensitivity, epsilon = 6, Fraction(1)
    scale = laplace_scale(sensitivity, epsilon)
    assert epsilon_lower_bound(answers(100, scale), answers(100 + sensitivity, scale)) <= float(epsilon)


@pytest.mark.parametrize("factor", [0.5, 0.67])
def test_a_scale_that_is_too_small_is_found_out(factor: float) -> None:
    sensitivity = 6
    scale = laplace_scale(sensitivity, Fraction(1)) * factor
    assert epsilon_lower_bound(answers(100, scale), answers(100 + sensitivity, scale)) > 1.0
