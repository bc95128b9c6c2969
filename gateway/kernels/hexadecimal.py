"""Lower-case hexadecimal text of byte matrices."""

from __future__ import annotations

import binascii

import numpy as np

from gateway.kernels.text import Bytes, Mask, chunks, copy_rows, pooled

_DIGITS = np.frombuffer(binascii.hexlify(np.arange(2**16, dtype="<u2").tobytes()), "<u4")  # of each pair of bytes
_ROOM = 131_072  # bytes
_LOWER_CASE = 0x20  # set in every digit of lower case, in no letter of upper case
_ALL_LOWER_CASE = np.uint64(0x2020_2020_2020_2020)


class Speller:
    """Writes rows of `width` bytes as digits, up to `most` rows at a time: it holds the room for them."""

    __slots__ = ("_digits", "_pairs")

    def __init__(self, width: int, most: int) -> None:
        self._pairs = np.empty((most, width // 2), np.intp)
        self._digits = np.empty((most, width // 2), np.uint32)

    def write(self, rows: Bytes, target: Bytes) -> None:
        """Write the digits of an n × width matrix without gaps into an n × 2·width matrix."""
        count, width = rows.shape
        if width % 2:
            text = np.frombuffer(binascii.hexlify(rows.data), np.uint8).reshape(count, 2 * width)
        else:
            # two bytes at a time; no index lies outside the table, and "wrap" is the fastest way to say what if
            pairs, digits = self._pairs[:count], self._digits[:count]
            pairs[:] = rows.view("<u2")
            _DIGITS.take(pairs, None, digits, "wrap")
            text = digits.view(np.uint8)
        copy_rows(text, target)


def spell(letter: int, rows: Bytes) -> Bytes:
    """Return an n × (1 + 2·width) matrix of a letter and the digits of an n × width matrix without gaps."""
    count, width = rows.shape
    texts = pooled(count, 1 + 2 * width)
    most = _rows_at_once(count, width)
    speller = Speller(width, most)
    for chunk in chunks(count, most):
        speller.write(rows[chunk], texts[chunk, 1:])
        texts[chunk, 0] = letter
    return texts


class Reader:
    """Reads rows of 2·`width` digits, up to `most` rows at a time: it holds the room for them."""

    __slots__ = ("_text",)

    def __init__(self, width: int, most: int) -> None:
        self._text = np.empty((most, 2 * width), np.uint8)

    def read(self, rows: Bytes) -> tuple[Bytes, Mask | None]:
        """Return the n × width bytes of an n × 2·width matrix of digits, and which rows were lower-case hexadecimal,
        or None if all were.

        The bytes of the other rows are zero.
        """
        text = self._text[: len(rows)]
        copy_rows(rows, text)
        if _is_lower_case(text.reshape(-1)):
            try:
                return _bytes(text), None
            except binascii.Error:
                pass
        # some row is foreign: tell which
        digits = (text - np.uint8(ord("0")) < 10) | (text - np.uint8(ord("a")) < 6)
        mask: Mask = np.logical_and.reduce(digits, axis=1)
        text[~mask] = ord("0")
        return _bytes(text), mask


def unspell(rows: Bytes) -> tuple[Bytes, Mask]:
    """Return the bytes that `spell` wrote after the letter, and which rows were lower-case hexadecimal.

    The bytes of the other rows are zero.
    """
    count, width = len(rows), rows.shape[1] // 2
    decoded = pooled(count, width)
    well_formed = np.ones(count, np.bool_)
    most = _rows_at_once(count, width)
    reader = Reader(width, most)
    for chunk in chunks(count, most):
        decoded[chunk], mask = reader.read(rows[chunk, 1:])
        if mask is not None:
            well_formed[chunk] = mask
    return decoded, well_formed


def _rows_at_once(count: int, width: int) -> int:
    return max(1, min(count, _ROOM // (width + 1)))


def _is_lower_case(text: Bytes) -> bool:
    words = text[: text.size // 8 * 8].view("<u8")
    rest = text[words.size * 8 :]
    return bool(
        np.bitwise_and.reduce(words) & _ALL_LOWER_CASE == _ALL_LOWER_CASE
        and np.bitwise_and.reduce(rest) & _LOWER_CASE == _LOWER_CASE
    )


def _bytes(text: Bytes) -> Bytes:
    count, width = text.shape
    return np.frombuffer(binascii.unhexlify(text.data), np.uint8).reshape(count, width // 2)
