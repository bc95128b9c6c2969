"""Reversible tokens of a column, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from gateway.kernels import hexadecimal, layouts
from gateway.kernels.canonical import canonicalize
from gateway.kernels.ciphers import BLOCK
from gateway.kernels.siv import Siv
from gateway.kernels.text import (
    Bytes,
    Column,
    Mask,
    Places,
    as_text,
    by_blocks,
    by_length,
    compact,
    from_matrix,
    matrix,
    one_length,
    scatter,
    valid,
)
from gateway.kernels.tokens import block
from gateway.kernels.tokens.encoding import encodable
from gateway.kernels.tokens.keys import TokenKeys
from gateway.model.contract import CanonicalForm

Rows: TypeAlias = "slice | Places"
Piece: TypeAlias = "tuple[Rows, pa.StringArray]"
"""Rows of a column, and the results for them."""

_SIV_LETTER = ord("s")
_SHORTEST_SIV = 1 + 2 * BLOCK


def tokenize(array: Column, form: CanonicalForm, keys: TokenKeys) -> pa.StringArray:
    """Return the token of each value's canonical form, as utf8; NULL for NULL.

    Raises:
        TypeError: for an Arrow type without a canonical form.
    """
    pieces = list(_block_tokens(array, form, keys))
    missing, others = _others(array, pieces)
    if len(others):
        # what can be encoded is canonical as it stands; what could not be may be, once it is canonical
        canonical = canonicalize(others, form)
        encoded = list(_block_tokens(canonical, form, keys))
        pieces += [(_within(missing, rows), tokens) for rows, tokens in encoded]
        left, rest = _others(canonical, encoded)
        left = _within(missing, left)
        if len(rest):
            pieces.append((left, _siv_tokens(rest, keys.of_siv(form))))
    return scatter(len(array), pieces)


def detokenize(array: Column, form: CanonicalForm, keys: TokenKeys) -> pa.StringArray:
    """Return the canonical value behind each token, as utf8; NULL for NULL and for what is no token of these keys
    and this form: forged, foreign or malformed.

    Raises:
        TypeError: if the column is not utf8.
    """
    as_text(array)
    pieces: list[Piece] = []
    engine: Siv | None = None
    for rows, tokens in by_length(array):
        length = tokens.shape[1]
        if length % 2 == 0 or length < _SHORTEST_SIV:
            continue
        letters = tokens[:, 0]
        if length == block.TOKEN_CHARS and form in layouts.LAYOUTS:
            pieces += _block_values(*_kept(letters == block.LETTER, rows, tokens), form, keys)
        by_siv = letters == _SIV_LETTER
        if by_siv.any():
            engine = engine or keys.of_siv(form)
            pieces.append(_siv_values(*_kept(by_siv, rows, tokens), form, engine))
    return scatter(len(array), pieces)


def _others(array: Column, pieces: list[Piece]) -> tuple[Rows, Column]:
    """The rows that are neither NULL nor in any piece, and their values."""
    if not pieces and not array.null_count:
        return slice(0, len(array)), array
    if sum(len(results) for _, results in pieces) == len(array) - array.null_count:
        return slice(0, 0), array.slice(0, 0)
    missing = valid(array)
    for rows, _ in pieces:
        missing[rows] = False
    places = np.flatnonzero(missing)
    return places, array.take(places)


def _within(outer: Rows, inner: Rows) -> Rows:
    """The rows of a column, given those of a part of it and those within the part."""
    if isinstance(outer, slice):
        return inner
    return outer if isinstance(inner, slice) else outer[inner]


def _kept(mask: Mask, rows: Rows, texts: Bytes) -> tuple[Rows, Bytes]:
    """Those rows, and their texts, that a mask over them keeps; no copy where it keeps all."""
    if mask.all():
        return rows, texts
    places = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
    return places[mask], texts[mask]


def _block_tokens(array: Column, form: CanonicalForm, keys: TokenKeys) -> Iterator[Piece]:
    for rows, numbers in encodable(array, form):
        yield rows, from_matrix(block.seal(numbers, form, keys.of_blocks()))


def _block_values(rows: Rows, tokens: Bytes, form: CanonicalForm, keys: TokenKeys) -> Iterator[Piece]:
    """Values behind tokens that begin with b, where they are genuine."""
    numbers, genuine = block.unseal(tokens, form, keys.of_blocks())
    for layout in layouts.LAYOUTS[form]:
        ours = genuine & (numbers < np.uint64(layout.stop))
        if layout.first:
            ours &= numbers >= np.uint64(layout.first)
        places, _ = _kept(ours, rows, tokens)
        yield places, from_matrix(layouts.write(numbers if ours.all() else numbers[ours], layout))


def _siv_tokens(values: Column, engine: Siv) -> pa.StringArray:
    """Tokens of a column without NULL."""
    width = one_length(values)
    if width is not None:
        return from_matrix(hexadecimal.spell(_SIV_LETTER, engine.seal(matrix(values, width))))
    pieces = (
        (rows, hexadecimal.spell(_SIV_LETTER, engine.seal_padded(texts, lengths)), _SHORTEST_SIV + 2 * lengths)
        for rows, texts, lengths in by_blocks(values, BLOCK)
    )
    return compact(len(values), pieces)


def _siv_values(rows: Rows, tokens: Bytes, form: CanonicalForm, engine: Siv) -> Piece:
    """Values behind tokens of one length that begin with s, where they are genuine."""
    sealed, well_formed = hexadecimal.unspell(tokens)
    plain, genuine = engine.open(sealed)
    rows, plain = _kept(genuine & well_formed, rows, plain)
    rows, plain = _kept(_is_utf8(plain), rows, plain)
    # a holder of the key could make a second token of a value that goes the block way: it is none of ours
    ours = np.ones(len(plain), np.bool_)
    for encoded, _ in encodable(from_matrix(plain), form):
        ours[encoded] = False
    rows, plain = _kept(ours, rows, plain)
    return rows, from_matrix(plain)


def _is_utf8(texts: Bytes) -> Mask:
    """Tell which rows are UTF-8. What the gateway sealed is; only a holder of the key can have made another."""
    try:
        from_matrix(texts).validate(full=True)
    except pa.ArrowInvalid:
        return np.array([_decodes(text.tobytes()) for text in texts], np.bool_)
    return np.ones(len(texts), np.bool_)


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
