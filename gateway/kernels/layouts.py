"""Canonical values of fixed width as integers and back: one value, one integer. Tokens are made of such.

A form may have several layouts, told apart by width. The integers of one form's layouts must not overlap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.kernels import alphabets, swar
from gateway.kernels.alphabets import PROVINCE_BYTES
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes, Mask, chunks, pooled
from gateway.model.contract import CanonicalForm
from gateway.model.spelling import PLATE_ALPHABET, PLATE_LETTERS, PLATE_PROVINCES

SPARE_WORDS = 6
"""Words a row that a layout needs as room to work in."""

_CHUNK = 16_384  # rows; measured


class Layout(Protocol):
    """An injective encoding of texts of one width as the integers from `first` up to, not including, `stop` ≤ 2⁶⁴."""

    @property
    def width(self) -> int:
        """Bytes of the text."""

    @property
    def first(self) -> int:
        """The smallest integer."""

    @property
    def stop(self) -> int:
        """One more than the largest."""

    def read(self, rows: Bytes, numbers: Words, spare: Words) -> Mask:
        """Put the integer of each row (n × width) in `numbers`, and return which rows are in this layout.

        The integers of the other rows mean nothing. `spare` is SPARE_WORDS × n of room.
        """

    def write(self, numbers: Words, rows: Bytes, spare: Words) -> None:
        """Invert `read`: write the text of each integer, which must be in range."""


class ResidentIds:
    """Eighteen characters whose check character is right (GB 11643-1999): the integer is the seventeen digits.

    The check character follows from them: ISO 7064 MOD 11-2 (GB 11643-1999, 4.2.4).
    """

    width, first, stop = 18, 0, 10**17

    def read(self, rows: Bytes, numbers: Words, spare: Words) -> Mask:
        """See `Layout`."""
        words, room, total, last = spare[0:2], spare[2:4], spare[4], spare[5]
        words[0] = rows[:, 0:8].view("<u8")[:, 0]
        words[1] = rows[:, 8:16].view("<u8")[:, 0]
        last[:] = rows[:, 16:18].view("<u2")[:, 0]
        swar.strip(words)
        swar.flag(words, room)
        foreign = numbers
        np.bitwise_or(room[0], room[1], foreign)
        foreign &= swar.HIGH_BITS
        plain: Mask = foreign == 0
        _sum_of_sixteen(words, total)
        _ENDS.take(last.view(np.int64), None, room[1], "clip")
        total += room[1]
        plain &= _RIGHT.take(total.view(np.int64), mode="clip")
        swar.join(words)
        np.multiply(words[0], _TEN_TO_NINE, numbers)
        words[1] *= _TEN
        numbers += words[1]
        last &= _LOW_BYTE
        numbers += last
        numbers -= _ZERO
        return plain

    def write(self, numbers: Words, rows: Bytes, spare: Words) -> None:
        """See `Layout`."""
        words, room, rest, seventeenth = spare[0:2], spare[2:4], spare[4], spare[5]
        np.floor_divide(numbers, _TEN_TO_NINE, words[0])
        np.multiply(words[0], _TEN_TO_NINE, rest)
        np.subtract(numbers, rest, rest)
        np.floor_divide(rest, _TEN, words[1])
        np.multiply(words[1], _TEN, seventeenth)
        np.subtract(rest, seventeenth, seventeenth)
        swar.split(words, room)
        total = rest
        _sum_of_sixteen(words, total)
        total *= _TEN
        total += seventeenth
        swar.write(words)
        rows[:, 0:8].view("<u8")[:, 0] = words[0]
        rows[:, 8:16].view("<u8")[:, 0] = words[1]
        rows[:, 16:18].view("<u2")[:, 0] = _LAST_TWO.take(total.view(np.int64), mode="clip")


class Phones:
    """Eleven digits: the integer that they write."""

    width, first, stop = 11, 0, 10**11

    def read(self, rows: Bytes, numbers: Words, spare: Words) -> Mask:
        """See `Layout`."""
        words, room = spare[0:2], spare[2:4]
        words[0] = rows[:, 0:8].view("<u8")[:, 0]
        words[1] = rows[:, 3:11].view("<u8")[:, 0]
        swar.strip(words)
        words[0] <<= _FIVE_BYTES  # leaves three digits, zeros before them
        swar.flag(words, room)
        foreign = np.bitwise_or(room[0], room[1], room[0])
        foreign &= swar.HIGH_BITS
        plain: Mask = foreign == 0
        swar.join(words)
        np.multiply(words[0], _TEN_TO_EIGHT, numbers)
        numbers += words[1]
        return plain

    def write(self, numbers: Words, rows: Bytes, spare: Words) -> None:
        """See `Layout`."""
        words, rest = spare[0:2], spare[4]
        np.floor_divide(numbers, _TEN_TO_EIGHT, words[0])
        np.multiply(words[0], _TEN_TO_EIGHT, rest)
        np.subtract(numbers, rest, words[1])
        swar.split(words, spare[2:4])
        swar.write(words)
        words[0] >>= _FIVE_BYTES
        rows[:, 0:8].view("<u8")[:, 0] = words[0]
        rows[:, 3:11].view("<u8")[:, 0] = words[1]  # over the five bytes that are no digits


class Plates:
    """Number plates with five or six characters after province and letter: their places, by mixed radix."""

    def __init__(self, length: int, first: int) -> None:
        self.width, self.first = _HEAD + length, first
        self.stop: int = first + len(PLATE_PROVINCES) * len(PLATE_LETTERS) * len(PLATE_ALPHABET) ** length

    def read(self, rows: Bytes, numbers: Words, spare: Words) -> Mask:
        """See `Layout`."""
        plain = alphabets.are_plates(rows)
        numbers[:] = alphabets.provinces(rows[:, :PROVINCE_BYTES])
        numbers *= _LETTERS
        numbers += alphabets.PLATE_LETTER.numerals(rows[:, PROVINCE_BYTES])
        for column in alphabets.PLATE_BODY.numerals(rows[:, _HEAD:]).T:
            numbers *= _CHARACTERS
            numbers += column
        numbers += np.uint64(self.first)
        return plain

    def write(self, numbers: Words, rows: Bytes, spare: Words) -> None:
        """See `Layout`."""
        rest, last = spare[0], spare[1]
        np.subtract(numbers, np.uint64(self.first), rest)
        for place in range(self.width - 1, _HEAD - 1, -1):
            np.divmod(rest, _CHARACTERS, rest, last)
            rows[:, place] = _CHARACTER_AT.take(last.view(np.int64))
        np.divmod(rest, _LETTERS, rest, last)
        rows[:, PROVINCE_BYTES] = _LETTER_AT.take(last.view(np.int64))
        rows[:, :PROVINCE_BYTES] = _PROVINCE_AT.take(rest.view(np.int64), axis=0)


_HEAD = PROVINCE_BYTES + 1
_SHORT_PLATES = Plates(5, 0)

RESIDENT_IDS, PHONES = ResidentIds(), Phones()

LAYOUTS: Mapping[CanonicalForm, tuple[Layout, ...]] = {
    CanonicalForm.RESIDENT_ID: (RESIDENT_IDS,),
    CanonicalForm.PHONE: (PHONES,),
    CanonicalForm.PLATE: (_SHORT_PLATES, Plates(6, _SHORT_PLATES.stop)),
}
"""The forms whose values have an integer of 64 bits."""


def read(rows: Bytes, layout: Layout) -> tuple[Words, Mask]:
    """Return the integers of an n × width matrix of texts, and which rows have one; the others mean nothing."""
    numbers = pooled(len(rows), 8).view(np.uint64)[:, 0]
    plain = np.empty(len(rows), np.bool_)
    spare = np.empty((SPARE_WORDS, min(_CHUNK, len(rows))), np.uint64)
    for chunk in chunks(len(rows), _CHUNK):
        plain[chunk] = layout.read(rows[chunk], numbers[chunk], spare[:, : chunk.stop - chunk.start])
    return numbers, plain


def write(numbers: Words, layout: Layout) -> Bytes:
    """Return the texts of integers, which must be in the layout's range, as an n × width matrix."""
    rows = pooled(len(numbers), layout.width)
    spare = np.empty((SPARE_WORDS, min(_CHUNK, len(rows))), np.uint64)
    for chunk in chunks(len(rows), _CHUNK):
        layout.write(numbers[chunk], rows[chunk], spare[:, : chunk.stop - chunk.start])
    return rows


