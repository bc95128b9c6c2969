"""What tests of margins share: noise drawn independently of the product, and what a share of covered truths proves."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.noise import IntegerNoise

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

RELEASES = 12_000
PROOF_RELEASES = 200_000

LAPLACE, GAUSSIAN = Mechanism.LAPLACE, Mechanism.GAUSSIAN


def drawn(noise: IntegerNoise, shape: tuple[int, ...], seed: int) -> Integers:
    """Draw the noise by other means than its law's formula where there are such: a difference of two geometrics."""
    random = np.random.default_rng(seed)
    if noise.kind is LAPLACE:
        stop = -math.expm1(-1 / noise.scale)
        return random.geometric(stop, shape) - random.geometric(stop, shape)
    reach = np.arange(-math.ceil(12 * noise.scale), math.ceil(12 * noise.scale) + 1)
    weights = np.exp(-(reach**2) / (2 * noise.scale**2))
    return random.choice(reach, shape, p=weights / weights.sum()).astype(np.int64)


def fewest(releases: int, rate: float = 0.95) -> float:
    """The fewest covered truths of independent releases that a right margin has, but once in a million tests."""
    return rate * releases - 5.2 * math.sqrt(rate * (1 - rate) * releases)


def covered(answers: Estimates, truth: Floats | float) -> npt.NDArray[np.bool_]:
    """Return which intervals hold the truth; a billionth of the truth is left to float arithmetic."""
    some = 1e-9 * (1 + np.abs(truth))
    result: npt.NDArray[np.bool_] = (answers.lower <= truth + some) & (truth - some <= answers.upper)
    return result


def waste(answers: Estimates, truth: Floats | float) -> Floats:
    """Return how many times wider the typical interval is than the narrowest that would cover 95 % of these errors.

    Releases are along the first axis.
    """
    typical = np.median(answers.upper - answers.lower, axis=0) / 2
    ratio: Floats = typical / np.quantile(np.abs(answers.values - truth), 0.95, axis=0)
    return ratio
