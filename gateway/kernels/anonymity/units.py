"""Privacy units: how many different ones each class has. Rows are not units: one person may have many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.anonymity.numbering import Keys, Numbers, TooManyValues, distinct
from gateway.kernels.text import Mask

TAG_BYTES = 16
UNIT_BITS = np.uint64(38)
MOST_CLASSES = 1 << 26

_LEAST_HELD = 1 << 17  # pairs
_MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_FOLD = np.uint64(29)
_TOP = np.uint64(64) - UNIT_BITS

Words = npt.NDArray[np.uint64]


def tag_words(tags: pa.FixedSizeBinaryArray | bytes, rows: int) -> Words:
    """View tags as an n × 2 matrix of 64-bit words; a NULL tag is zero, as the tag of a NULL subject is.

    Raises:
        TypeError: if an array is not of binary(16). ValueError: if there is not one tag for each row.
    """
    if isinstance(tags, bytes):
        if len(tags) != rows * TAG_BYTES:
            raise ValueError("there must be one tag of 16 bytes for each row")
        return np.frombuffer(tags, "<u8").reshape(rows, 2)
    if tags.type != pa.binary(TAG_BYTES):
        raise TypeError("tags must be binary(16)")
    if len(tags) != rows:
        raise ValueError("there must be one tag of 16 bytes for each row")
    if rows == 0:
        return np.empty((0, 2), np.uint64)
    _, data = tags.buffers()
    if data is None:
        return np.zeros((rows, 2), np.uint64)
    start = tags.offset * TAG_BYTES
    words = np.frombuffer(memoryview(data)[start : start + rows * TAG_BYTES], "<u8").reshape(rows, 2)
    if tags.null_count:
        words = np.where(tags.is_valid().to_numpy(zero_copy_only=False)[:, None], words, np.uint64(0))
    return words


def known(words: Words) -> Mask:
    """Tell which rows have a unit: those whose tag is not zero."""
    tagged: Mask = words[:, 0] != 0
    if not tagged.all():
        tagged |= words[:, 1] != 0
    return tagged


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
