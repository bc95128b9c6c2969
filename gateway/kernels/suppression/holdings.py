"""What a tree's leaves rest on, and when a set of them is too little to be told.

A leaf has its privacy units in `BUCKETS` buckets, by a hash of the unit alone: a unit is in the same bucket wherever it
is. Buckets add up over leaves, as lists of units would, and say as much as the rules need: no unit holds more of a
total than its bucket, and no fewer units have changed than buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Leaves = NDArray[np.intp]

BUCKETS = 64
"""A rule may ask for fewer units than this, by far: changes are told apart no finer."""


@dataclass(frozen=True, slots=True)
class SafetyRule:
    """When a total, or the difference of two, may be told.

    It rests on at least `units` privacy units; and what is left of it without the two largest contributions is at least
    `share` of the largest, so that nobody who knows one of them can reckon the other more closely (the p% rule:
    Hundepool et al., Statistical Disclosure Control, 2012, section 4.2.2).
    """

    units: int
    share: Fraction

    def __post_init__(self) -> None:
        """Raise ValueError for a rule that would hold of anything, or that buckets cannot tell."""
        if not 2 <= self.units <= BUCKETS // 2 or not 0 < self.share <= 1:
            raise ValueError("no such rule")

    def is_safe(self, amounts: Integers) -> bool:
        """Whether the totals over some leaves (measures × buckets; the first measure counts units) may be told.

        Nothing may not be told either: where there is nobody, that is told of everybody.
        """
        units, *others = amounts.tolist()
        return sum(units) >= self.units and self._spread(units) and all(map(self._spread, others))

    def has_moved(self, change: Integers) -> bool:
        """Whether a change of totals (measures × buckets) may be told: there is one, and it is safe in each measure."""
        if not change.any():
            return False
        by = [measure for measure in np.abs(change).tolist() if any(measure)]
        return all(len(one) - one.count(0) >= self.units and self._spread(one) for one in by)

    def _spread(self, amounts: list[int]) -> bool:
        *rest, _, first = sorted(amounts)
        return first > 0 and sum(rest) * self.share.denominator >= first * self.share.numerator


def checked(amounts: Integers, leaves: int) -> Integers:
    """Return the amounts of so many leaves (leaves × measures × buckets).

    Raises:
        ValueError: for another shape, or negative amounts.
    """
    if amounts.ndim != 3 or amounts.shape[::2] != (leaves, BUCKETS) or not amounts.shape[1] or (amounts < 0).any():
        raise ValueError("amounts have no such shape")
    return amounts
