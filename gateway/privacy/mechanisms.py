"""The noise: OpenDP's integer Laplace and Gaussian mechanisms, and nothing else of it. The only importer of `opendp`.

The integer Laplace (two-sided geometric) mechanism: Ghosh, Roughgarden and Sundararajan 2009. The integer (discrete)
Gaussian: Canonne, Kamath and Steinke 2020, as both are sampled exactly. OpenDP's own `map` states the loss; what we
charge is never below it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import floor, isqrt
from statistics import NormalDist
from typing import Protocol, cast

# an error inside OpenDP costs 100 ms with a backtrace, 0.2 ms without; read when the library loads
os.environ.setdefault("RUST_LIB_BACKTRACE", "0")

import numpy as np
import opendp.prelude as dp

from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss, pure_to_rho
from gateway.model.measure import Mechanism, NoisePlan
from gateway.privacy.answers.noise import ALPHA

# "contrib" and nothing more: the other features switch off proofs for the whole process
dp.enable_features("contrib")


class _StatesLoss(Protocol):
    """What OpenDP leaves untyped of a measurement."""

    def map(self, d_in: float) -> float:
        """Return the loss at an input distance."""


@lru_cache(maxsize=4096)
def _built(mechanism: Mechanism, scale: float) -> dp.Measurement:
    # a built measurement may be shared between threads
    integers = dp.vector_domain(dp.atom_domain(T="i64"))
    if mechanism is Mechanism.LAPLACE:
        return cast(dp.Measurement, (integers, dp.l1_distance(T="i64")) >> dp.m.then_laplace(scale=scale))
    return cast(dp.Measurement, (integers, dp.l2_distance(T="f64")) >> dp.m.then_gaussian(scale=scale))


def stated_loss(mechanism: Mechanism, scale: float, l1: int, l2_squared: int) -> PrivacyLoss:
    """Return the loss that OpenDP states for noise of this scale on a vector of these sensitivities.

    Pure epsilon of integer Laplace noise, from L1; rho of integer Gaussian noise, from L2. Exactly the float it gives.
    """
    measurement = cast(_StatesLoss, _built(mechanism, scale))
    if mechanism is Mechanism.LAPLACE:
        epsilon = Fraction(measurement.map(l1))
        return PrivacyLoss(pure_to_rho(epsilon), epsilon)
    return PrivacyLoss(Fraction(measurement.map(root_above(l2_squared))))


def root_above(square: int) -> float:
    """Return a float that is not below the square root of an integer, nor more than a few units of the last place."""
    root = isqrt(square)
    if root * root == square and root < 2**53:
        return float(root)
    value = float(np.sqrt(float(square)))
    while Fraction(value) ** 2 < square:
        value = float(np.nextafter(value, np.inf))
    return value


@lru_cache(maxsize=4096)
def laplace_scale(l1: int, epsilon: Fraction) -> float:
    """Return the smallest scale found whose stated loss does not exceed `epsilon`.

    Starts at sensitivity/epsilon and steps up by one unit in the last place while rounding makes the loss too large.
    """
    scale = float(Fraction(l1) / epsilon)
    while (stated_loss(Mechanism.LAPLACE, scale, l1, 0).epsilon or 0) > epsilon:
        scale = float(np.nextafter(scale, np.inf))
    return scale


@lru_cache(maxsize=4096)
def gaussian_scale(l2_squared: int, rho: Fraction) -> float:
    """Return the smallest scale found whose stated loss does not exceed `rho`; from L2/sqrt(2·rho) upwards."""
    scale = float(np.sqrt(float(Fraction(l2_squared) / (2 * rho))))
    while stated_loss(Mechanism.GAUSSIAN, scale, 0, l2_squared).rho > rho:
        scale = float(np.nextafter(scale, np.inf))
    return scale


def scale_for(mechanism: Mechanism, margin: float) -> float:
    """Return the largest scale found with which noise lies within plus or minus `margin` (1 or more) at 95 %.

    The integer Gaussian lies at m or beyond no more often than the Gaussian at m-1 or beyond (Canonne, Kamath and
    Steinke 2020, proposition 25): so beyond w no more often than the Gaussian of the same scale.
    """
    if mechanism is Mechanism.LAPLACE:
        return float(dp.accuracy_to_discrete_laplacian_scale(margin, ALPHA))
    return float(np.nextafter(floor(margin) / NormalDist().inv_cdf(1 - ALPHA / 2), 0))


def add_noise(vector: Sequence[int], plan: NoisePlan) -> tuple[int, ...]:
    """Return the vector with integer noise on every element, as planned.

    The loss is derived again from the mechanism as built, and noise for more than was charged is never drawn.

    Raises:
        Fault: INTERNAL if the mechanism's loss exceeds the plan's.
    """
    loss = stated_loss(plan.mechanism, plan.scale, plan.l1, plan.l2_squared)
    if loss.rho > plan.loss.rho or (plan.loss.epsilon is not None and (loss.epsilon or loss.rho) > plan.loss.epsilon):
        raise Fault(ErrorReason.INTERNAL)
    measurement = _built(plan.mechanism, plan.scale)
    return tuple(int(value) for value in measurement(np.array(vector, dtype=np.int64)))
