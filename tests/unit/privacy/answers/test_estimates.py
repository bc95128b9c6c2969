from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import Estimates, measured, non_negative, rounded, summed
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import IntegerNoise

NOISE = IntegerNoise(Mechanism.LAPLACE, 2)


def test_measures_carry_their_noise_s_half_width() -> None:
    answers = measured(np.array([[3, -4]]), NOISE)
    assert answers.values.tolist() == [[3, -4]]
    assert answers.margins.tolist() == [[NOISE.half_width()] * 2]
    assert answers.applied == ()


def test_a_rounded_value_s_interval_holds_whatever_the_exact_value_s_held() -> None:
    exact = Estimates(np.arange(-30.0, 31), np.arange(-31.0, 30), np.arange(-29.0, 32))
    answers = rounded(exact, 10)
    assert set(answers.values.tolist()) == {-30, -20, -10, 0, 10, 20, 30}
    # an interval about the rounded value with the stated margin holds the one from before
    assert np.all(answers.values - answers.margins <= exact.lower)
    assert np.all(answers.values + answers.margins >= exact.upper)
    assert np.all((answers.lower <= answers.values) & (answers.values <= answers.upper))
    assert answers.applied == (PostProcessing.ROUNDED,)


def test_ties_are_rounded_to_even_multiples() -> None:
    halves = np.array([5.0, 15.0, -5.0, 25.0])
    assert rounded(Estimates(halves, halves, halves), 10).values.tolist() == [0, 20, 0, 20]


def test_nothing_is_left_below_zero_and_the_label_says_so() -> None:
    answers = non_negative(measured(np.array([-50, 2, 90]), NOISE))
    assert answers.values.tolist() == [0, 2, 90]
    assert answers.lower.min() == 0
    assert answers.upper.tolist() == [0, 2 + NOISE.half_width(), 90 + NOISE.half_width()]
    assert "biased" in answers.applied[-1].value


def test_totals_are_exact_without_noise() -> None:
    table = np.arange(24).reshape(2, 3, 4)
    nothing = IntegerNoise(Mechanism.GAUSSIAN, 0)
    for axis in range(3):
        answers = summed(table, axis, nothing)
        assert answers.values.tolist() == table.sum(axis=axis).tolist()
        assert answers.margins.max() == 0


@pytest.mark.parametrize("step", [0.0, -1.0, float("nan")])
def test_a_step_is_positive(step: float) -> None:
    with pytest.raises(ValueError, match="step"):
        rounded(measured(np.array([1]), NOISE), step)
