"""FF1, format-preserving encryption (NIST SP 800-38G, March 2016, algorithms 6 to 8), a column at a time.

Strings of numerals are enciphered to strings of the same radix and length. The domain must have a million strings or
more, as the drafts of revision 1 (February 2019, February 2025) demand. FF1 has no integrity: each string of the form
deciphers to something.

Each of the ten rounds is one call of the block cipher over the column. Halves of up to 63 bits are 64-bit integers;
longer ones are Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.kernels.ciphers import BLOCK, BlockCipher, KeyHolder
from gateway.kernels.ff1_rounds import BigRounds, Half, Lengths, Rounds, WordRounds
from gateway.kernels.text import Bytes, Places, chunks

Numerals: TypeAlias = npt.NDArray[np.integer[Any]]

SMALLEST_DOMAIN = 1_000_000
CHUNK_ROWS = 16_384
"""Rows that are worked on at once: ten rounds of small steps cost more than a little room in the cache."""

_ROUNDS = 10
_WORD_HALVES = 1 << 63
_FIRST = np.zeros(1, np.intp)


class FF1(KeyHolder):
    """FF1 under one key, for strings of `length` numerals of a radix from 2 to 65536.

    `tweaks` are the tweaks in use, all of one length; a row names its own by the place in this list. Safe to share
    between threads, as the cipher is. A row's result depends on its numerals and its tweak alone.

    Raises:
        ValueError: for another radix, or a length or tweak that the standard does not allow.
    """

    __slots__ = ("_cipher", "_left_size", "_lengths", "_radix", "_right_size", "_seeds")

    def __init__(self, cipher: BlockCipher, radix: int, length: int, tweaks: Sequence[bytes] = (b"",)) -> None:
        if not 2 <= radix <= 1 << 16:
            raise ValueError("the radix must lie between 2 and 65536")
        if not 2 <= length < 1 << 32 or radix**length < SMALLEST_DOMAIN:
            raise ValueError("the domain must have a million strings or more")
        if len({len(tweak) for tweak in tweaks}) != 1 or len(tweaks[0]) >= 1 << 32:
            raise ValueError("tweaks must be there, and of one length below 2³² bytes")
        self._cipher, self._radix = cipher, radix
        self._left_size, self._right_size = length // 2, length - length // 2
        self._lengths = Lengths(radix**self._right_size)
        self._seeds = self._seed(length, tweaks)

    @property
    def moduli(self) -> tuple[int, int]:
        """How many values the left and the right half have."""
        return self._radix**self._left_size, self._radix**self._right_size

    @property
    def in_words(self) -> bool:
        """Whether halves fit into 63 bits, and so `encrypt_halves` takes uint64."""
        return self.moduli[1] <= _WORD_HALVES

    def encrypt(self, numerals: Numerals, tweak_of: Places | None = None) -> Numerals:
        """Encipher each row of an n × length matrix of numerals; return one of uint8 (radix to 256) or uint16.

        `tweak_of` names the tweak of each row; None stands for the first one.

        Raises:
            ValueError: for a matrix of another width or type, or a numeral outside the radix.
        """
        return self._of_numerals(numerals, tweak_of, self.encrypt_halves)

    def decrypt(self, numerals: Numerals, tweak_of: Places | None = None) -> Numerals:
        """Invert `encrypt`.

        Raises:
            ValueError: as `encrypt` does.
        """
        return self._of_numerals(numerals, tweak_of, self.decrypt_halves)

    def encrypt_halves(self, left: Half, right: Half, tweak_of: Places | None = None) -> tuple[Half, Half]:
        """Encipher strings given as the numbers that their two halves are, each below its modulus."""
        return self._of_halves(left, right, tweak_of, _forwards)

    def decrypt_halves(self, left: Half, right: Half, tweak_of: Places | None = None) -> tuple[Half, Half]:
        """Invert `encrypt_halves`."""
        return self._of_halves(left, right, tweak_of, _backwards)

    def _seed(self, length: int, tweaks: Sequence[bytes]) -> Bytes:
        """The state of the CBC-MAC before the first block that varies, with what is fixed of that block put in; for
        each tweak."""
        header = bytes([1, 2, 1]) + self._radix.to_bytes(3, "big") + bytes([_ROUNDS, self._left_size % 256])
        header += length.to_bytes(4, "big") + len(tweaks[0]).to_bytes(4, "big")
        varying = self._lengths.number_bytes + 1
        padding = bytes(-(len(tweaks[0]) + varying) % BLOCK + varying)
        fixed = np.frombuffer(b"".join(header + tweak + padding for tweak in tweaks), np.uint8)
        blocks = fixed.reshape(len(tweaks), -1, BLOCK)
        first = blocks.shape[1] - self._lengths.varying_blocks
        state = np.zeros((len(tweaks), BLOCK), np.uint8)
        for block in range(first):
            state = self._cipher.encrypt(state ^ blocks[:, block])
        return state ^ blocks[:, first]

    def _of_numerals(
        self, numerals: Numerals, tweak_of: Places | None, do: Callable[..., tuple[Half, Half]]
    ) -> Numerals:
        length = self._left_size + self._right_size
        if numerals.ndim != 2 or numerals.shape[1] != length or numerals.dtype.kind not in "iu":
            raise ValueError("numerals come as a matrix of integers, one string in a row")
        if len(numerals) and not (int(numerals.min()) >= 0 and int(numerals.max()) < self._radix):
            raise ValueError("a numeral lies outside the radix")
        out = np.empty(numerals.shape, np.uint8 if self._radix <= 256 else np.uint16)
        for chunk in chunks(len(numerals), CHUNK_ROWS):
            columns = np.ascontiguousarray(numerals[chunk].T)
            left, right = (self._number(half) for half in (columns[: self._left_size], columns[self._left_size :]))
            left, right = do(left, right, None if tweak_of is None else tweak_of[chunk])
            self._write(left, out[chunk, : self._left_size])
            self._write(right, out[chunk, self._left_size :])
        return out

    def _number(self, columns: Numerals) -> Half:
        """NUM_radix: the numbers that strings are, the most significant numeral first."""
        numeral = np.uint64 if self.in_words else object
        number: Half = columns[0].astype(numeral)
        for column in columns[1:]:
            number *= self._scalar(self._radix)
            number += column.astype(numeral)
        return number

    def _write(self, number: Half, out: Numerals) -> None:
        """STR_radix: the strings of the given width that numbers are."""
        radix = self._scalar(self._radix)
        for column in range(out.shape[1] - 1, -1, -1):
            rest = number // radix
            out[:, column] = number - rest * radix
            number = rest

    def _scalar(self, value: int) -> Any:
        return np.uint64(value) if self.in_words else value

    def _of_halves(self, left: Half, right: Half, tweak_of: Places | None, feistel: _Feistel) -> tuple[Half, Half]:
        kind = np.dtype(np.uint64 if self.in_words else object)
        if left.dtype != kind or right.dtype != kind:
            raise ValueError("the halves have another type of integer")
        out = np.empty((2, len(left)), kind)
        rounds = (WordRounds if self.in_words else BigRounds)(self._cipher, self._lengths, self.moduli, self._seeds)
        for chunk in chunks(len(left), CHUNK_ROWS):
            rounds.begin(_FIRST if tweak_of is None else tweak_of[chunk], len(left[chunk]))
            out[0, chunk], out[1, chunk] = feistel(rounds, left[chunk], right[chunk])
        return out[0], out[1]


_Feistel: TypeAlias = Callable[[Rounds, Half, Half], tuple[Half, Half]]


def _forwards(rounds: Rounds, left: Half, right: Half) -> tuple[Half, Half]:
    for number in range(_ROUNDS):
        left, right = right, rounds.add(number, left, right)
    return left, right


def _backwards(rounds: Rounds, left: Half, right: Half) -> tuple[Half, Half]:
    for number in range(_ROUNDS - 1, -1, -1):
        left, right = rounds.subtract(number, right, left), left
    return left, right
