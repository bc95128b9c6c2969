"""The half-width of weighted sums of integer noises, against exact convolutions of their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise, sum_half_width
from tests.privacy.margins import GAUSSIAN, LAPLACE, Floats

ALPHAS = (0.05, 0.045, 0.02, 0.005, 1e-3, 1e-4, 1e-6)


def law(terms: list[tuple[IntegerNoise, int]]) -> Floats:
    """The exact law of Σ w·x for whole weights w: places -m … m, by convolution."""
    result = np.ones(1)
    for noise, weight in terms:
        masses = noise.masses()
        spaced = np.zeros((len(masses) - 1) * weight + 1)
        spaced[::weight] = masses
        size = 1 << (len(result) + len(spaced)).bit_length()
        both = np.fft.irfft(np.fft.rfft(result, size) * np.fft.rfft(spaced, size), size)
        result = np.maximum(both[: len(result) + len(spaced) - 1], 0)
    return result


def exact_half_width(masses: Floats, alpha: float) -> int:
    beyond = 2 * np.cumsum(masses[::-1])[::-1][len(masses) // 2 + 1 :]
    return int(np.argmax(beyond <= alpha))


def stated(terms: list[tuple[IntegerNoise, int]], alpha: float) -> float:
    variance = sum(weight**2 * noise.variance for noise, weight in terms)
    fourth = sum(weight**4 * noise.fourth for noise, weight in terms)
    return float(sum_half_width(np.array(variance), np.array(fourth), max(weight for _, weight in terms), alpha))


def sums(kind: Mechanism, many: int) -> list[list[tuple[IntegerNoise, int]]]:
    random = np.random.default_rng(7)
    result = [[(IntegerNoise(kind, scale), 1)] * terms for scale in (0.3, 1.0, 4.0, 20.0) for terms in (1, 2, 3, 12)]
    for _ in range(many):
        scales = random.choice([0.5, 1.0, 2.5, 8.0], random.integers(1, 9))
        result.append([(IntegerNoise(kind, scale), int(random.integers(1, 30))) for scale in scales])
    # one large term beside many small ones
    result += [[(IntegerNoise(kind, 2.0), 20), *[(IntegerNoise(kind, 2.0), small)] * 12] for small in (1, 3, 8)]
    return result


@pytest.mark.proof
@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_the_half_width_of_a_sum_holds(kind: Mechanism, prove: bool) -> None:
    for terms in sums(kind, 1000 if prove else 40):
        masses = law(terms)
        for alpha in ALPHAS:
            assert exact_half_width(masses, alpha) <= stated(terms, alpha)


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_it_is_hardly_wider(kind: Mechanism) -> None:
    for terms in sums(kind, 40):
        if min(noise.scale for noise, _ in terms) < 1:
            continue  # nearly no noise: the step of the lattice is all there is
        exact = exact_half_width(law(terms), 0.05)
        largest = max(weight for _, weight in terms)
        assert math.floor(stated(terms, 0.05)) <= 1.03 * exact + largest


def test_laplace_and_gaussian_terms_may_be_mixed() -> None:
    for gaussian in (0.5, 2.0, 8.0):
        terms = [(IntegerNoise(LAPLACE, 3.0), 2), (IntegerNoise(GAUSSIAN, gaussian), 3)]
        masses = law(terms)
        for alpha in ALPHAS:
            assert exact_half_width(masses, alpha) <= stated(terms, alpha)
    assert math.isclose(stated([(IntegerNoise(GAUSSIAN, 9.0), 1)], 0.05), 9 * 1.959964 + 0.5, rel_tol=1e-6)
