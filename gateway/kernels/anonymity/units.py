"""Privacy units: how many different ones each class has. Rows are not units: one person may have many."""

from __future__ import annotations

import numpy as np

from gateway.kernels.anonymity.numbering import Keys, Numbers, TooManyValues, distinct
from gateway.kernels.swar import Words
from gateway.kernels.text import Mask

UNIT_BITS = np.uint64(38)
MOST_CLASSES = 1 << 26

_LEAST_HELD = 1 << 17  # pairs
_MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FOLD = np.uint64(29)
_TOP = np.uint64(64) - UNIT_BITS


def pair_keys(classes: Numbers, words: Words) -> Keys:
    """Return one key for each pair of class and unit: 26 bits of class above 38 bits of unit.

    Tags are outputs of a keyed function, so that nobody can choose two that meet in 38 bits. By chance two of a
    class's n units do with probability below n²/2³⁹; they count as one then, which withholds, and never releases.
    """
    mixed = (words[:, 0] + words[:, 1] * _MIX_2) * _MIX_1
    mixed = (mixed ^ (mixed >> _FOLD)) * _MIX_2
    return (classes.astype(np.uint64) << UNIT_BITS) | (mixed >> _TOP)


def classes_of(pairs: Keys) -> Numbers:
    """Return the class in each key."""
    return (pairs >> UNIT_BITS).view(np.int64)


class Units:
    """Counts the different units of each class, of each up to `enough`; without it, all.

    A class that has enough is not looked at again, so that what is held is below `enough` pairs of 8 bytes a class, and
    not of the order of the rows. Up to three times that is taken while pairs are sorted.
    """

    def __init__(self, enough: int | None, limit: int) -> None:
        self._enough = enough
        self._limit = limit
        self._held: list[Keys] = []
        self._pending = 0
        self._settle_at = _LEAST_HELD
        self._full = np.zeros(0, np.bool_)

    def add(self, classes: Numbers, words: Words, tagged: Mask, end: int) -> None:
        """Count the units of those rows that are tagged; their classes lie below `end`.

        Raises:
            TooManyValues: if more pairs must be held than the limit.
        """
        if end > len(self._full):
            self._full = np.concatenate((self._full, np.zeros(2 * end - len(self._full), np.bool_)))
        counted = np.flatnonzero(tagged & ~self._full[classes])
        if not counted.size:
            return
        if counted.size < len(classes):
            classes, words = classes[counted], words.take(counted, axis=0)
        self._held.append(pair_keys(classes, words))
        self._pending += len(counted)
        if self._pending > self._settle_at:
            self._settle()

    def counts(self, end: int) -> Numbers:
        """Return how many units each class below `end` has; `enough` stands for that many or more."""
        pairs = self._settle()
        counts = np.bincount(classes_of(pairs), minlength=end)
        if self._enough is not None:
            counts[np.flatnonzero(self._full[:end])] = self._enough
        return counts

    def _settle(self) -> Keys:
        pairs = distinct(np.concatenate([np.empty(0, np.uint64), *self._held]))
        if self._enough is not None:
            classes = classes_of(pairs)
            self._full[: len(self._full)] |= np.bincount(classes, minlength=len(self._full)) >= self._enough
            pairs = pairs[~self._full[classes]]
        if len(pairs) > self._limit:
            raise TooManyValues
        self._held = [pairs]
        self._pending = len(pairs)
        self._settle_at = max(_LEAST_HELD, 2 * len(pairs))
        return pairs