_LOW_BYTE, _ZERO, _FIVE_BYTES = swar.word(0xFF), swar.word(ord("0")), swar.word(40)
_TEN, _TEN_TO_EIGHT, _TEN_TO_NINE = swar.word(10), swar.word(10**8), swar.word(10**9)

_LETTERS, _CHARACTERS = swar.word(len(PLATE_LETTERS)), swar.word(len(PLATE_ALPHABET))
_LETTER_AT, _CHARACTER_AT = (np.frombuffer(text.encode(), np.uint8) for text in (PLATE_LETTERS, PLATE_ALPHABET))
_PROVINCE_AT = np.frombuffer(PLATE_PROVINCES.encode(), np.uint8).reshape(-1, PROVINCE_BYTES)

# ISO 7064 MOD 11-2: each digit weighs 2 to the power of its distance from the check character, and with the check
# character, which may be 10 ("X"), the sum leaves 1 when divided by 11.
_THREE = swar.word(2**8 % 11)
_SECOND_WEIGHTS = 2**8 % 11, 2**6 % 11, 2**4 % 11, 2**2 % 11
_WEIGHTS = swar.pair_weights(_SECOND_WEIGHTS)
_GREATEST_SUM = sum(_SECOND_WEIGHTS) * (2 + 1) * (int(_THREE) + 1) * 9
_CHECKS = "0123456789X"


def _sum_of_sixteen(words: Words, total: Words) -> None:
    """Put the weighted sum of sixteen digit values (2 × n) in `total`; that of others is some number below 2¹⁶."""
    # a digit of the first word weighs 2⁸ times what its neighbour in the second does
    np.multiply(words[0], _THREE, total)
    total += words[1]
    swar.weigh(total, _WEIGHTS)


def _ends() -> Words:
    """What the last two characters add to the sum, by their two bytes; for others, what no sum can make up for."""
    table = np.full(1 << 16, 1 << 20, np.uint64)
    for digit in range(10):
        for value, check in enumerate(_CHECKS):
            table[ord("0") + digit | ord(check) << 8] = 2 * digit + value
    return table


def _last_two() -> npt.NDArray[np.uint16]:
    """The seventeenth digit and the check character as two bytes, by ten times the sum of sixteen, plus the digit."""
    pairs = [
        ord("0") + digit | ord(_CHECKS[(1 - total - 2 * digit) % 11]) << 8
        for total in range(_GREATEST_SUM + 1)
        for digit in range(10)
    ]
    return np.array(pairs, np.uint16)


_ENDS, _LAST_TWO = _ends(), _last_two()
_RIGHT = np.array([*(total % 11 == 1 for total in range(_GREATEST_SUM + 2 * 9 + 10 + 1)), False])
