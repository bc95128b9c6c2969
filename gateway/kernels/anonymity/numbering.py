"""Numbers for values met in a stream: 1, 2, 3, … in no meaningful order, the same value always the same number."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Keys: TypeAlias = npt.NDArray[np.uint64]
Numbers: TypeAlias = npt.NDArray[np.int64]

UNKNOWN = 0
"""The number of a value that was never met."""

_FIRST_SLOTS = 1 << 12
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio (Knuth, TAOCP 3, 6.4)
_HALF = np.uint64(32)
_DENSE = 1 << 22  # cells


class TooManyValues(OverflowError):
    """The table has more values, classes or rows to remember than the caller allowed."""

    def __init__(self) -> None:
        super().__init__("the table has more classes, values or rows to remember than is allowed")


def distinct(keys: Keys) -> Keys:
    """Return the different keys in ascending order."""
    ordered = np.sort(keys)
    if not ordered.size:
        return ordered
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


class Numbering:
    """Numbers 64-bit keys: a hash table with open addressing and linear probing, a column at a time.

    Takes 12 bytes a slot, and has 2 to 4 slots a key.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._make(_FIRST_SLOTS)

    def __len__(self) -> int:
        return self._count

    def find(self, keys: Keys) -> Numbers:
        """Return the number of each key, 0 where it has none."""
        slots = self._home(keys)
        numbers = self._numbers[slots].astype(np.int64)
        probing = np.flatnonzero((numbers != UNKNOWN) & (self._keys[slots] != keys))
        while probing.size:
            slots[probing] = (slots[probing] + 1) & self._wrap
            there = slots[probing]
            numbers[probing] = self._numbers[there]
            probing = probing[(self._numbers[there] != UNKNOWN) & (self._keys[there] != keys[probing])]
        return numbers

    def number(self, keys: Keys) -> Numbers:
        """Return the number of each key, with new numbers for new keys.

        Raises:
            TooManyValues: if there are more keys than the limit.
        """
        numbers = self.find(keys)
        missing = numbers == UNKNOWN
        if missing.any():
            new = distinct(keys[missing])
            first = self._count + 1
            self.extend(new)
            numbers[missing] = first + np.searchsorted(new, keys[missing])
        return numbers

    def extend(self, new: Keys) -> None:
        """Give the next numbers, in their order, to different keys that have none.

        Raises:
            TooManyValues: if there are more keys than the limit.
        """
        total = self._count + len(new)
        if total > self._limit:
            raise TooManyValues
        if 2 * total > len(self._keys):
            known = self.keys()
            self._make(1 << (2 * total).bit_length())
            self._place(known, np.arange(1, len(known) + 1, dtype=np.int32))
        self._place(new, np.arange(self._count + 1, total + 1, dtype=np.int32))
        self._count = total

    def keys(self) -> Keys:
        """Return the key of each number, from number 1 on."""
        used = np.flatnonzero(self._numbers)
        keys = np.empty(self._count, np.uint64)
        keys[self._numbers[used] - 1] = self._keys[used]
        return keys

    def _make(self, slots: int) -> None:
        self._keys = np.zeros(slots, np.uint64)
        self._numbers = np.zeros(slots, np.int32)
        self._wrap = slots - 1
        self._shift = np.uint64(64 - self._wrap.bit_length())

    def _home(self, keys: Keys) -> Numbers:
        return ((keys ^ (keys >> _HALF)) * _SPREAD >> self._shift).astype(np.int64)

    def _place(self, keys: Keys, numbers: npt.NDArray[np.int32]) -> None:
        """Put different keys that are not in the table where they belong."""
        slots = self._home(keys)
        while keys.size:
            free = self._numbers[slots] == UNKNOWN
            # of several that want one slot the last has it; the others see so, and go on
            self._numbers[slots[free]] = numbers[free]
            placed = free & (self._numbers[slots] == numbers)
            self._keys[slots[placed]] = keys[placed]
            keys, numbers, slots = keys[~placed], numbers[~placed], (slots[~placed] + 1) & self._wrap


class Pairs:
    """Numbers pairs of numbers. A small rectangle of pairs is looked up in a table, a large one by hash."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._table: npt.NDArray[np.int32] | None = np.zeros((16, 16), np.int32)
        self._hashed = Numbering(limit)

    def __len__(self) -> int:
        return self._count if self._table is not None else len(self._hashed)

    def find(self, first: Numbers, second: Numbers) -> Numbers:
        """Return the number of each pair, 0 where it has none. A pair with an unknown half has none."""
        if self._table is None:
            return self._hashed.find(_joined(first, second))
        rows, columns = self._table.shape
        if int(first.max(initial=0)) < rows and int(second.max(initial=0)) < columns:
            return self._cells(first, second)
        numbers = np.zeros(len(first), np.int64)
        inside = (first < rows) & (second < columns)
        numbers[inside] = self._cells(first[inside], second[inside])
        return numbers

    def number(self, first: Numbers, second: Numbers) -> Numbers:
        """Return the number of each pair, with new numbers for new pairs.

        Raises:
            TooManyValues: if there are more pairs than the limit.
        """
        if not len(first):
            return np.empty(0, np.int64)
        self._widen(int(first.max()) + 1, int(second.max()) + 1)
        if self._table is None:
            return self._hashed.number(_joined(first, second))
        numbers = self._cells(first, second)
        if not numbers.all():
            missing = np.flatnonzero(numbers == UNKNOWN)
            width = self._table.shape[1]
            cells = (first[missing] * width + second[missing]).astype(np.uint64)
            new = distinct(cells)
            if self._count + len(new) > self._limit:
                raise TooManyValues
            self._table.reshape(-1)[new] = np.arange(self._count + 1, self._count + len(new) + 1, dtype=np.int32)
            self._count += len(new)
            numbers[missing] = self._table.reshape(-1)[cells]
        return numbers

    def _cells(self, first: Numbers, second: Numbers) -> Numbers:
        assert self._table is not None
        cells = first * self._table.shape[1] + second
        # no cell lies outside: "clip" only spares the check of each
        numbers: Numbers = self._table.reshape(-1).take(cells, mode="clip").astype(np.int64)
        return numbers

    def _widen(self, rows: int, columns: int) -> None:
        if self._table is None or (rows <= self._table.shape[0] and columns <= self._table.shape[1]):
            return
        old = self._table
        shape = _room(rows, old.shape[0]), _room(columns, old.shape[1])
        if shape[0] * shape[1] <= _DENSE:
            self._table = np.zeros(shape, np.int32)
            self._table[: old.shape[0], : old.shape[1]] = old
            return
        first, second = np.nonzero(old)
        self._hashed.extend(_joined(first, second)[np.argsort(old[first, second])])
        self._table = None


def _room(needed: int, had: int) -> int:
    return max(had, 1 << (needed - 1).bit_length())


def _joined(first: Numbers, second: Numbers) -> Keys:
    return (first.astype(np.uint64) << _HALF) | second.astype(np.uint64)
