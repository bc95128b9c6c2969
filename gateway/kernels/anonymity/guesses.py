"""A quicker way from few texts to their numbers: guess the number from the last bytes, then compare the whole text.

Hashing each text takes Arrow several times as long. A guess that fails costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.anonymity.numbering import Keys, Numbers
from gateway.kernels.text import Bytes, Column, compute, spans

_MOST = 512  # texts
_TRIES = 64
_SLOT_BITS = np.uint64(16)
_WORD = 8  # bytes
_LENGTH_FACTOR = np.uint64(0xC2B2AE3D27D4EB4F)
_SPREAD = 0x9E3779B97F4A7C15
_LAST = np.uint64(64) - _SLOT_BITS


class Guesses:
    """Numbers for the texts of one column, told apart by their length and last eight bytes.

    Takes 512 KiB for texts of several lengths, and as much for each length that whole batches have.
    """

    def __init__(self) -> None:
        self._tables: dict[int, _Table | None] = {}

    def find(self, array: Column) -> Numbers | None:
        """Return the number of each text of a utf8 column without NULL, or nothing if there is one that isn't known."""
        ends, length = _shape(array)
        table = self._tables.get(length)
        if table is None or not len(array):
            return None
        guessed = table.guess(_fingerprints(array, ends, length))
        return table.numbers.take(guessed, mode="clip") if table.holds(array, ends, guessed) else None

    def learn(self, array: Column, texts: Sequence[bytes], numbers: Sequence[int]) -> None:
        """Remember the different texts of a column and their numbers."""
        if not texts:
            return
        _, length = _shape(array)
        table = self._tables.setdefault(length, _Table(length))
        if table is not None and not table.learn(texts, numbers):
            self._tables[length] = None  # too many, or too much alike: no more guesses


class _Table:
    """Texts of one length (or, of length -1, of any), each in a slot of its own."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._known: dict[bytes, int] = {}
        self._factor = np.uint64(_SPREAD)
        self._slots = np.zeros(1 << int(_SLOT_BITS), np.int64)
        self._texts: Column = pa.array([], pa.string())
        self._rows: npt.NDArray[np.void] = np.empty(0, "V1")
        self.numbers = np.empty(0, np.int64)

    def guess(self, fingerprints: Keys) -> Numbers:
        """Return the place of the text that each may be."""
        return self._slots.take(((fingerprints * self._factor) >> _LAST).astype(np.int64), mode="clip")

    def holds(self, array: Column, ends: npt.NDArray[np.int32], guessed: Numbers) -> bool:
        """Tell whether these are the texts of a column."""
        if not len(self.numbers):
            return False
        if self._length < 1:
            return bool(compute.take(self._texts, pa.array(guessed)).equals(array))
        data, _ = spans(array)
        found = pa.py_buffer(self._rows.take(guessed, mode="clip").data)
        return found.equals(pa.py_buffer(data[ends[0] : ends[-1]].data))

    def learn(self, texts: Sequence[bytes], numbers: Sequence[int]) -> bool:
        self._known.update(zip(texts, numbers, strict=True))
        if len(self._known) > _MOST:
            return False
        self.numbers = np.array(list(self._known.values()), np.int64)
        self._texts = pa.array(list(self._known), pa.binary()).cast(pa.string(), safe=False)
        if self._length > 0:
            self._rows = np.frombuffer(b"".join(self._known), f"V{self._length}")
        fingerprints = _fingerprints(self._texts, spans(self._texts)[1], self._length)
        for attempt in range(_TRIES):
            self._factor = np.uint64((_SPREAD * (2 * attempt + 1)) % 2**64)
            slots = ((fingerprints * self._factor) >> _LAST).astype(np.int64)
            if len(np.unique(slots)) == len(slots):
                self._slots[:] = 0
                self._slots[slots] = np.arange(len(slots))
                return True
        return False


def _shape(array: Column) -> tuple[npt.NDArray[np.int32], int]:
    """The offsets of a utf8 column without NULL, and the length that all its texts have, or -1."""
    _, ends = spans(array)
    lengths = np.diff(ends)
    if not len(lengths) or int(lengths.min()) != int(lengths.max()):
        return ends, -1
    return ends, int(lengths[0])


def _fingerprints(array: Column, ends: npt.NDArray[np.int32], length: int) -> Keys:
    """The last eight bytes of each text, fewer if it is shorter, mixed with its length."""
    data, _ = spans(array)
    if ends[0] < _WORD:
        # what lies before the first text may be read, and is cut off again
        data, ends = np.concatenate((np.zeros(_WORD, np.uint8), data[: ends[-1]])), ends + np.int32(_WORD)
    if length > 0:
        words: Keys = np.ndarray((len(array),), "<u8", data, offset=int(ends[1]) - _WORD, strides=(length,))
        return words if length >= _WORD else words & np.uint64(2**64 - 2 ** (8 * (_WORD - length)))
    lengths = np.diff(ends)
    words = _windows(data)[ends[1:] - np.int32(_WORD)].view("<u8")
    if int(lengths.min()) < _WORD:
        beyond = (8 * (_WORD - np.minimum(lengths, _WORD))).astype(np.uint64)
        words = words >> beyond << beyond
    return words + lengths.astype(np.uint64) * _LENGTH_FACTOR


def _windows(data: Bytes) -> npt.NDArray[Any]:
    """Each run of eight bytes. Not as integers: these lie at any address."""
    return np.ndarray((len(data) - _WORD + 1,), "V8", data, strides=(1,))
