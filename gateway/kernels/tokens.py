"""Pseudonym tokens: reversible by whoever holds the working keys, unlinkable across keys.

Two profiles, told apart by the first letter of a token. A value has exactly one token.

`b` (block): encode-then-encipher (Bellare and Rogaway 2000). The canonical value becomes an integer of 64 bits,
    followed by 64 fixed bits; the whole is one block of AES-256 (FIPS 197). A permutation of distinct blocks is
    injective; a forged token meets the fixed bits with probability 2⁻⁶⁴.
`s` (SIV): AES-256-SIV (RFC 5297), deterministic, for every value that has no such encoding.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.kernels import digits, hexadecimal
from gateway.kernels.aes import cmac, decrypt_blocks, encrypt_blocks
from gateway.kernels.canonical import canonicalize
from gateway.kernels.text import Bytes, Column, Mask, as_text, chunks, compute, from_matrix, matrix, spans, valid
from gateway.model.contract import CanonicalForm

KEY_BYTES = 64
TAG_BYTES = 16
BLOCK_TOKEN_CHARS = 33

_WIDTH = {CanonicalForm.RESIDENT_ID: digits.RESIDENT_WIDTH, CanonicalForm.PHONE: digits.PHONE_WIDTH}
_DIGITS = {CanonicalForm.RESIDENT_ID: 17, CanonicalForm.PHONE: 11}
_REDUNDANCY = {CanonicalForm.RESIDENT_ID: b"PG-RESID", CanonicalForm.PHONE: b"PG-PHONE"}
_SIV_TOKEN = r"^s(?:[0-9a-f]{2}){16,}$"


def tokenize(array: Column, form: CanonicalForm, block_key: bytes, siv_key: bytes) -> pa.StringArray:
    """Return the token of each value's canonical form, as utf8; NULL for NULL.

    `block_key` and `siv_key` are independent working keys of 64 bytes, of one domain and form (a block takes the
    first 32 bytes; AES-256-SIV takes all).

    Raises:
        ValueError: for a key of another length. TypeError: for an Arrow type without a canonical form.
    """
    _require_keys(block_key, siv_key)
    canonical = array
    encodable, numbers = _encode(array, form)
    if len(numbers) != len(array) - array.null_count:
        # what can be encoded is canonical as it stands; something here is not
        canonical = canonicalize(array, form)
        encodable, numbers = _encode(canonical, form)
    by_block = _block_tokens(numbers, form, block_key)
    if len(by_block) == len(canonical):
        return by_block
    by_siv = valid(canonical) & ~encodable
    return _merge(by_block, encodable, _siv_tokens(canonical.filter(pa.array(by_siv)), form, siv_key), by_siv)


def detokenize(array: Column, form: CanonicalForm, block_key: bytes, siv_key: bytes) -> pa.StringArray:
    """Return the canonical value behind each token, as utf8; NULL for NULL and for what is no token of these keys
    and this form: forged, foreign or malformed.

    Raises:
        ValueError: for a key of another length. TypeError: if the column is not utf8.
    """
    _require_keys(block_key, siv_key)
    as_text(array)
    data, offsets = spans(array)
    by_block = valid(array) & (np.diff(offsets) == BLOCK_TOKEN_CHARS)
    by_block[by_block] = data[offsets[:-1][by_block]] == ord("b")
    blocks = array if by_block.all() else array.filter(pa.array(by_block))
    values = _block_values(matrix(blocks, BLOCK_TOKEN_CHARS), form, block_key)
    if len(values) == len(array):
        return values
    by_siv: Mask = compute.fill_null(compute.match_substring_regex(array, _SIV_TOKEN), False).to_numpy(
        zero_copy_only=False
    )
    return _merge(values, by_block, _siv_values(array.filter(pa.array(by_siv)), form, siv_key), by_siv)


def subject_tags(array: Column, form: CanonicalForm, key: bytes) -> bytes:
    """Return 16 bytes for each row, end to end: the AES-256-CMAC (RFC 4493) of the canonical value's UTF-8 under the
    first 32 bytes of `key`; 16 zero bytes for NULL, so that a manifest counts every row.

    Nobody can turn a tag back without the key; who holds the key can try values. Under one key, tags of one form only.

    Raises:
        ValueError: for a key that is not 64 bytes. TypeError: for an Arrow type without a canonical form.
    """
    _require_keys(key)
    canonical = canonicalize(array, form)
    _, offsets = spans(canonical)
    lengths = np.where(valid(canonical), np.diff(offsets), -1)
    tags = np.zeros((len(canonical), TAG_BYTES), np.uint8)
    for length in np.flatnonzero(np.bincount(lengths[lengths >= 0])):
        rows = lengths == length
        if rows.all():
            return cmac(key[:32], matrix(canonical, int(length))).tobytes()
        tags[rows] = cmac(key[:32], matrix(canonical.filter(pa.array(rows)), int(length)))
    return tags.tobytes()


def subject_marks(array: Column, form: CanonicalForm, key: bytes) -> list[bytes]:
    """Return each row's tag by itself: see `subject_tags`.

    Raises:
        ValueError, TypeError: as `subject_tags` does.
    """
    tags = subject_tags(array, form, key)
    return [tags[start : start + TAG_BYTES] for start in range(0, len(tags), TAG_BYTES)]


def _require_keys(*keys: bytes) -> None:
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError("a working key has 64 bytes")


def _encode(canonical: Column, form: CanonicalForm) -> tuple[Mask, digits.Words]:
    """Return which values the block profile takes, and the integers of those: one answer for a value, whatever its
    neighbours."""
    if form not in _WIDTH or canonical.type != pa.string():
        return np.zeros(len(canonical), np.bool_), np.empty(0, np.uint64)
    width, kept = _WIDTH[form], _DIGITS[form]
    _, offsets = spans(canonical)
    encodable = valid(canonical) & (np.diff(offsets) == width)
    rows = matrix(canonical if encodable.all() else canonical.filter(pa.array(encodable)), width)
    plain = np.empty(len(rows), np.bool_)
    numbers = np.empty(len(rows), np.uint64)
    for chunk in chunks(len(rows)):
        packed = digits.pack(rows[chunk, :kept])
        plain[chunk] = digits.all_digits(packed)
        if form is CanonicalForm.RESIDENT_ID:
            plain[chunk] &= digits.check_character(packed) == rows[chunk, 17]
        numbers[chunk] = digits.read(packed)
    if plain.all():
        return encodable, numbers
    encodable[encodable] = plain
    return encodable, numbers[plain]


def _block_tokens(numbers: digits.Words, form: CanonicalForm, key: bytes) -> pa.StringArray:
    tokens = np.empty((len(numbers), BLOCK_TOKEN_CHARS), np.uint8)
    tokens[:, 0] = ord("b")
    redundancy = int.from_bytes(_REDUNDANCY.get(form, b""), "big")
    for chunk in chunks(len(numbers)):
        blocks = np.empty((len(numbers[chunk]), 2), ">u8")
        blocks[:, 0] = numbers[chunk]
        blocks[:, 1] = redundancy
        tokens[chunk, 1:] = hexadecimal.encode(encrypt_blocks(key[:32], blocks.view(np.uint8)))
    return from_matrix(tokens)


def _block_values(tokens: Bytes, form: CanonicalForm, key: bytes) -> pa.StringArray:
    """Values behind an n × 33 matrix of tokens that begin with b; NULL where they are none."""
    if form not in _WIDTH:
        return pa.nulls(len(tokens), pa.string())
    width, kept = _WIDTH[form], _DIGITS[form]
    redundancy = int.from_bytes(_REDUNDANCY[form], "big")
    genuine = np.empty(len(tokens), np.bool_)
    text = np.empty((len(tokens), width), np.uint8)
    for chunk in chunks(len(tokens)):
        cipher, well_formed = hexadecimal.decode(tokens[chunk, 1:])
        words = decrypt_blocks(key[:32], cipher).view(">u8")
        numbers = words[:, 0].astype(np.uint64)
        genuine[chunk] = well_formed & (words[:, 1] == redundancy) & (numbers < 10**kept)
        text[chunk, :kept] = digits.write(np.where(genuine[chunk], numbers, np.uint64(0)), kept)
        if form is CanonicalForm.RESIDENT_ID:
            text[chunk, 17] = digits.check_character(digits.pack(text[chunk, :17]))
    values = from_matrix(text)
    return values if genuine.all() else compute.if_else(pa.array(genuine), values, pa.scalar(None, pa.string()))


def _siv_tokens(values: Column, form: CanonicalForm, key: bytes) -> pa.StringArray:
    """Tokens of NULL-free values."""
    engine = AESSIV(key)
    associated = [form.value.encode()]
    tokens = ["s" + engine.encrypt(value.encode(), associated).hex() for value in _texts(values)]
    return pa.array(tokens, pa.string())


def _siv_values(tokens: Column, form: CanonicalForm, key: bytes) -> pa.StringArray:
    """Values behind well-formed SIV tokens; NULL where they are none."""
    engine = AESSIV(key)
    associated = [form.value.encode()]

    def value(token: str) -> str | None:
        try:
            return engine.decrypt(bytes.fromhex(token[1:]), associated).decode()
        except (InvalidTag, UnicodeDecodeError):
            return None

    values = pa.array([value(token) for token in _texts(tokens)], pa.string())
    # a holder of the key could make a second token of a value that goes the block way: it is none of ours
    ours = valid(values) & ~_encode(values, form)[0]
    return as_text(compute.if_else(pa.array(ours), values, pa.scalar(None, pa.string())))


def _texts(column: Column) -> list[str]:
    """The values of a NULL-free utf8 column."""
    return cast("list[str]", column.to_pylist())


def _merge(first: pa.StringArray, in_first: Mask, second: pa.StringArray, in_second: Mask) -> pa.StringArray:
    """Put two columns of results back in the rows they came from; NULL in the rows of neither."""
    places = np.zeros(len(in_first), np.int64)
    places[in_first] = np.arange(len(first))
    places[in_second] = np.arange(len(first), len(first) + len(second))
    indices = pa.array(places, mask=~(in_first | in_second))
    return as_text(compute.take(pa.concat_arrays([first, second]), indices))
