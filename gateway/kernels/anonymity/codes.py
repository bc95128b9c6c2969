"""Codes for the values of one column, met batch by batch: 0 for a value never met, 1 for NULL, 2 and on for values.

Two values have one code exactly where they have the same bits: 0.0 and -0.0 leave as different numbers, so they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.anonymity.guesses import Guesses
from gateway.kernels.anonymity.numbering import UNKNOWN, Keys, Numbering, Numbers, TooManyValues
from gateway.kernels.text import Column, compute, valid

UNKNOWN_CODE = 0
NULL_CODE = 1
FIRST_CODE = 2

_WINDOW = 1 << 16  # values
_LEAST = np.iinfo(np.int64).min


class Codes(ABC):
    """The codes of one column. `arrow` is its type."""

    def __init__(self, arrow: pa.DataType) -> None:
        self.arrow = arrow

    @abstractmethod
    def __len__(self) -> int:
        """How many different values were met; NULL is none."""

    def number(self, array: Column) -> Numbers:
        """Return the code of each value, with new codes for new values.

        Raises:
            TypeError: if the column is of another type than before. TooManyValues: beyond the limit.
        """
        return self._coded(array, known=False)

    def find(self, array: Column) -> Numbers:
        """Return the code of each value, 0 where it has none.

        Raises:
            TypeError: if the column is of another type than before.
        """
        return self._coded(array, known=True)

    @abstractmethod
    def ranks(self) -> Numbers:
        """Return the rank of each code from 2 on among them: 0 for the least value. Floating-point numbers go by
        their value, texts by their bytes, false before true."""

    def _coded(self, array: Column, *, known: bool) -> Numbers:
        if isinstance(array, pa.DictionaryArray):
            # NULL may stand in the indices, or in the dictionary
            meanings = np.append(self._coded(array.dictionary, known=known), NULL_CODE)
            indices = array.indices.cast(pa.int64())
            filled = compute.fill_null(indices, len(array.dictionary)) if indices.null_count else indices
            meant: Numbers = meanings[filled.to_numpy()]
            return meant
        if not array.type.equals(self.arrow):
            raise TypeError("a column must be of one type in all batches")
        if not array.null_count:
            return self._values(array, known=known)
        codes = np.full(len(array), NULL_CODE, np.int64)
        codes[valid(array)] = self._values(array.drop_null(), known=known)
        return codes

    @abstractmethod
    def _values(self, array: Column, *, known: bool) -> Numbers:
        """The codes of a column without NULL."""


def codes_for(arrow: pa.DataType, limit: int) -> Codes:
    """Return the codes for a column of utf8, int64, float64, bool or date32, or of utf8 in a dictionary.

    Raises:
        TypeError: for another type.
    """
    if isinstance(arrow, pa.DictionaryType):
        arrow = arrow.value_type
        if arrow != pa.string():
            raise TypeError("a dictionary must be of utf8")
    if arrow == pa.string():
        return _TextCodes(arrow, limit)
    if arrow == pa.bool_():
        return _TruthCodes(arrow)
    if arrow in (pa.int64(), pa.float64(), pa.date32()):
        return _NumberCodes(arrow, limit)
    raise TypeError("the column must be utf8, int64, float64, bool or date32")


class _TruthCodes(Codes):
    def __len__(self) -> int:
        return 2

    def ranks(self) -> Numbers:
        return np.arange(2)

    def _values(self, array: Column, *, known: bool) -> Numbers:
        return FIRST_CODE + array.to_numpy(zero_copy_only=False).astype(np.int64)


class _TextCodes(Codes):
    """Takes about 150 bytes a value, and its length."""

    def __init__(self, arrow: pa.DataType, limit: int) -> None:
        super().__init__(arrow)
        self._limit = limit
        self._codes: dict[bytes, int] = {}
        self._guesses = Guesses()

    def __len__(self) -> int:
        return len(self._codes)

    def ranks(self) -> Numbers:
        return _ranks(sorted(range(len(self)), key=list(self._codes).__getitem__))

    def _values(self, array: Column, *, known: bool) -> Numbers:
        guessed = self._guesses.find(array)
        if guessed is not None:
            return guessed
        encoded: Any = array.dictionary_encode()
        # as bytes: text that is not UTF-8 must not end up in an exception
        values: list[bytes] = encoded.dictionary.cast(pa.binary()).to_pylist()
        if known:
            codes = [self._codes.get(value, UNKNOWN_CODE) for value in values]
        else:
            codes = [self._codes.setdefault(value, FIRST_CODE + len(self._codes)) for value in values]
            if len(self._codes) > self._limit:
                raise TooManyValues
            self._guesses.learn(array, values, codes)
        coded: Numbers = np.array(codes, np.int64)[encoded.indices.to_numpy()]
        return coded


class _NumberCodes(Codes):
    """Integers, days and floating-point numbers by their bits.

    Those that lie close together are looked up in a table (of 2¹⁶ numbers: 256 KiB), others by hash.
    """

    def __init__(self, arrow: pa.DataType, limit: int) -> None:
        super().__init__(arrow)
        self._numbering = Numbering(limit)
        self._base = 0
        self._window: npt.NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self._numbering)

    def ranks(self) -> Numbers:
        keys = self._numbering.keys()
        values = keys.view(np.float64) if self.arrow == pa.float64() else keys.view(np.int64)
        return _ranks(np.argsort(values, kind="stable"))

    def _values(self, array: Column, *, known: bool) -> Numbers:
        if not len(array):
            return np.empty(0, np.int64)
        if self.arrow == pa.float64():
            return self._by_hash(array.to_numpy().view(np.uint64), known=known)
        values = (array.cast(pa.int32()) if self.arrow == pa.date32() else array).to_numpy()
        low, high = int(values.min()), int(values.max())
        if not known and self._window is None:
            self._base = max(low - _WINDOW // 2, _LEAST)
            self._window = np.zeros(_WINDOW, np.int32)
        if self._window is None or low < self._base or high >= self._base + _WINDOW:
            return self._by_hash(values.astype(np.int64).view(np.uint64), known=known)
        places = np.subtract(values, self._base, dtype=np.int64)
        codes: Numbers = self._window.take(places, mode="clip").astype(np.int64)  # none lies outside
        if not codes.all():
            missing = codes == UNKNOWN_CODE
            codes[missing] = self._by_hash(values[missing].astype(np.int64).view(np.uint64), known=known)
            if not known:
                self._window[places[missing]] = codes[missing]
        return codes

    def _by_hash(self, keys: Keys, *, known: bool) -> Numbers:
        if not known:
            return self._numbering.number(keys) + (FIRST_CODE - 1)
        numbers = self._numbering.find(keys)
        return np.where(numbers == UNKNOWN, UNKNOWN_CODE, numbers + (FIRST_CODE - 1))


def _ranks(order: npt.ArrayLike) -> Numbers:
    """The rank of each place, given the places from the least to the greatest."""
    places = np.asarray(order, np.int64)
    ranks = np.empty(len(places), np.int64)
    ranks[places] = np.arange(len(places))
    return ranks
