"""k-ary randomised response: a value of a small public domain leaves as itself or, at times, as another one.

Kairouz, Bonawitz and Ramage, "Discrete distribution estimation under local privacy" (ICML 2016), section 2: of k keys
the true one with probability e^ε/(e^ε+k-1), each other one with 1/(e^ε+k-1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

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
from gateway.model.values import Scalar

MOST_KEYS = 65_536
_TYPES = (pa.string(), pa.int64(), pa.bool_(), pa.date32())


@dataclass(frozen=True, slots=True)
class ResponseTable:
    """The weights, out of 2⁶⁴, with which answers are drawn from `size` keys: `kept` for the true key and `other` for
    each of the others. `loss` is a proven upper bound of ln(kept/other), the privacy loss epsilon of one answer.
    """

    size: int
    kept: int
    other: int
    loss: Fraction

    def choose(self, words: Words, true: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the place of the answer among the keys, for throws and the places of the true keys."""
        lies = words >= np.uint64(self.kept)
        # division is exact here: the weights of the others fill what is above the true key's to the last word
        others = ((words - np.uint64(self.kept)) // np.uint64(self.other)).view(np.int64)
        others += others >= true
        return np.where(lies, others, true)


@lru_cache(maxsize=256)
def response_table(size: int, epsilon: Fraction) -> ResponseTable:
    """Return the weights for a domain of so many keys (NULL counted, where it is one) at an epsilon.

    The weight of the others is rounded up, which takes from the true key's: the ratio never exceeds e^ε.

    Raises:
        ValueError: for an epsilon that is no decimal of six places from 0.001 to 20, or a size not in 2 to 65,536.
    """
    check_epsilon(epsilon)
    if not 2 <= size <= MOST_KEYS:
        raise ValueError("a randomised response needs 2 to 65,536 keys")
    least, _ = exp_bounds(epsilon)
    other = math.ceil(WORDS / (least + size - 1))
    kept = WORDS - (size - 1) * other
    return ResponseTable(size, kept, other, log_upper(Fraction(kept, other)))


class RandomizedResponse(KeyHolder):
    """Randomises one field on one occasion: each value leaves as one of the declared public `keys`, the true one or, by
    keyed coins, another. Built once, for all batches of a stream; safe to share between threads.

    Where the field is `nullable`, NULL is one more key: it may leave as a value, and a value as NULL. What is none of
    the keys is taken for NULL, or for the first key of a field that is not nullable, so that the promise holds for
    every value there is.

    Args:
        arrow: the type of the field: utf8, int64, bool or date32.
        epsilon: the privacy loss that one answer may have.
        occasion: names the charge that pays for the answers, and the field. Answers on two occasions are independent.
        key: a working key of 64 bytes of the recipient's domain; suite: the cipher it is for.

    Raises:
        TypeError: for another Arrow type. TypeError, ValueError: for keys of another type. ValueError: for fewer than
        two keys (NULL counted), repeated keys or None among them, an epsilon out of bounds, or a key that is not 64
        bytes.
    """

    __slots__ = ("_answers", "_coins", "_keys", "_table", "_unknown")

    def __init__(
        self,
        keys: tuple[Scalar, ...],
        arrow: pa.DataType,
        *,
        nullable: bool,
        epsilon: Fraction,
        occasion: str,
        key: bytes,
        suite: CipherSuite,
    ) -> None:
        if arrow not in _TYPES:
            raise TypeError("the field must be utf8, int64, bool or date32")
        if None in keys or len(set(keys)) != len(keys):
            raise ValueError("the keys must be distinct values")
        self._answers: Column = pa.array([*keys, None] if nullable else list(keys), arrow)
        self._keys: Column = self._answers[: len(keys)]
        self._table = response_table(len(self._answers), epsilon)
        self._unknown = len(keys) if nullable else 0
        mechanism = ("randomized response", occasion, str(epsilon), str(nullable), str(arrow), *map(str, keys))
        self._coins = Coins(mechanism, key, suite)

    @property
    def loss(self) -> Fraction:
        """An upper bound of the privacy loss epsilon of one answer, proven of the weights as they are."""
        return self._table.loss

    def answer(self, column: Column, subject_tags: bytes) -> Column:
        """Return the answers for a column of the field.

        A row without a subject (a tag of zeros) leaves as NULL, whatever it holds.

        Args:
            subject_tags: those of `kernels.tags`, which name who holds this one value.

        Raises:
            TypeError: for a column of another type. ValueError: unless there is one tag for each row.
        """
        if column.type != self._answers.type:
            raise TypeError("the column must be of the field's type")
        subjects = tags.words(subject_tags, len(column))
        known = tags.known(subjects)
        places = compute.index_in(column, value_set=self._keys)
        true = compute.fill_null(places, self._unknown).to_numpy().astype(np.int64)
        chosen = np.empty(len(column), np.int64)
        for chunk in chunks(len(column)):
            chosen[chunk] = self._table.choose(self._coins.throw(subjects[chunk], true[chunk]), true[chunk])
        answered: Column = compute.take(self._answers, pa.array(chosen, mask=None if known.all() else ~known))
        return answered
