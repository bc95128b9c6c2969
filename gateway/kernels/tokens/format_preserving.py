"""Format-preserving tokens: pseudonyms that look like the identifier they stand for, made with FF1.

They are for recipients whose systems refuse anything else. They carry no mark and have no integrity: whatever has the
form leads back to something, so the gateway never turns one back.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa

from gateway.kernels.alphabets import (
    FIRM,
    FIRM_WIDTH,
    PLATE_BODY,
    PLATE_LETTER,
    PROVINCE_BYTES,
    are_known,
    are_plates,
    firm_check,
    provinces,
)
from gateway.kernels.canonical import canonicalize
from gateway.kernels.ciphers import BlockCipher
from gateway.kernels.ff1 import CHUNK_ROWS, FF1
from gateway.kernels.layouts import PHONES, RESIDENT_IDS, SPARE_WORDS
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes, Column, Mask, Places, by_length, chunks, from_matrix, scatter, valid
from gateway.model.contract import CanonicalForm
from gateway.model.spelling import FIRM_ALPHABET, PLATE_ALPHABET, PLATE_LETTERS, PLATE_PROVINCES
from gateway.model.treatment import CheckDigit

CHECKED = frozenset((CanonicalForm.RESIDENT_ID, CanonicalForm.FIRM_CODE))
"""The forms that end in a check character."""

_NEXT_CHECK = bytes.maketrans(b"0123456789X", b"123456789X0")
_LEADING_ONE = np.uint64(10**10)
_HEAD = PROVINCE_BYTES + 1
_HEADS = tuple(province + letter for province in PLATE_PROVINCES for letter in PLATE_LETTERS)


def preserve(
    array: Column, form: CanonicalForm, check: CheckDigit | None, cipher: BlockCipher
) -> tuple[pa.StringArray, Mask]:
    """Return the format-preserving token of each value's canonical form, as utf8, and which rows were not taken.

    NULL for NULL, and for the rows not taken: values that are not of the form, or whose check character is wrong.
    `check` is whether that of a token is right, or wrong in every one; None for forms without (`CHECKED`). `cipher` is
    keyed for one domain and form. A value has one token, and a token one value.

    Raises:
        ValueError: for a form without such tokens, or a check that does not go with it.
        TypeError: for an Arrow type without a canonical form.
    """
    format_ = _format(form, check, cipher)
    if array.type != pa.string():
        array = canonicalize(array, form)
    tokens, taken = _turned(array, format_)
    if int(taken.sum()) != len(array) - array.null_count:
        # what was taken is canonical as it stands; something here is not
        array = canonicalize(array, form)
        tokens, taken = _turned(array, format_)
    return tokens, valid(array) & ~taken


class _Format(Protocol):
    """One form under one key."""

    @property
    def widths(self) -> tuple[int, ...]:
        """The lengths of its values in bytes."""

    def turn(self, rows: Bytes) -> tuple[Mask, Bytes]:
        """Return which rows are of the form, and the tokens of those."""


def _format(form: CanonicalForm, check: CheckDigit | None, cipher: BlockCipher) -> _Format:
    if (check is not None) != (form in CHECKED):
        raise ValueError("a check is for a form with a check character, and for each of those")
    never = check is CheckDigit.NEVER
    match form:
        case CanonicalForm.RESIDENT_ID:
            return _ResidentIds(cipher, never)
        case CanonicalForm.PHONE:
            return _Phones(cipher)
        case CanonicalForm.PLATE:
            return _Plates(cipher)
        case CanonicalForm.FIRM_CODE:
            return _FirmCodes(cipher, never)
        case CanonicalForm.TEXT:
            raise ValueError("text has no format to preserve")


def _turned(array: Column, format_: _Format) -> tuple[pa.StringArray, Mask]:
    """Return the tokens of a column, and which rows have one."""
    taken = np.zeros(len(array), np.bool_)
    pieces: list[tuple[slice | Places, pa.StringArray]] = []
    for places, rows in by_length(array):
        if rows.shape[1] not in format_.widths:
            continue
        plain = np.empty(len(rows), np.bool_)
        tokens = np.empty(rows.shape, np.uint8)
        done = 0
        for chunk in chunks(len(rows), CHUNK_ROWS):
            plain[chunk], turned = format_.turn(rows[chunk])
            tokens[done : done + len(turned)] = turned
            done += len(turned)
        chosen = places if plain.all() else np.arange(len(array))[places][plain]
        taken[chosen] = True
        pieces.append((chosen, from_matrix(tokens[:done])))
    return scatter(len(array), pieces), taken


class _ResidentIds:
    """Seventeen digits by FF1. The check character follows from the result: the right one, or the one after it."""

    widths = (RESIDENT_IDS.width,)

    def __init__(self, cipher: BlockCipher, never: bool) -> None:
        self._ff1 = FF1(cipher, 10, 17, (CanonicalForm.RESIDENT_ID.value.encode(),))
        self._never = never

    def turn(self, rows: Bytes) -> tuple[Mask, Bytes]:
        """See `_Format`."""
        spare = np.empty((SPARE_WORDS, len(rows)), np.uint64)
        numbers = np.empty(len(rows), np.uint64)
        plain = RESIDENT_IDS.read(rows, numbers, spare)
        if not plain.all():
            numbers = numbers[plain]
        numbers = _number(self._ff1, numbers)
        out = np.empty((len(numbers), RESIDENT_IDS.width), np.uint8)
        RESIDENT_IDS.write(numbers, out, spare[:, : len(numbers)])
        if self._never:
            out[:, -1] = np.frombuffer(out[:, -1].tobytes().translate(_NEXT_CHECK), np.uint8)
        return plain, out


class _Phones:
    """The leading 1 stays; ten digits by FF1."""

    widths = (PHONES.width,)

    def __init__(self, cipher: BlockCipher) -> None:
        self._ff1 = FF1(cipher, 10, 10, (CanonicalForm.PHONE.value.encode(),))

    def turn(self, rows: Bytes) -> tuple[Mask, Bytes]:
        """See `_Format`."""
        spare = np.empty((SPARE_WORDS, len(rows)), np.uint64)
        numbers = np.empty(len(rows), np.uint64)
        plain = PHONES.read(rows, numbers, spare)
        plain &= rows[:, 0] == ord("1")
        if not plain.all():
            numbers = numbers[plain]
        numbers -= _LEADING_ONE
        numbers = _number(self._ff1, numbers)
        numbers += _LEADING_ONE
        out = np.empty((len(numbers), PHONES.width), np.uint8)
        PHONES.write(numbers, out, spare[:, : len(numbers)])
        return plain, out


class _Plates:
    """Province and letter stay, and are the tweak; the five or six characters after them by FF1."""

    widths = (_HEAD + 5, _HEAD + 6)

    def __init__(self, cipher: BlockCipher) -> None:
        tweaks = tuple((CanonicalForm.PLATE.value + head).encode() for head in _HEADS)
        self._ff1 = {length: FF1(cipher, len(PLATE_ALPHABET), length, tweaks) for length in (5, 6)}

    def turn(self, rows: Bytes) -> tuple[Mask, Bytes]:
        """See `_Format`."""
        plain = are_plates(rows)
        out = np.array(rows if plain.all() else rows[plain])
        heads = provinces(out[:, :PROVINCE_BYTES]).astype(np.intp) * len(PLATE_LETTERS)
        heads += PLATE_LETTER.numerals(out[:, PROVINCE_BYTES])
        ff1 = self._ff1[out.shape[1] - _HEAD]
        body = _enciphered(ff1, PLATE_BODY.numerals(out[:, _HEAD:]), heads)
        out[:, _HEAD:] = PLATE_BODY.characters(body)
        return plain, out


class _FirmCodes:
    """Seventeen characters by FF1. The check character follows from the result: the right one, or the one after it."""

    widths = (FIRM_WIDTH,)

    def __init__(self, cipher: BlockCipher, never: bool) -> None:
        self._ff1 = FF1(cipher, len(FIRM_ALPHABET), FIRM_WIDTH - 1, (CanonicalForm.FIRM_CODE.value.encode(),))
        self._never = never

    def turn(self, rows: Bytes) -> tuple[Mask, Bytes]:
        """See `_Format`."""
        numerals = FIRM.numerals(rows)
        plain = are_known(numerals)
        if not plain.all():
            numerals = numerals[plain]
        right = firm_check(numerals[:, :-1]) == numerals[:, -1]
        if not right.all():
            numerals = numerals[right]
        plain[plain] = right
        body = _enciphered(self._ff1, numerals[:, :-1])
        checks = firm_check(body)
        if self._never:
            checks = (checks + np.uint8(1)) % np.uint8(len(FIRM_ALPHABET))
        return plain, FIRM.characters(np.column_stack([body, checks]))


def _enciphered(ff1: FF1, numerals: Bytes, tweak_of: Places | None = None) -> Bytes:
    """Encipher strings given as numerals of one byte."""
    return ff1.encrypt(numerals, tweak_of).astype(np.uint8, copy=False)


def _number(ff1: FF1, numbers: Words) -> Words:
    """Encipher strings given as whole numbers."""
    modulus = np.uint64(ff1.moduli[1])
    left = numbers // modulus
    left, right = ff1.encrypt_halves(left, numbers - left * modulus)
    left *= modulus
    left += right
    return left
