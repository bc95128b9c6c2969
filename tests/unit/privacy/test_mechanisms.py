from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import Fault
from gateway.model.loss import PrivacyLoss, pure_to_rho
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.mechanisms import (
    add_noise,
    gaussian_scale,
    laplace_scale,
    root_above,
    scale_for,
    stated_loss,
)

BILLIONTH = Fraction(999_999_999, 1_000_000_000)


def planned(mechanism: Mechanism, scale: float, loss: PrivacyLoss, l1: int = 3, l2_squared: int = 5) -> NoisePlan:
    rows = Measure(MeasureKind.ROWS, 1)
    return NoisePlan(rows, 0, mechanism, scale, l1, l2_squared, "", loss, 0.0, "")


@given(st.integers(1, 10**9), st.fractions(Fraction(1, 10_000), Fraction(10), max_denominator=10**6))
def test_the_loss_of_a_laplace_scale_never_exceeds_what_is_charged(l1: int, epsilon: Fraction) -> None:
    scale = laplace_scale(l1, epsilon)
    loss = stated_loss(Mechanism.LAPLACE, scale, l1, l1 * l1)
    assert loss.epsilon is not None and loss.epsilon <= epsilon and loss.rho == pure_to_rho(loss.epsilon)
    # and it is not noisier than it must be: a scale smaller by a billionth would cost more
    smaller = stated_loss(Mechanism.LAPLACE, scale * (1 - 1e-9), l1, l1 * l1)
    assert smaller.epsilon is not None and smaller.epsilon > epsilon * BILLIONTH


@given(st.integers(1, 10**18), st.fractions(Fraction(1, 10**8), Fraction(50), max_denominator=10**12))
def test_the_loss_of_a_gaussian_scale_never_exceeds_what_is_charged(l2_squared: int, rho: Fraction) -> None:
    scale = gaussian_scale(l2_squared, rho)
    loss = stated_loss(Mechanism.GAUSSIAN, scale, 1, l2_squared)
    assert loss.rho <= rho and loss.epsilon is None
    assert stated_loss(Mechanism.GAUSSIAN, scale * (1 - 1e-8), 1, l2_squared).rho > rho * BILLIONTH


@given(st.integers(0, 10**40))
def test_a_root_is_never_below(square: int) -> None:
    root = Fraction(root_above(square))
    assert root * root >= square
    assert root * root <= square * (1 + Fraction(1, 2**50))


@pytest.mark.parametrize(
    ("mechanism", "loss"),
    [
        pytest.param(Mechanism.LAPLACE, PrivacyLoss(Fraction(1, 8), Fraction(1, 2)), id="laplace at an epsilon"),
        pytest.param(Mechanism.LAPLACE, PrivacyLoss(Fraction(1, 8)), id="laplace at a rho"),
        pytest.param(Mechanism.GAUSSIAN, PrivacyLoss(Fraction(1, 8)), id="gaussian"),
    ],
)
def test_noise_for_more_than_was_charged_is_never_drawn(mechanism: Mechanism, loss: PrivacyLoss) -> None:
    scale = laplace_scale(3, Fraction(1, 2)) if mechanism is Mechanism.LAPLACE else gaussian_scale(5, Fraction(1, 8))
    assert len(add_noise([1, 2, 3], planned(mechanism, scale, loss))) == 3
    with pytest.raises(Fault):
        add_noise([1, 2, 3], planned(mechanism, scale / 1.01, loss))
    with pytest.raises(Fault):
        add_noise([1, 2, 3], planned(mechanism, scale, loss, l1=4, l2_squared=6))


@pytest.mark.parametrize("mechanism", Mechanism)
def test_answers_are_integers_around_the_truth(mechanism: Mechanism) -> None:
    truth = [0, 10**12, -5]
    plan = planned(mechanism, 2.0, PrivacyLoss(Fraction(10)))
    noisy = np.array([add_noise(truth, plan) for _ in range(400)])
    assert noisy.dtype == np.int64
    assert np.all(np.abs(noisy.mean(axis=0) - truth) < 1.0)
    assert noisy.std(axis=0).min() > 1.5


@pytest.mark.parametrize("mechanism", Mechanism)
@pytest.mark.parametrize("margin", [1.0, 2.5, 25.0, 10**7 + 0.5])
def test_a_scale_for_a_margin_keeps_within_it(mechanism: Mechanism, margin: float) -> None:
    scale = scale_for(mechanism, margin)
    assert IntegerNoise(mechanism, scale).half_width() <= margin
    # and wastes little: with a third more noise the margin is larger, but for what the lattice hides
    assert IntegerNoise(mechanism, scale * 4 / 3).half_width() >= margin - 2


@pytest.mark.parametrize("mechanism", Mechanism)
def test_the_margin_covers_the_noise_at_its_stated_rate(mechanism: Mechanism) -> None:
    scale, draws = 7.0, 40_000
    noise = np.abs(np.array(add_noise([0] * draws, planned(mechanism, scale, PrivacyLoss(Fraction(10))))))
    assert 0.945 < np.mean(noise <= IntegerNoise(mechanism, scale).half_width()) < 0.965
