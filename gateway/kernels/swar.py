"""Eight decimal digits at a time within 64-bit words (the well-known SWAR technique), a column at a time, in place.

numpy walks narrow rows slowly and wide columns fast, a new array for each step costs more than the step, and so does
turning a number into a constant. So these work on words × n arrays in place, take the room that they need as `spare`,
and keep their constants as arrays. Byte 0 of a word, its lowest, holds the first digit.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.uint64]


def word(value: int) -> Words:
    """Return a constant as an array without dimensions."""
    return np.array(value, np.uint64)


def every(bits: int, lane: int) -> Words:
    """Return a word with `lane` in each of its lanes of so many bits."""
    return word(sum(lane << place for place in range(0, 64, bits)))


HIGH_BITS = every(8, 0x80)
"""Where `flag` leaves its marks."""

_ZEROS = every(8, ord("0"))
_TO_HIGH_BIT = every(8, 0x80 - 10)
_LOW_BYTES, _LOW_PAIRS, _NIBBLES, _SEVEN_BITS = every(16, 0xFF), every(32, 0xFFFF), every(16, 0x0F), every(32, 0x7F)
_JOIN_PAIRS, _JOIN_QUADS = np.array(10 << 8 | 1, np.uint16), np.array(100 << 16 | 1, np.uint32)
_JOIN_EIGHTS = word(10_000 << 32 | 1)
_TWICE_AND_ONCE = np.array(2 << 8 | 1, np.uint16)
_8, _10, _16, _20, _32, _48 = (word(number) for number in (8, 10, 16, 20, 32, 48))
_10_000, _TO_QUADS = word(10_000), word((10_000 << 32) - 1)
_PER_100, _TO_PAIRS = word(10_486), word((100 << 16) - 1)
_PER_10, _TO_DIGITS = word(103), word((10 << 8) - 1)


def strip(words: Words) -> None:
    """Turn ASCII digits into their values 0 to 9, and any other byte into more than 9."""
    words ^= _ZEROS


def flag(words: Words, spare: Words) -> None:
    """Set one of HIGH_BITS in `spare` where a byte is above 9, and none in words whose bytes all are 9 or less."""
    # a carry runs only out of a byte that is above 9 itself, so it marks no word in vain
    np.add(words, _TO_HIGH_BIT, spare)
    spare |= words


def join(words: Words) -> None:
    """Turn eight digit values into the number they write."""
    # multiplying a lane of two neighbours leaves ten (a hundred, ten thousand) times the first plus the second above
    pairs = words.view(np.uint16)
    pairs *= _JOIN_PAIRS
    words >>= _8
    words &= _LOW_BYTES
    quads = words.view(np.uint32)
    quads *= _JOIN_QUADS
    words >>= _16
    words &= _LOW_PAIRS
    words *= _JOIN_EIGHTS
    words >>= _32


def split(words: Words, spare: Words) -> None:
    """Turn numbers below 10⁸ into their eight digit values: the inverse of `join`."""
    # each lane becomes its quotient, and its remainder in the lane above; the factors are exact for lanes of that size
    np.floor_divide(words, _10_000, spare)
    words <<= _32
    spare *= _TO_QUADS
    words -= spare
    np.multiply(words, _PER_100, spare)
    spare >>= _20
    spare &= _SEVEN_BITS
    words <<= _16
    spare *= _TO_PAIRS
    words -= spare
    np.multiply(words, _PER_10, spare)
    spare >>= _10
    spare &= _NIBBLES
    words <<= _8
    spare *= _TO_DIGITS
    words -= spare


def weigh(words: Words, weights: Words) -> None:
    """Turn eight values up to 36 into the sum of weight · value; `weights` come from `pair_weights`.

    Words with greater values become any number below 2¹⁶.
    """
    pairs = words.view(np.uint16)
    pairs *= _TWICE_AND_ONCE
    words >>= _8
    words &= _LOW_BYTES
    words *= weights  # the sum of all products gathers in the top lane; none reaches 2¹⁶
    words >>= _48


def pair_weights(second: tuple[int, int, int, int]) -> Words:
    """Return the factor by which `weigh` gives the second value of each pair this weight, and the first twice as much.

    The weights together must stay below 600.
    """
    return word(sum(weight << (16 * (3 - pair)) for pair, weight in enumerate(second)))


def write(words: Words) -> None:
    """Turn digit values into ASCII digits."""
    words |= _ZEROS
