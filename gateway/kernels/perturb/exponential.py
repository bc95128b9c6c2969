"""Bounds of e^x and of logarithms in exact rationals: what a privacy loss is checked with must not round by itself."""

from __future__ import annotations

import math
from fractions import Fraction

LEAST_EPSILON, MOST_EPSILON = Fraction(1, 1000), Fraction(20)
EPSILON_PLACES = 10**6
"""An epsilon is a decimal of at most six places."""

_BITS = 192
_GRID = 10**12


def exp_bounds(x: Fraction) -> tuple[Fraction, Fraction]:
    """Return rationals below and above e^x that agree in more than 150 bits, for x from 0 to 32.

    The power series in fixed point, once with every term rounded down and once up. Past n = 2x each term is at most
    half of the one before, so that what is left out is less than the last term.

    Raises:
        ValueError: for another x.
    """
    if not 0 <= x <= 32:
        raise ValueError("the exponent must lie between 0 and 32")
    below, above = math.floor(x * 2**_BITS), math.ceil(x * 2**_BITS)
    low = high = low_term = high_term = 1 << _BITS
    n = 0
    while n <= 2 * x or high_term > 1:
        n += 1
        low_term = (low_term * below >> _BITS) // n
        high_term = _up(high_term * above, n << _BITS)
        low, high = low + low_term, high + high_term
    return Fraction(low, 1 << _BITS), Fraction(high + high_term, 1 << _BITS)


def _up(number: int, divisor: int) -> int:
    return -(-number // divisor)


def log_upper(ratio: Fraction) -> Fraction:
    """Return the least multiple of 10⁻¹² that is proven to be no less than ln(ratio), for ratios from 1 to e³².

    Raises:
        ValueError: for another ratio.
    """
    if ratio < 1:
        raise ValueError("the ratio must not be less than 1")
    near = math.log(ratio.numerator) - math.log(ratio.denominator)  # a hint, good to 10⁻¹³
    steps = max(0, math.floor(near * _GRID) - 2)
    while exp_bounds(Fraction(steps, _GRID))[0] < ratio:
        steps += 1
    return Fraction(steps, _GRID)


def check_epsilon(epsilon: Fraction) -> None:
    """Raise ValueError unless epsilon is a decimal of at most six places from 0.001 to 20."""
    if not LEAST_EPSILON <= epsilon <= MOST_EPSILON or (epsilon * EPSILON_PLACES).denominator != 1:
        raise ValueError("an epsilon lies between 0.001 and 20 and has at most six decimal places")
