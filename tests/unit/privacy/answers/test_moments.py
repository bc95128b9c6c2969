from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.measure import Mechanism
from gateway.privacy.answers.moments import FieldBounds, MomentNoise, mean, variance
from gateway.privacy.answers.noise import IntegerNoise

NONE = IntegerNoise(Mechanism.LAPLACE, 0)
SOME = IntegerNoise(Mechanism.LAPLACE, 5)
EXACT = MomentNoise(NONE, NONE, NONE)
BOUNDS = FieldBounds(-10, 30, 5)


def one(value: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([value], dtype=np.int64)


@given(st.lists(st.integers(-10, 30), min_size=1, max_size=50))
def test_without_noise_they_are_exact(data: list[int]) -> None:
    off = np.array(data) - 5
    counts, totals, squares = one(len(data)), one(off.sum()), one((off**2).sum())
    for answers, truth in (
        (mean(counts, totals, EXACT, BOUNDS), np.mean(data)),
        (variance(counts, totals, squares, EXACT, BOUNDS), np.var(data)),
    ):
        assert answers.values[0] == pytest.approx(truth, abs=1e-9)
        assert answers.lower[0] == pytest.approx(truth, abs=1e-9)
        assert answers.upper[0] == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("count", [-40, 0, 14])
def test_where_the_count_may_be_zero_the_whole_range_is_possible(count: int) -> None:
    noise = MomentNoise(SOME, SOME, SOME)
    means = mean(one(count), one(1000), noise, BOUNDS)
    assert (means.lower[0], means.upper[0]) == (-10, 30)
    spreads = variance(one(count), one(1000), one(9), noise, BOUNDS)
    assert (spreads.lower[0], spreads.upper[0]) == (0, 400)


def test_without_a_positive_count_the_value_is_the_centre() -> None:
    assert mean(one(0), one(1000), MomentNoise(SOME, SOME), BOUNDS).values[0] == 5


def test_values_are_held_to_what_the_bounds_allow() -> None:
    noise = MomentNoise(SOME, SOME, SOME)
    assert mean(one(100), one(9999), noise, BOUNDS).values[0] == 30
    assert mean(one(100), one(-9999), noise, BOUNDS).values[0] == -10
    assert variance(one(100), one(0), one(10**6), noise, BOUNDS).values[0] <= 400
    assert variance(one(100), one(500), one(0), noise, BOUNDS).values[0] >= 0


def test_many_cells_are_answered_each_by_itself() -> None:
    cells = 20_000
    counts = np.arange(1000, 1000 + cells)
    noise = MomentNoise(SOME, IntegerNoise(Mechanism.GAUSSIAN, 100), IntegerNoise(Mechanism.GAUSSIAN, 2000))
    all_of_them = variance(counts, counts * 2, counts * 90, noise, BOUNDS)
    for cell in (0, 8191, 8192, cells - 1):
        alone = variance(one(counts[cell]), one(counts[cell] * 2), one(counts[cell] * 90), noise, BOUNDS)
        assert (alone.lower[0], alone.upper[0]) == (all_of_them.lower[cell], all_of_them.upper[cell])


def test_a_variance_needs_the_noise_of_its_squares() -> None:
    with pytest.raises(ValueError, match="squares"):
        variance(one(1), one(1), one(1), MomentNoise(SOME, SOME), BOUNDS)


@pytest.mark.parametrize("bounds", [(3, 3, 3), (3, 2, 2), (0, 5, 6), (float("nan"), 1, 0)])
def test_bounds_are_ordered_and_hold_their_centre(bounds: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="bounds"):
        FieldBounds(*bounds)
