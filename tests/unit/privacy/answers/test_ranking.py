from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.ranking import top

NONE = IntegerNoise(Mechanism.LAPLACE, 0)
SOME = IntegerNoise(Mechanism.LAPLACE, 10)


def test_without_noise_the_order_is_exact_and_all_is_certain() -> None:
    result = top(np.array([5, 90, 30, 7]), 2, NONE)
    assert result.places.tolist() == [1, 2]
    assert result.certain == (True, True)
    assert result.counts.values.tolist() == [90, 30]
    assert result.counts.margins.tolist() == [0, 0]


def test_ties_stand_in_declared_order_and_are_not_certain() -> None:
    result = top(np.array([1, 8, 8, 8]), 2, NONE)
    assert result.places.tolist() == [1, 2]
    assert result.certain == (False, False)


def test_only_a_clear_lead_is_certain() -> None:
    result = top(np.array([1000, 500, 495, 3]), 2, SOME)
    assert result.places.tolist() == [0, 1]
    assert result.certain == (True, False)


def test_all_keys_are_surely_among_all() -> None:
    assert top(np.array([3, 2, 1]), 3, SOME).certain == (True, True, True)


@pytest.mark.parametrize("k", [0, 4, -1])
def test_k_is_between_one_and_the_keys(k: int) -> None:
    with pytest.raises(ValueError, match="k is"):
        top(np.array([3, 2, 1]), k, SOME)


def test_the_lead_grows_with_the_scale_without_a_step() -> None:
    # beyond a scale of 64 the lead is taken from the law at 64
    def least_certain(scale: float) -> int:
        noise = IntegerNoise(Mechanism.LAPLACE, scale)
        low, high = 0, int(100 * scale)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if top(np.array([middle, *[0] * 9]), 1, noise).certain[0] else (middle + 1, high)
        return low

    assert least_certain(64.0) / 64 == pytest.approx(least_certain(6400.0) / 6400, rel=0.01)
    assert least_certain(64.0) <= least_certain(64.001)
