"""Characters of identifiers as numerals, a column at a time, and the check character of firm codes."""

from __future__ import annotations

import numpy as np

from gateway.kernels.text import Bytes, Mask
from gateway.model.spelling import FIRM_ALPHABET, PLATE_ALPHABET, PLATE_LETTERS, PLATE_PROVINCES

FOREIGN = 255
"""Stands for a character that is not of the alphabet."""

FIRM_WIDTH = 18
PROVINCE_BYTES = 3


class Alphabet:
    """ASCII characters and their numerals: a character's place."""

    __slots__ = ("_back", "_forth")

    def __init__(self, characters: str) -> None:
        codes = characters.encode("ascii")
        self._forth = bytes(codes.index(code) if code in codes else FOREIGN for code in range(256))
        self._back = codes.ljust(256, b"?")

    def numerals(self, rows: Bytes) -> Bytes:
        """Return the numerals of a matrix of characters; `FOREIGN` for others."""
        return _translated(rows, self._forth)

    def characters(self, rows: Bytes) -> Bytes:
        """Invert `numerals`."""
        return _translated(rows, self._back)


PLATE_BODY, PLATE_LETTER, FIRM = Alphabet(PLATE_ALPHABET), Alphabet(PLATE_LETTERS), Alphabet(FIRM_ALPHABET)

_PROVINCE_AT = np.full(1 << 16, FOREIGN, np.uint8)
_PROVINCE_AT[[ord(province) for province in PLATE_PROVINCES]] = range(len(PLATE_PROVINCES))

_FIRM_WEIGHTS = tuple(pow(3, place, 31) for place in range(FIRM_WIDTH - 1))
_FIRM_CHECKS = np.array([(31 - total % 31) % 31 for total in range(30 * sum(_FIRM_WEIGHTS) + 1)], np.uint8)


def are_known(numerals: Bytes) -> Mask:
    """Tell which rows of numerals have no foreign one among them."""
    if numerals.size and int(numerals.max()) == FOREIGN:  # numpy walks narrow rows slowly
        known: Mask = (numerals != FOREIGN).all(axis=1)
        return known
    return np.ones(len(numerals), np.bool_)


def provinces(rows: Bytes) -> Bytes:
    """Return the places of provinces, each written in UTF-8 in a row of three bytes, in `PLATE_PROVINCES`; `FOREIGN`
    for what is none."""
    first, second, third = (column.astype(np.uint16) for column in rows.T)
    points = (first & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F)
    whole = (first >> 4 == 0x0E) & (second >> 6 == 0b10) & (third >> 6 == 0b10)
    return np.where(whole, _PROVINCE_AT[points], np.uint8(FOREIGN))


def are_plates(rows: Bytes) -> Mask:
    """Tell which rows of 9 or 10 bytes are number plates: a province, a letter, and five or six characters."""
    body = PLATE_BODY.numerals(rows[:, PROVINCE_BYTES + 1 :])
    letters = PLATE_LETTER.numerals(rows[:, PROVINCE_BYTES])
    known = are_known(body)
    known &= letters != FOREIGN
    known &= provinces(rows[:, :PROVINCE_BYTES]) != FOREIGN
    return known


def firm_check(numerals: Bytes) -> Bytes:
    """Return the numerals of the check characters of rows of 17: weights 3ⁱ, modulo 31 (GB 32100-2015, annex)."""
    totals = np.zeros(len(numerals), np.uint16)
    for column, weight in zip(np.ascontiguousarray(numerals.T), _FIRM_WEIGHTS, strict=True):
        totals += column.astype(np.uint16) * np.uint16(weight)
    return _FIRM_CHECKS[totals]


def _translated(rows: Bytes, table: bytes) -> Bytes:
    return np.frombuffer(rows.tobytes().translate(table), np.uint8).reshape(rows.shape)
