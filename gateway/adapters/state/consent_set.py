"""A set of consents in memory, which answers for many subjects at once.

An immutable hash table of columns with linear probing (Knuth, The Art of Computer Programming 3, section 6.4). A batch
of subjects is looked up together, one probe of all that are still open at a time, and no subject is handled by itself.
A subject may have several rows; one that holds on the day is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SUBJECT_BYTES = 16

Keys = npt.NDArray[np.uint64]
"""Subjects: shape (n, 2), their 16 bytes as two words."""
Words = npt.NDArray[np.uint64]
Days = npt.NDArray[np.int32]
"""Days as proleptic Gregorian ordinals, from 1."""
Flags = npt.NDArray[np.bool_]

_EMPTY = 0
"""The last day of a slot without a row: no day is so early."""
# Odd constants without structure: the fractional parts of the golden ratio and of the square root of 2.
_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x6A09E667F3BCC909)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ConsentSet:
    """Consents that were not withdrawn: each a subject, and the first and last day on which it holds."""

    rows: int
    _low: Words
    _high: Words
    _first: Days
    _last: Days
    _shift: np.uint64
    _latest: int

    @classmethod
    def of(cls, keys: Keys, first: Days, last: Days) -> ConsentSet:
        """Build the set of such columns, of equal length; every last day is at least 1."""
        rows = len(keys)
        bits = rows.bit_length() + 1  # from a quarter to a half of the slots are used
        shift = np.uint64(64 - bits)
        home = (_mix(*_words(keys)) >> shift).view(np.int64)
        order = np.argsort(home)
        turn = np.arange(rows)
        # in the order of their homes, each row takes its home, or the slot behind the row before it
        slot = np.maximum.accumulate(home.take(order) - turn) + turn if rows else turn
        # probing ends at an empty slot, and never leaves the table
        size = max(2**bits, int(slot[-1]) + 1 if rows else 0) + 1
        low, high = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint64)
        firsts, lasts = np.zeros(size, dtype=np.int32), np.full(size, _EMPTY, dtype=np.int32)
        low[slot], high[slot] = keys[:, 0].take(order), keys[:, 1].take(order)
        firsts[slot], lasts[slot] = first.take(order), last.take(order)
        return cls(rows, low, high, firsts, lasts, shift, int(first.max()) if rows else 0)

    def holding(self, keys: Keys, day: int) -> Flags:
        """Tell of each subject whether it has a row that holds on the day."""
        low, high = _words(keys)
        place = (_mix(low, high) >> self._shift).view(np.int64)
        found = np.zeros(len(keys), dtype=np.bool_)
        all_begun = self._latest <= day
        subject = np.arange(len(keys))  # whom the places are for
        while len(subject):
            (likely,) = (self._low.take(place) == low).nonzero()
            row = place.take(likely)
            last = self._last.take(place)
            # in an empty slot, which looks like the subject 0, no day holds
            agrees = (self._high.take(row) == high.take(likely)) & (day <= last.take(likely))
            if not all_begun:
                agrees &= self._first.take(row) <= day
            found[subject.take(likely.compress(agrees))] = True
            still = last != _EMPTY
            still[likely] &= ~agrees
            (rest,) = still.nonzero()
            subject, low, high, place = (column.take(rest) for column in (subject, low, high, place))
            place += 1
        return found

    def replacing(self, subjects: Keys, keys: Keys, first: Days, last: Days) -> ConsentSet:
        """Return the set in which all rows of the subjects gave way to others."""
        (used,) = (self._last != _EMPTY).nonzero()
        mine = np.column_stack([self._low.take(used), self._high.take(used)])
        day = np.ones(len(subjects), dtype=np.int32)
        kept = ~ConsentSet.of(subjects, day, day).holding(mine, 1)
        used = used.compress(kept)
        return ConsentSet.of(
            np.concatenate([mine.compress(kept, axis=0), keys]),
            np.concatenate([self._first.take(used), first]),
            np.concatenate([self._last.take(used), last]),
        )


def keys_of(subjects: bytes | memoryview) -> Keys:
    """Return subjects that lie one after another, 16 bytes each, as keys; nothing is copied."""
    return np.frombuffer(subjects, dtype=np.uint64).reshape(-1, 2)


def _words(keys: Keys) -> tuple[Words, Words]:
    return np.ascontiguousarray(keys[:, 0]), np.ascontiguousarray(keys[:, 1])


def _mix(low: Words, high: Words) -> Words:
    # Products of unsigned arrays wrap around, as is wanted. Subjects are keyed tokens, and as good as random; the mix
    # keeps others, such as numbers, from crowding.
    mixed = high * _SECOND
    mixed ^= low
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(32)
    mixed *= _FIRST
    return mixed
