"""Mistakes that are planted where the noise is drawn: below all of the gateway's code, in the library's own call.

A measurement says of itself what it loses at a distance of 1, and so tells its scale; what a planted mistake draws
instead is as wide as that, or as wrong as it is meant to be.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import opendp.prelude as dp
import pytest

Floats = npt.NDArray[np.float64]

Planted = Callable[[npt.NDArray[np.int64], Floats, float], Any]
"""Makes the wrong answers of the exact vector, the noise that was rightly drawn for it, and the noise's scale."""


@contextmanager
def noise(mistake: Planted) -> Iterator[None]:
    """Have every measurement make this mistake until the end of the block."""
    drawn: Callable[[Any, Any], Any] = dp.Measurement.__call__

    def wrong(measurement: Any, vector: Any) -> Any:
        exact = np.asarray(vector, np.int64)
        right = np.asarray(drawn(measurement, vector), np.int64) - exact
        return mistake(exact, right.astype(np.float64), _scale(measurement))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dp.Measurement, "__call__", wrong)
        yield


def _scale(measurement: Any) -> float:
    loss = float(measurement.map(1))
    return 1 / loss if "MaxDivergence" in str(measurement.output_measure) else math.sqrt(1 / (2 * loss))


def scaled(factor: float) -> Planted:
    """Noise of another scale: integer Laplace, as it should be, and as wide as `factor` times the claim."""

    def mistake(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
        return [int(value) for value in exact + integer_laplace(factor * scale, right.shape)]

    return mistake


def integer_laplace(scale: float, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """Integer Laplace noise as the difference of two geometric ones; not fit for more than tests."""
    rng = np.random.default_rng()
    p = -math.expm1(-1 / scale)
    one, other = rng.geometric(p, shape), rng.geometric(p, shape)
    difference: npt.NDArray[np.int64] = one - other
    return difference


def floats(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> Any:
    """Laplace noise of floating-point numbers, which the gateway would have to make integers of."""
    return exact + np.random.default_rng().laplace(0, scale, right.shape)


def floored(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
    """Laplace noise of floating-point numbers, rounded down."""
    return [int(value) for value in exact + np.floor(np.random.default_rng().laplace(0, scale, right.shape))]


def single_precision(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
    """Laplace noise that was held in 32 bits on its way."""
    return [int(value) for value in exact + right.astype(np.float32).astype(np.int64)]


def reused() -> Planted:
    """The noise of the first vector for every one of the same length and scale."""
    first: dict[tuple[int, float], Floats] = {}

    def mistake(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
        return [int(value) for value in exact + first.setdefault((len(exact), scale), right)]

    return mistake


def one_for_all(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
    """Noise for one cell only, added to all of them."""
    return [int(value) for value in exact + right[0]]


def slow(each: float, most: float) -> Planted:
    """Right noise that takes the longer the larger that of the last cell is: so many seconds each, up to a most."""

    def mistake(exact: npt.NDArray[np.int64], right: Floats, scale: float) -> list[int]:
        time.sleep(min(most, each * abs(right[-1])))
        return [int(value) for value in exact + right]

    return mistake
