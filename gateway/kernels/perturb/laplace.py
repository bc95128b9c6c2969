"""Discrete Laplace noise on bounded integers: the two-sided geometric mechanism of Ghosh, Roughgarden and Sundararajan
(STOC 2009), with the whole range as sensitivity, since under local privacy any value may stand in for any other.

Noise by inverting a distribution function in floating point leaks (Mironov, CCS 2012). Here the probabilities are
integer weights out of 2⁶⁴, and the answer is settled by comparing integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels import tags
from gateway.kernels.ciphers import KeyHolder
from gateway.kernels.perturb.coins import WORDS, Coins
from gateway.kernels.perturb.exponential import check_epsilon, exp_bounds, log_upper
from gateway.kernels.swar import Words
from gateway.kernels.text import Column, chunks, compute
from gateway.model.pseudonym import CipherSuite

MOST_CELLS = 65_536
_INT64 = np.iinfo(np.int64)
_BITS = 192
_MARGIN = Fraction(1, 2**150)
"""Relative room for 65,536 roundings of powers."""


@dataclass(frozen=True, slots=True, eq=False)
class LaplaceTable:
    """The noise for integers from `lower` to `upper`, in steps of `cell`: 1, or the least with 65,536 cells or fewer.

    `tails[m]` (uint64) is the weight, out of 2⁶⁴, of noise of at least m cells upwards; downwards is as likely. At its
    ends are a bound above every throw's half and 0. `loss` is a proven upper bound of the privacy loss epsilon of one
    answer: of the logarithm of the ratio of the weights of any answer, given any two values.
    """

    lower: int
    upper: int
    cell: int
    cells: int
    tails: Words
    loss: Fraction

    def noise(self, words: Words) -> npt.NDArray[np.int64]:
        """Return the noise, in cells from -cells to cells, for throws: the least words downwards, the most upwards."""
        depth = np.minimum(words, ~words)
        # a guess from the logarithm, then compared as integers until it is right
        rate = self.cells / -math.log(int(self.tails[self.cells]) / (WORDS - int(self.tails[1])))
        steps = np.floor((math.log(WORDS - int(self.tails[1])) - np.log(depth.astype(np.float64) + 1.0)) * rate)
        size = np.clip(steps, 0, self.cells).astype(np.int64)
        while True:
            more = depth < self.tails[size + 1]
            less = depth >= self.tails[size]
            if not (more.any() or less.any()):
                return np.where(words == depth, -size, size)
            size += more
            size -= less

    def cell_of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the nearest cell of integers, brought into the bounds first."""
        inside = np.clip(numbers, self.lower, self.upper) - self.lower
        if self.cell == 1:
            return inside
        return np.minimum((inside + self.cell // 2) // self.cell, self.cells)

    def value_of(self, cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the integers that cells stand for, brought into the bounds."""
        inside = np.clip(cells, 0, self.cells)
        return np.minimum(inside * self.cell, self.upper - self.lower) + self.lower


@lru_cache(maxsize=64)
def laplace_table(lower: int, upper: int, epsilon: Fraction) -> LaplaceTable:
    """Return the noise for integers between public bounds at an epsilon.

    With a = e^(-ε/cells) noise reaches m cells or more with probability aᵐ/(1+a). These weights are rounded up, which
    takes from the middle. The greatest ratio is that of an answer at a bound, given the two bounds:
    (1 - a/(1+a)) / (a^cells/(1+a)) = e^ε, and rounding only lowers it; answers between have a factor a of room.
    The loss that is stated is that of the weights as they are, of both kinds.

    Raises:
        ValueError: for an epsilon that is no decimal of six places from 0.001 to 20, or bounds that are no int64, in
        the wrong order, or further apart than 2⁶².
    """
    check_epsilon(epsilon)
    if not _INT64.min <= lower < upper <= _INT64.max or upper - lower > 2**62:
        raise ValueError("the bounds must be int64, the lower one below, and no further apart than 2^62")
    cell = -(-(upper - lower) // MOST_CELLS)
    cells = -(-(upper - lower) // cell)
    low, high = exp_bounds(epsilon / cells)
    falls = math.ceil((1 + _MARGIN) / low * 2**_BITS)  # a, rounded up
    least = 1 + 1 / high  # 1 + a, rounded down
    tails, power = [2**63], WORDS << _BITS
    for _ in range(cells):
        power = -(-power * falls >> _BITS)
        tails.append(-(-power * least.denominator // (least.numerator << _BITS)))
    words = np.array([*tails, 0], np.uint64)
    words.setflags(write=False)
    return LaplaceTable(lower, upper, cell, cells, words, _loss(tails))


def _loss(tails: list[int]) -> Fraction:
    """The loss of one answer. At a bound its weight is a tail, or all but one; between, that of a single noise."""
    at_bound = Fraction(WORDS - tails[1], tails[-1])
    single = [WORDS - 2 * tails[1], *(here - beyond for here, beyond in pairwise(tails[1:]))]
    if min(single) <= 0 or sorted(tails, reverse=True) != tails:
        raise ArithmeticError("the weights do not fall")
    return log_upper(max(at_bound, Fraction(max(single), min(single))))


class DiscreteLaplace(KeyHolder):
    """Puts noise on one field on one occasion: each integer leaves as one between the public bounds, both inclusive.
    Built once, for all batches of a stream; safe to share between threads.

    A value beyond a bound is taken for the bound before the noise; an answer beyond one leaves as the bound. In a range
    of more than 65,536 steps, values and answers go by cells of several (`LaplaceTable.cell`). NULL has no place among
    numbers, and leaving it as it is would tell it apart for sure: it is taken for the middle of the range, so fields in
    which NULL means something should not be perturbed.

    Args:
        epsilon, occasion, key, suite: as for `RandomizedResponse`.

    Raises:
        ValueError: for bounds or an epsilon as `laplace_table` refuses them, or a key that is not 64 bytes.
    """

    __slots__ = ("_coins", "_middle", "_table")

    def __init__(
        self, lower: int, upper: int, *, epsilon: Fraction, occasion: str, key: bytes, suite: CipherSuite
    ) -> None:
        self._table = laplace_table(lower, upper, epsilon)
        self._middle = lower + (upper - lower) // 2
        self._coins = Coins(("discrete laplace", occasion, str(epsilon), str(lower), str(upper)), key, suite)

    @property
    def loss(self) -> Fraction:
        """An upper bound of the privacy loss epsilon of one answer, proven of the weights as they are."""
        return self._table.loss

    def answer(self, column: Column, subject_tags: bytes) -> Column:
        """Return the answers for an int64 column of the field.

        A row without a subject (a tag of zeros) leaves as NULL, whatever it holds.

        Args:
            subject_tags: as for `RandomizedResponse.answer`.

        Raises:
            TypeError: if the column is not int64. ValueError: unless there is one tag for each row.
        """
        if column.type != pa.int64():
            raise TypeError("the column must be int64")
        subjects = tags.words(subject_tags, len(column))
        known = tags.known(subjects)
        numbers = (compute.fill_null(column, self._middle) if column.null_count else column).to_numpy()
        answers = np.empty(len(column), np.int64)
        for chunk in chunks(len(column)):
            true = self._table.cell_of(numbers[chunk])
            noise = self._table.noise(self._coins.throw(subjects[chunk], true))
            answers[chunk] = self._table.value_of(true + noise)
        answers[~known] = 0  # nothing lies under a NULL
        return pa.array(answers, mask=None if known.all() else ~known)
