"""Numbers brought to the lower edge of their bin: integers, and doubles whose edges are decimals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.generalize.integers import from_values, masked, values
from gateway.kernels.text import Column, chunks, compute, valid

_INT64 = np.iinfo(np.int64)
_EXACT = 2**51
"""Edges are counted in units of the step's last decimal place: so many of them, and quotients of doubles stay less
than one step off."""
_PLACES = 15


def generalize_number(array: Column, width: int, top: int | None) -> Column:
    """Bring int64 values to the lower edge of their bin `[k·width, (k+1)·width)`, capped at the edge of `top`'s bin.

    Raises:
        TypeError: if the column is not int64. ValueError: if width or top makes no sense in int64.
        OverflowError: if an edge lies below the least int64.
    """
    if array.type != pa.int64():
        raise TypeError("the column must be int64")
    if not 1 <= width <= _INT64.max:
        raise ValueError("the width must be a positive int64")
    numbers = values(array)
    rest = np.mod(numbers, np.int64(width))  # of the sign of width: the floor, not the truncation
    if (numbers < _INT64.min + rest).any():
        raise OverflowError("a number lies too low to be generalised")
    edges = numbers - rest
    if top is not None:
        cap = top // width * width
        if not _INT64.min <= cap <= _INT64.max:
            raise ValueError("the top must be an int64")
        edges = np.minimum(edges, np.int64(cap))
    return from_values(edges, array)


def generalize_step(array: Column, step: str, top: str | None) -> Column:
    """Bring doubles to the lower edge `k·step` of their step, counted from 0, capped at the edge of `top`'s step.

    `step` and `top` are decimals as written, with at most 15 places. An edge is the double nearest to the decimal
    `k·step`, and a value belongs to the last edge that is not above it, negative values too: so an edge is its own.
    NaN and infinities leave as NULL; so does a value beyond ±2⁵¹ units of the step's last place (±2.2e13 for a step of
    0.01) that no top caps.

    Raises:
        TypeError: if the column is not float64. ValueError: if step or top is no such decimal, or out of these bounds.
    """
    if array.type != pa.float64():
        raise TypeError("the column must be float64")
    width = _decimal(step)
    units, scale = width.numerator, width.denominator
    places = max(0, -int(Decimal(step).as_tuple().exponent))
    units, scale = units * (10**places // scale), 10**places
    if not 0 < units <= _EXACT:
        raise ValueError("the step must be positive and not too long")
    cap = None if top is None else _decimal(top) // width
    if cap is not None and abs(cap * units) > _EXACT:
        raise ValueError("the top lies too far out for the step")
    numbers: npt.NDArray[np.float64] = (compute.fill_null(array, 0.0) if array.null_count else array).to_numpy()
    known = valid(array)
    edges = np.empty(len(numbers), np.float64)
    bound = _EXACT / scale
    with np.errstate(invalid="ignore"):
        for chunk in chunks(len(numbers)):
            part = numbers[chunk]
            inside = np.abs(part) <= bound
            if not inside.all():
                capped = np.isfinite(part) & (part > bound) & (cap is not None)
                known[chunk] &= inside | capped
                part = np.where(inside, part, np.where(capped, bound, 0.0))
            steps = _floor(part, units, scale)
            if cap is not None:
                np.minimum(steps, float(cap), out=steps)
            edges[chunk] = steps * units / scale
    return masked(edges, known)


def _floor(numbers: npt.NDArray[np.float64], units: int, scale: int) -> npt.NDArray[np.float64]:
    """The last k whose edge, as a double, is not above the number. A quotient of doubles is at most one off.

    `k·units` is exact, so dividing it by the scale, a power of ten below 10²², rounds once: to the nearest double.
    """
    steps: npt.NDArray[np.float64] = np.floor(numbers / (units / scale))
    steps += (steps + 1.0) * units / scale <= numbers
    steps -= steps * units / scale > numbers
    return steps


def _decimal(text: str) -> Fraction:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not -_PLACES <= int(number.as_tuple().exponent) <= _PLACES:
        raise ValueError("a step and a top are decimals of at most 15 places")
    return Fraction(number)
