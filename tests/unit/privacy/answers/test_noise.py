from __future__ import annotations

import math

import numpy as np
import opendp.prelude as dp
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise, sum_half_width

LAPLACE, GAUSSIAN = Mechanism.LAPLACE, Mechanism.GAUSSIAN
ALPHAS = (0.5, 0.05, 0.01, 1e-6)


def beyond(noise: IntegerNoise, width: float) -> float:
    """P(|x| > width), summed in order of size from a formula of its own."""
    reach = range(1, math.ceil(60 * noise.scale) + 3)
    terms = [
        math.exp(-x / noise.scale) if noise.kind is LAPLACE else math.exp(-x * x / (2 * noise.scale**2)) for x in reach
    ]
    return 2 * math.fsum(terms[int(width) :]) / (1 + 2 * math.fsum(terms))


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0, 3.7, 60.0])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_half_width_is_the_smallest_that_holds(kind: Mechanism, scale: float, alpha: float) -> None:
    noise = IntegerNoise(kind, scale)
    half = noise.half_width(alpha)
    assert beyond(noise, half) <= alpha * (1 + 1e-9)
    assert half == 0 or beyond(noise, half - 1) > alpha * (1 - 1e-9)


@pytest.mark.parametrize("alpha", ALPHAS[1:])
def test_far_out_the_gaussian_half_width_is_the_normal_one_rounded_up(alpha: float) -> None:
    near = IntegerNoise(GAUSSIAN, 4000.0).half_width(alpha) / 4000
    assert IntegerNoise(GAUSSIAN, 4e9).half_width(alpha) / 4e9 == pytest.approx(near, rel=1e-3)


@pytest.mark.parametrize("scale", [0.5, 3.0, 1234.5])
def test_it_agrees_with_opendp(scale: float) -> None:
    theirs = dp.discrete_laplacian_scale_to_accuracy(scale, 0.05)
    # theirs is where the tail's formula has the value; the noise is whole
    assert IntegerNoise(LAPLACE, scale).half_width() == max(0, math.ceil(theirs) - 1)


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_the_variance_is_not_below_the_true_one(kind: Mechanism) -> None:
    for scale in (0.2, 1.0, 10.0, 100.0):
        noise = IntegerNoise(kind, scale)
        masses = noise.masses()
        places = np.arange(len(masses)) - len(masses) // 2
        true = float(masses @ places**2)
        assert masses.sum() == pytest.approx(1)
        assert true * (1 - 1e-12) <= noise.variance <= true + 1 / 3


def test_no_noise_has_no_width() -> None:
    noise = IntegerNoise(LAPLACE, 0.0)
    assert noise.half_width() == 0
    assert noise.masses().max() == 1
    assert sum_half_width(np.zeros(2), np.zeros(2), 1.0).tolist() == [0, 0]


@pytest.mark.parametrize("scale", [-1.0, math.inf, math.nan])
def test_a_scale_is_finite_and_not_negative(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        IntegerNoise(LAPLACE, scale)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan, 1e-13])
def test_an_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        IntegerNoise(LAPLACE, 1.0).half_width(alpha)


@pytest.mark.parametrize("alpha", [0.0, 0.06, math.nan])
def test_sums_are_bounded_for_small_alphas_only(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        sum_half_width(np.ones(1), np.ones(1), 1.0, alpha)
