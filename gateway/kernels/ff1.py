"""FF1, format-preserving encryption (NIST SP 800-38G, March 2016, algorithms 6 to 8), a column at a time.

Strings of numerals are enciphered to strings of the same radix and length. The domain must have a million strings or
more, as the drafts of revision 1 (February 2019, February 2025) demand. FF1 has no integrity: each string of the form
deciphers to something.

Each of the ten rounds is one call of the block cipher over the column. Halves of up to 63 bits are 64-bit integers;
longer ones are Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.kernels.ciphers import BLOCK, BlockCipher
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes, Places, chunks

Numerals: TypeAlias = npt.NDArray[np.integer[Any]]
Half: TypeAlias = npt.NDArray[Any]
"""Integers: uint64, or Python's in an array of objects."""

SMALLEST_DOMAIN = 1_000_000
CHUNK_ROWS = 16_384
"""Rows that are worked on at once: ten rounds of small steps cost more than a little room in the cache."""

_ROUNDS = 10
_WORD_HALVES = 1 << 63
_QUOTIENT_ERROR = 2.0**-18
_FIRST = np.zeros(1, np.intp)


class FF1:
    """FF1 under one key, for strings of `length` numerals of a radix from 2 to 65536.

    `tweaks` are the tweaks in use, all of one length; a row names its own by the place in this list. Safe to share
    between threads, as the cipher is. A row's result depends on its numerals and its tweak alone.

    Raises:
        ValueError: for another radix, or a length or tweak that the standard does not allow.
    """

    __slots__ = ("_cipher", "_layout", "_left_size", "_radix", "_right_size", "_seeds")

    def __init__(self, cipher: BlockCipher, radix: int, length: int, tweaks: Sequence[bytes] = (b"",)) -> None:
        if not 2 <= radix <= 1 << 16:
            raise ValueError("the radix must lie between 2 and 65536")
        if not 2 <= length < 1 << 32 or radix**length < SMALLEST_DOMAIN:
            raise ValueError("the domain must have a million strings or more")
        if len({len(tweak) for tweak in tweaks}) != 1 or len(tweaks[0]) >= 1 << 32:
            raise ValueError("tweaks must be there, and of one length below 2³² bytes")
        self._cipher, self._radix = cipher, radix
        self._left_size, self._right_size = length // 2, length - length // 2
        self._layout = _Layout(radix**self._right_size)
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
        varying = self._layout.number_bytes + 1
        padding = bytes(-(len(tweaks[0]) + varying) % BLOCK + varying)
        fixed = np.frombuffer(b"".join(header + tweak + padding for tweak in tweaks), np.uint8)
        blocks = fixed.reshape(len(tweaks), -1, BLOCK)
        first = blocks.shape[1] - self._layout.varying_blocks
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
        rounds = (_WordRounds if self.in_words else _BigRounds)(self._cipher, self._layout, self.moduli, self._seeds)
        for chunk in chunks(len(left), CHUNK_ROWS):
            rounds.begin(_FIRST if tweak_of is None else tweak_of[chunk], len(left[chunk]))
            out[0, chunk], out[1, chunk] = feistel(rounds, left[chunk], right[chunk])
        return out[0], out[1]


