"""The audit's own statistics: right against known values, silent about what is sound, and able to find what is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.privacy.audit import chances
from tests.privacy.audit.chances import ALARM, beta_cdf, chi2_tail, least_rate, monotonic, most_rate, same_distribution
from tests.privacy.audit.claims import GAUSSIAN, LAPLACE, Claim
from tests.privacy.audit.detectors import EVENTS, LIKELIEST, bound_level, misfit, proved_delta, proved_epsilon
from tests.privacy.audit.planted import integer_laplace

KEYS = 200_000


@pytest.mark.parametrize(
    ("statistic", "freedom", "tail"),
    [(3.841459, 1, 0.05), (18.307038, 10, 0.05), (149.4493, 100, 0.001), (90.0, 100, 0.7532), (28.374, 1, 1e-7)],
)
def test_tails_of_chi_squared_are_those_of_tables(statistic: float, freedom: int, tail: float) -> None:
    assert chi2_tail(statistic, freedom) == pytest.approx(tail, rel=2e-3)


@pytest.mark.parametrize(("hits", "draws"), [(1, 10), (7, 10), (40, 2000)])
def test_intervals_are_where_binomial_tails_say(hits: int, draws: int) -> None:
    low, high = least_rate(hits, draws, 1e-3), most_rate(hits, draws, 1e-3)
    assert _binomial(draws, low, range(hits, draws + 1)) == pytest.approx(1e-3, rel=1e-3)
    assert _binomial(draws, high, range(hits + 1)) == pytest.approx(1e-3, rel=1e-3)
    assert beta_cdf(low, hits, draws - hits + 1) == pytest.approx(1e-3, rel=1e-6)


def _binomial(draws: int, rate: float, hits: range) -> float:
    return sum(math.comb(draws, k) * rate**k * (1 - rate) ** (draws - k) for k in hits if _large(draws, rate, k))


def _large(draws: int, rate: float, k: int) -> bool:
    """Whether a term counts: far ones are beyond floats."""
    return abs(k - draws * rate) < 12 * math.sqrt(draws * rate) + 30


def test_the_distributions_of_claims_are_those_of_their_definitions() -> None:
    x = np.arange(-60, 61)
    for claim, weights in [
        (Claim(LAPLACE, 3.0), np.exp(-np.abs(x) / 3.0)),
        (Claim(GAUSSIAN, 3.0), np.exp(-np.square(x / 3.0) / 2)),
    ]:
        due = weights / weights.sum()
        assert np.diff(claim.below(np.arange(-61, 61))) == pytest.approx(due, abs=1e-8)
        assert claim.deviation == pytest.approx(math.sqrt(float(np.sum(due * np.square(x)))), rel=1e-6)
        assert claim.within(4.6) == pytest.approx(due[np.abs(x) <= 4].sum(), abs=1e-8)
    wide, summed = Claim(GAUSSIAN, 10_001.0), Claim(GAUSSIAN, 9_999.0)
    at = np.array([-30_000, -5, 0, 12_345])
    assert wide.below(at) == pytest.approx(summed.below(at), abs=2e-4)


@pytest.mark.parametrize("claimed", [0.0, 1.0, 3.0])
def test_sound_noise_is_wronged_no_more_often_than_stated(claimed: float) -> None:
    """The exact chance that an event of the rates P₂ and e^ε·P₂ proves more than ε, whatever P₂ is."""
    draws, level, odds = 400, bound_level(claimed), math.exp(claimed)
    for rate in (0.2 / odds, LIKELIEST / odds):
        wrong = 0.0
        for hits in _most_hits(draws, rate):
            needed = odds * most_rate(hits, draws, level)
            low, high = 0, draws + 1  # the fewest hits whose lower bound is more than that
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if least_rate(middle, draws, level) > needed else (middle, high)
            if high <= draws:
                wrong += _point(draws, rate, hits) * beta_cdf(odds * rate, high, draws - high + 1)
        assert wrong * EVENTS <= ALARM


def _most_hits(draws: int, rate: float) -> range:
    spread = 5 * math.sqrt(draws * rate)
    return range(max(0, math.floor(draws * rate - spread)), min(draws, math.ceil(draws * rate + spread)) + 1)


def _point(draws: int, rate: float, hits: int) -> float:
    ways = math.lgamma(draws + 1) - math.lgamma(hits + 1) - math.lgamma(draws - hits + 1)
    return math.exp(ways + hits * math.log(rate) + (draws - hits) * math.log1p(-rate))


def test_tests_of_two_samples_are_silent_and_loud() -> None:
    rng = np.random.default_rng(5)
    one, other, later = rng.random(400), rng.random(400), rng.random(400) + 0.5
    assert same_distribution(one, other) > 1e-3
    assert same_distribution(one, later) < ALARM
    assert same_distribution(np.ones(400), np.ones(400)) == 1.0
    assert monotonic(one, other) > 1e-3
    assert monotonic(one, one + other / 2) < ALARM
    assert monotonic(one, np.ones(400)) == 1.0
    assert chances.two_sided(1.959964) == pytest.approx(0.05, rel=1e-5)


@pytest.mark.parametrize(("claim", "factor"), [(LAPLACE, 0.9), (LAPLACE, 1.1), (GAUSSIAN, 0.9), (GAUSSIAN, 1.1)])
@pytest.mark.parametrize("scale", [3.0, 4000.0])
def test_a_scale_that_is_off_does_not_fit(claim: str, factor: float, scale: float) -> None:
    assert misfit(_drawn(claim, scale, 20_000), Claim(claim, scale)) > 1e-5
    assert misfit(_drawn(claim, factor * scale, 20_000), Claim(claim, scale)) <= ALARM


def _drawn(mechanism: str, scale: float, draws: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Draws of a claimed distribution, by inverting it."""
    edge = math.ceil(20 * scale)
    x = np.arange(-edge, edge + 1)
    chosen = np.searchsorted(Claim(mechanism, scale).below(x), np.random.default_rng(11).random(draws))
    return x[np.clip(chosen, 0, len(x) - 1)]


