from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import Fault
from gateway.privacy.mechanisms import (
    add_laplace,
    laplace_loss,
    laplace_margin,
    laplace_scale,
    laplace_scale_for_margin,
)


@given(st.integers(1, 10**9), st.fractions(Fraction(1, 10_000), Fraction(10), max_denominator=10**6))
def test_the_loss_of_a_settled_scale_never_exceeds_what_is_charged(sensitivity: int, epsilon: Fraction) -> None:
    scale = laplace_scale(sensitivity, epsilon)
    assert laplace_loss(scale, sensitivity) <= epsilon
    # and it is not noisier than it must be: a scale smaller by a billionth would cost more
    assert laplace_loss(scale * (1 - 1e-9), sensitivity) > epsilon * Fraction(999_999_999, 1_000_000_000)


def test_noise_for_more_than_was_charged_is_never_drawn() -> None:
    scale = laplace_scale(3, Fraction(1, 2))
    with pytest.raises(Fault):
        add_laplace([1, 2, 3], scale / 1.01, 3, Fraction(1, 2))
    with pytest.raises(Fault):
        add_laplace([1, 2, 3], scale, 4, Fraction(1, 2))


def test_answers_are_integers_around_the_truth() -> None:
    truth = [0, 10**12, -5]
    noisy = np.array([add_laplace(truth, 2.0, 1, Fraction(1, 2)) for _ in range(400)])
    assert noisy.dtype == np.int64
    assert np.all(np.abs(noisy.mean(axis=0) - truth) < 1.0)
    assert noisy.std(axis=0).min() > 1.5


def test_margins_are_published_half_widths() -> None:
    assert laplace_margin(3.0) == pytest.approx(9.445721638273582)
    assert laplace_margin(laplace_scale_for_margin(25.0)) == pytest.approx(25.0, rel=1e-6)


def test_the_margin_covers_the_noise_at_its_stated_rate() -> None:
    scale, draws = 7.0, 40_000
    noise = np.abs(np.array(add_laplace([0] * draws, scale, 1, Fraction(1))))
    assert 0.94 < np.mean(noise <= laplace_margin(scale)) < 0.965
