"""FF1's round function over a column: in 64-bit integers, or in Python's for longer halves. See `ff1`."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from gateway.kernels.ciphers import BLOCK, BlockCipher
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes, Places

Half: TypeAlias = npt.NDArray[Any]
"""Integers: uint64, or Python's in an array of objects."""

_QUOTIENT_ERROR = 2.0**-18


class Lengths:
    """How long the parts are in which a round's input and output are written (algorithm 7, steps 3 and 4)."""

    __slots__ = ("number_bytes", "output_bytes", "varying_blocks")

    def __init__(self, modulus: int) -> None:
        self.number_bytes = -(-(modulus - 1).bit_length() // 8)
        self.output_bytes = 4 * -(-self.number_bytes // 4) + 4
        self.varying_blocks = -(-(self.number_bytes + 1) // BLOCK)


class Rounds(Protocol):
    """The round function over a chunk of rows; for one call only, since it holds buffers."""

    def __init__(self, cipher: BlockCipher, lengths: Lengths, moduli: tuple[int, int], seeds: Bytes) -> None: ...

    def begin(self, tweak_of: Places, count: int) -> None:
        """Take up the next chunk: the place of the seed for each of its rows, or one place for all."""

    def add(self, number: int, target: Half, source: Half) -> Half:
        """Return target + F(source) modulo the half's modulus."""

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        """Return target - F(source) modulo the half's modulus."""


class WordRounds:
    """Rounds over 64-bit integers: one block varies, in its last nine bytes at most."""

    __slots__ = ("_blocks", "_cipher", "_high", "_lengths", "_low", "_moduli", "_output", "_seeds", "_spare")

    def __init__(self, cipher: BlockCipher, lengths: Lengths, moduli: tuple[int, int], seeds: Bytes) -> None:
        self._cipher, self._lengths = cipher, lengths
        self._moduli = tuple(np.uint64(modulus) for modulus in moduli)
        self._seeds = np.ascontiguousarray(seeds.view(">u8").T, np.uint64)
        self._high: Words = np.empty(0, np.uint64)
        self._low: Words = np.empty(0, np.uint64)
        self._blocks: npt.NDArray[np.uint64] = np.empty((0, 2), ">u8")
        self._output: Bytes = np.empty((0, BLOCK), np.uint8)
        self._spare: Words = np.empty(0, np.uint64)

    def begin(self, tweak_of: Places, count: int) -> None:
        """See `Rounds`."""
        if len(self._blocks) != count:
            self._blocks = np.empty((count, 2), ">u8")
            self._output = np.empty((count, BLOCK), np.uint8)
            self._spare = np.empty(count, np.uint64)
        self._high, self._low = self._seeds[0][tweak_of], self._seeds[1][tweak_of]
        self._blocks[:, 0] = self._high

    def add(self, number: int, target: Half, source: Half) -> Half:
        """See `Rounds`."""
        modulus = self._moduli[number % 2]
        value = self._value(number, source, modulus)
        value += target
        return self._reduced(value, modulus)

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        """See `Rounds`."""
        modulus = self._moduli[number % 2]
        value = self._value(number, source, modulus)
        np.subtract(target, value, out=value)
        # a difference below zero wrapped around, and is the larger until the modulus is added
        np.add(value, modulus, out=self._spare)
        return np.minimum(value, self._spare, out=value)

    def _value(self, number: int, source: Words, modulus: np.uint64) -> Words:
        """F(source) modulo the modulus."""
        # the number of the round stands right before the half
        high, low = divmod(number << 8 * self._lengths.number_bytes, 1 << 64)
        if self._lengths.number_bytes == 8:
            self._blocks[:, 0] = self._high ^ np.uint64(high)
        self._blocks[:, 1] = np.bitwise_xor(source, self._low ^ np.uint64(low), out=self._spare)
        output = self._cipher.encrypt(self._blocks.view(np.uint8), self._output)
        value = output.view(">u8")[:, 0].astype(np.uint64)
        # numpy divides by a constant through its reciprocal, and takes remainders the slow way
        np.floor_divide(value, modulus, out=self._spare)
        self._spare *= modulus
        value -= self._spare
        if self._lengths.output_bytes > 8:
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


class BigRounds:
    """Rounds over Python's integers, for halves of any size."""

    __slots__ = ("_cipher", "_lengths", "_moduli", "_own", "_seeds")

    def __init__(self, cipher: BlockCipher, lengths: Lengths, moduli: tuple[int, int], seeds: Bytes) -> None:
        self._cipher, self._lengths, self._moduli, self._seeds = cipher, lengths, moduli, seeds
        self._own = seeds[:0]

    def begin(self, tweak_of: Places, count: int) -> None:
        """See `Rounds`."""
        self._own = np.broadcast_to(self._seeds[tweak_of], (count, BLOCK))

    def add(self, number: int, target: Half, source: Half) -> Half:
        """See `Rounds`."""
        result: Half = (target + self._value(number, source)) % self._moduli[number % 2]
        return result

    def subtract(self, number: int, target: Half, source: Half) -> Half:
        """See `Rounds`."""
        result: Half = (target - self._value(number, source)) % self._moduli[number % 2]
        return result

    def _value(self, number: int, source: Half) -> Half:
        width, blocks = self._lengths.number_bytes, self._lengths.varying_blocks
        text = np.zeros((len(self._own), blocks * BLOCK), np.uint8)
        written = b"".join(one.to_bytes(width, "big") for one in source)
        text[:, -width:] = np.frombuffer(written, np.uint8).reshape(-1, width)
        text[:, -width - 1] = number
        text[:, :BLOCK] ^= self._own
        state = self._cipher.encrypt(text[:, :BLOCK])
        for start in range(BLOCK, blocks * BLOCK, BLOCK):
            state = self._cipher.encrypt(state ^ text[:, start : start + BLOCK])
        outputs = [state]
        for place in range(1, -(-self._lengths.output_bytes // BLOCK)):
            outputs.append(self._cipher.encrypt(state ^ np.frombuffer(place.to_bytes(BLOCK, "big"), np.uint8)))
        rows = np.hstack(outputs)[:, : self._lengths.output_bytes]
        return np.array([int.from_bytes(row, "big") for row in rows], object)
