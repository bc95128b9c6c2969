"""The noise: OpenDP's integer Laplace mechanism, and nothing else of OpenDP. The only importer of `opendp`.

The integer Laplace (two-sided geometric) mechanism: Ghosh, Roughgarden and Sundararajan 2009; sampled exactly as in
Canonne, Kamath and Steinke 2020. OpenDP's own `map` states the loss; what we charge is never below it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Protocol, cast

# an error inside OpenDP costs 100 ms with a backtrace, 0.2 ms without; read when the library loads
os.environ.setdefault("RUST_LIB_BACKTRACE", "0")

import numpy as np
import opendp.prelude as dp

from gateway.model.errors import ErrorReason, Fault

# "contrib" and nothing more: the other features switch off proofs for the whole process
dp.enable_features("contrib")

CONFIDENCE = 0.95
_ALPHA = 1 - CONFIDENCE


class _StatesLoss(Protocol):
    """What OpenDP leaves untyped of a measurement."""

    def map(self, d_in: int) -> float:
        """Return the loss at an input distance."""


@lru_cache(maxsize=1024)
def _laplace(scale: float) -> dp.Measurement:
    # a built measurement may be shared between threads
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    return cast(dp.Measurement, space >> dp.m.then_laplace(scale=scale))


def _stated_loss(measurement: dp.Measurement, sensitivity: int) -> Fraction:
    return Fraction(cast(_StatesLoss, measurement).map(sensitivity))


def laplace_loss(scale: float, sensitivity: int) -> Fraction:
    """Return the pure epsilon that OpenDP states for this scale and L1 sensitivity, exactly as the float it gives."""
    return _stated_loss(_laplace(scale), sensitivity)


def laplace_scale(sensitivity: int, epsilon: Fraction) -> float:
    """Return the smallest scale found whose stated loss does not exceed `epsilon`.

    Starts at sensitivity/epsilon and steps up by one unit in the last place while rounding makes the loss too large.
    """
    scale = float(Fraction(sensitivity) / epsilon)
    while laplace_loss(scale, sensitivity) > epsilon:
        scale = float(np.nextafter(scale, np.inf))
    return scale


def laplace_margin(scale: float) -> float:
    """Return the half-width that the noise stays within with probability 0.95."""
    return float(dp.discrete_laplacian_scale_to_accuracy(scale, _ALPHA))


def laplace_scale_for_margin(margin: float) -> float:
    """Return the scale whose half-width at 95 % is `margin`."""
    return float(dp.accuracy_to_discrete_laplacian_scale(margin, _ALPHA))


def add_laplace(vector: Sequence[int], scale: float, sensitivity: int, charged: Fraction) -> tuple[int, ...]:
    """Return the vector with integer Laplace noise on every element.

    The loss is derived again from the mechanism as built, and noise for more than was charged is never drawn.

    Raises:
        Fault: INTERNAL if the mechanism's loss exceeds `charged`.
    """
    measurement = _laplace(scale)
    if _stated_loss(measurement, sensitivity) > charged:
        raise Fault(ErrorReason.INTERNAL)
    return tuple(int(value) for value in measurement(np.array(vector, dtype=np.int64)))