@pytest.mark.parametrize("delta", [0.0, 1e-3])
def test_epsilon_is_proved_where_it_is_exceeded_and_nowhere_else(delta: float) -> None:
    draws, scales = (8000, 2), np.array([4.0, 4.0])  # one person moves both answers by 2: epsilon is 1
    for scale, exceeded in ((4.0, False), (4.0 / 1.5, True)):
        one, other = integer_laplace(scale, draws) + 2, integer_laplace(scale, draws)
        assert (proved_epsilon(one, other, scales, 1.0, delta) > 1.0) is exceeded


def released(keys: int, delta: float, epsilon: float, told: float) -> int:
    """How many of so many keys, each of one person alone, a threshold release shows: integer Laplace noise on 1, and
    the threshold of a delta. One that is told as `told` has the threshold of a larger one."""
    scale = 1 / epsilon
    a = math.exp(-1 / scale)
    # P(1 + noise ≥ threshold) = a^(threshold - 1)/(1 + a) ≤ delta
    threshold = 1 + math.ceil(math.log(delta * told * (1 + a)) / math.log(a))
    noise = integer_laplace(scale, (keys,))
    return int(np.sum(1 + noise >= threshold))


def test_a_threshold_that_keeps_its_delta_is_believed() -> None:
    assert proved_delta(released(KEYS, 1e-3, 0.1, told=1.0), KEYS) <= 1e-3


@pytest.mark.parametrize("told", [2.0, 2.75, 10.0])
def test_a_threshold_that_understates_its_delta_is_found(told: float) -> None:
    assert proved_delta(released(KEYS, 1e-3, 0.1, told), KEYS) > 1e-3
