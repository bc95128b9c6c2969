"""Scores are exact root mean squares, rounded to whole steps."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.privacy.scoring import score_of

ONE = Fraction(1)


@pytest.mark.parametrize(
    ("entry", "reference", "step", "score"),
    [
        ([3, 4], [0, 0], ONE, 4),  # the root of 12.5 is 3.54
        ([3, 4], [0, 0], Fraction(1, 100), 354),
        ([3, 4], [3, 4], ONE, 0),
        ([-3], [4], Fraction(2), 4),  # 7 lies between 6 and 8, and a half goes up
        ([-3], [4], Fraction(5), 1),
        ([10**12], [-(2**62)], Fraction(1, 10**6), 4611687018427387904 * 10**6),
    ],
    ids=str,
)
def test_scores_that_are_known(entry: list[int], reference: list[int], step: Fraction, score: int) -> None:
    assert score_of([Fraction(value) for value in entry], [Fraction(value) for value in reference], step) == score


@given(
    st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)), min_size=1, max_size=9),
    st.fractions(min_value=Fraction(1, 1000), max_value=1000, max_denominator=1000),
)
def test_a_score_is_the_nearest_step(cells: list[tuple[int, int]], step: Fraction) -> None:
    entry, reference = [Fraction(one) for one, _ in cells], [other for _, other in cells]
    score = score_of(entry, [Fraction(value) for value in reference], step)
    square = sum(Fraction(one - other) ** 2 for one, other in cells) / len(cells)
    # the root lies within half a step of it, held against squares, which are exact
    assert (max(score - Fraction(1, 2), Fraction(0)) * step) ** 2 <= square < ((score + Fraction(1, 2)) * step) ** 2
    assert score == pytest.approx(math.sqrt(square) / step, abs=0.500001, rel=1e-9)