class _Layout:
    """How long the parts are in which a round's input and output are written (algorithm 7, steps 3 and 4)."""

    __slots__ = ("number_bytes", "output_bytes", "varying_blocks")

    def __init__(self, modulus: int) -> None:
        self.number_bytes = -(-(modulus - 1).bit_length() // 8)
        self.output_bytes = 4 * -(-self.number_bytes // 4) + 4
        self.varying_blocks = -(-(self.number_bytes + 1) // BLOCK)


class _Rounds(Protocol):
    """The round function over a chunk of rows; for one call only, since it holds buffers."""

    def __init__(self, cipher: BlockCipher, layout: _Layout, moduli: tuple[int, int], seeds: Bytes) -> None: ...

    def begin(self, tweak_of: Places, count: int) -> None:
        """Take up the next chunk: the place of the seed for each of its rows, or one place for all."""

    def add(self, number: int, target: Half, source: Half) -> Half:
        """Return target + F(source) modulo the half's modulus."""

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        """Return target - F(source) modulo the half's modulus."""


_Feistel: TypeAlias = Callable[[_Rounds, Half, Half], tuple[Half, Half]]


def _forwards(rounds: _Rounds, left: Half, right: Half) -> tuple[Half, Half]:
    for number in range(_ROUNDS):
        left, right = right, rounds.add(number, left, right)
    return left, right


def _backwards(rounds: _Rounds, left: Half, right: Half) -> tuple[Half, Half]:
    for number in range(_ROUNDS - 1, -1, -1):
        left, right = rounds.subtract(number, right, left), left
    return left, right


class _WordRounds:
    """Rounds over 64-bit integers: one block varies, in its last nine bytes at most."""

    __slots__ = ("_blocks", "_cipher", "_high", "_layout", "_low", "_moduli", "_output", "_seeds", "_spare")

    def __init__(self, cipher: BlockCipher, layout: _Layout, moduli: tuple[int, int], seeds: Bytes) -> None:
        self._cipher, self._layout = cipher, layout
        self._moduli = tuple(np.uint64(modulus) for modulus in moduli)
        self._seeds = np.ascontiguousarray(seeds.view(">u8").T, np.uint64)
        self._high: Words = np.empty(0, np.uint64)
        self._low: Words = np.empty(0, np.uint64)
        self._blocks: npt.NDArray[np.uint64] = np.empty((0, 2), ">u8")
        self._output: Bytes = np.empty((0, BLOCK), np.uint8)
        self._spare: Words = np.empty(0, np.uint64)

    def begin(self, tweak_of: Places, count: int) -> None:
        if len(self._blocks) != count:
            self._blocks = np.empty((count, 2), ">u8")
            self._output = np.empty((count, BLOCK), np.uint8)
            self._spare = np.empty(count, np.uint64)
        self._high, self._low = self._seeds[0][tweak_of], self._seeds[1][tweak_of]
        self._blocks[:, 0] = self._high

    def add(self, number: int, target: Half, source: Half) -> Half:
        modulus = self._moduli[number % 2]
        value = self._value(number, source, modulus)
        value += target
        return self._reduced(value, modulus)

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        modulus = self._moduli[number % 2]
        value = self._value(number, source, modulus)
        np.subtract(target, value, out=value)
        # a difference below zero wrapped around, and is the larger until the modulus is added
        np.add(value, modulus, out=self._spare)
        return np.minimum(value, self._spare, out=value)

    def _value(self, number: int, source: Words, modulus: np.uint64) -> Words:
        """F(source) modulo the modulus."""
        # the number of the round stands right before the half
        high, low = divmod(number << 8 * self._layout.number_bytes, 1 << 64)
        if self._layout.number_bytes == 8:
            self._blocks[:, 0] = self._high ^ np.uint64(high)
        self._blocks[:, 1] = np.bitwise_xor(source, self._low ^ np.uint64(low), out=self._spare)
        output = self._cipher.encrypt(self._blocks.view(np.uint8), self._output)
        value = output.view(">u8")[:, 0].astype(np.uint64)
        # numpy divides by a constant through its reciprocal, and takes remainders the slow way
        np.floor_divide(value, modulus, out=self._spare)
        self._spare *= modulus
        value -= self._spare
        if self._layout.output_bytes > 8:
            value = self._shifted(value, output.view(">u4")[:, 2], modulus)
        return value

    def _shifted(self, value: Words, rest: npt.NDArray[np.uint32], modulus: np.uint64) -> Words:
        """Return value · 2³² + rest modulo the modulus, for values below it.

        The quotient is below 2³², so its estimate in floating point (five roundings, 2⁻⁵³ of it each) errs by less
        than 2⁻¹⁸. It is taken lower by that much: then it is right or one too low, and the remainder, below twice the
        modulus, is exact in 64 bits although the products are not.
        """
        scale = 1.0 / float(modulus)
        estimate = value.view(np.int64).astype(np.float64)
        estimate *= scale * 2.0**32
        estimate += rest * scale
        estimate -= _QUOTIENT_ERROR
        quotient = estimate.astype(np.int64).view(np.uint64)
        value <<= np.uint64(32)
        value += rest
        quotient *= modulus
        value -= quotient
        return self._reduced(value, modulus)

    def _reduced(self, value: Words, modulus: np.uint64) -> Words:
        """Bring values below twice the modulus below it: less the modulus, small ones wrap around and are larger."""
        np.subtract(value, modulus, out=self._spare)
        return np.minimum(value, self._spare, out=value)


class _BigRounds:
    """Rounds over Python's integers, for halves of any size."""

    __slots__ = ("_cipher", "_layout", "_moduli", "_own", "_seeds")

    def __init__(self, cipher: BlockCipher, layout: _Layout, moduli: tuple[int, int], seeds: Bytes) -> None:
        self._cipher, self._layout, self._moduli, self._seeds = cipher, layout, moduli, seeds
        self._own = seeds[:0]

    def begin(self, tweak_of: Places, count: int) -> None:
        self._own = np.broadcast_to(self._seeds[tweak_of], (count, BLOCK))

    def add(self, number: int, target: Half, source: Half) -> Half:
        result: Half = (target + self._value(number, source)) % self._moduli[number % 2]
        return result

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        result: Half = (target - self._value(number, source)) % self._moduli[number % 2]
        return result

    def _value(self, number: int, source: Half) -> Half:
        width, blocks = self._layout.number_bytes, self._layout.varying_blocks
        text = np.zeros((len(self._own), blocks * BLOCK), np.uint8)
        written = b"".join(one.to_bytes(width, "big") for one in source)
        text[:, -width:] = np.frombuffer(written, np.uint8).reshape(-1, width)
        text[:, -width - 1] = number
        text[:, :BLOCK] ^= self._own
        state = self._cipher.encrypt(text[:, :BLOCK])
        for start in range(BLOCK, blocks * BLOCK, BLOCK):
            state = self._cipher.encrypt(state ^ text[:, start : start + BLOCK])
        outputs = [state]
        for place in range(1, -(-self._layout.output_bytes // BLOCK)):
            outputs.append(self._cipher.encrypt(state ^ np.frombuffer(place.to_bytes(BLOCK, "big"), np.uint8)))
        rows = np.hstack(outputs)[:, : self._layout.output_bytes]
        return np.array([int.from_bytes(row, "big") for row in rows], object)
