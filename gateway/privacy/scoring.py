"""Scores of contests: post-processing of a noised table, which tells nothing beyond it (Dwork and Roth 2014, 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction


def score_of(entry: Sequence[Fraction], reference: Sequence[Fraction], step: Fraction) -> int:
    """Return the root mean square of the differences in whole steps, halves rounded up. Exact, and so alike anywhere.

    Args:
        entry: a value for each cell.
        reference: the noised value of each cell, in the same order; at least one.
        step: above 0.
    """
    squares = sum((Fraction(value) - noised) ** 2 for value, noised in zip(entry, reference, strict=True))
    # with q the square of the score in steps: floor(sqrt(q) + 1/2) is half of floor(2·sqrt(q)) + 1, rounded down
    quadruple = 4 * squares / len(reference) / step**2
    return (math.isqrt(math.floor(quadruple)) + 1) // 2
