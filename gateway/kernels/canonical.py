"""Canonical forms of identifiers, so that one subject has one token however the number was typed.

Every form is idempotent. What is not an identifier of its form falls back to its NFKC text and nothing more, so
that no two malformed values are taken for one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gateway.kernels import digits
from gateway.kernels.text import Bytes, Column, as_text, chunks, compute, is_ascii, matrix, spans, valid
from gateway.model.contract import CanonicalForm

_SEPARATORS = r"[\s\p{Z}\p{Cf}\p{Pd}\x{2212}]"  # white space, invisible marks, dashes and the minus sign
_PHONE_SEPARATORS = r"[\s\p{Z}\p{Cf}\p{Pd}\x{2212}().]"
_RESIDENT_ID = r"^([0-9]{17}[0-9X]|[0-9]{15})$"
_PHONE = r"^(?:\+86|0086|86)?(?P<number>[0-9]{11})$"
_TEXTUAL = (pa.int64(), pa.date32(), pa.timestamp("us"))
_WIDTH = {CanonicalForm.RESIDENT_ID: 18, CanonicalForm.PHONE: 11}


def canonicalize(array: Column, form: CanonicalForm) -> pa.StringArray:
    """Bring a column (utf8, or int64, date32, timestamp[us] as their text) to its canonical form, as utf8.

    text: NFKC (Unicode Standard Annex 15).
    resident-id: white space and dashes dropped, x in capitals, if 18 characters (GB 11643-1999) or the 15 digits of
        its predecessor remain; otherwise as text. Whether the check character is right plays no part.
    phone: white space, dashes, dots and brackets dropped, then +86, 0086 or 86, if 11 digits remain; otherwise as
        text.

    Raises:
        TypeError: for another Arrow type.
    """
    if array.type in _TEXTUAL:
        array = array.cast(pa.string())
    if not isinstance(array, pa.StringArray):
        raise TypeError("a column of this Arrow type has no canonical form")
    if _is_canonical(array, form):
        return array
    normal = array if is_ascii(array) else compute.utf8_normalize(array, form="NFKC")
    if form is CanonicalForm.RESIDENT_ID:
        bare = compute.ascii_upper(compute.replace_substring_regex(normal, _SEPARATORS, ""))
        return as_text(compute.if_else(compute.match_substring_regex(bare, _RESIDENT_ID), bare, normal))
    if form is CanonicalForm.PHONE:
        bare = compute.replace_substring_regex(normal, _PHONE_SEPARATORS, "")
        number = compute.extract_regex(bare, _PHONE).field("number")
        return as_text(compute.if_else(compute.match_substring_regex(bare, _PHONE), number, normal))
    return as_text(normal)


def _is_canonical(array: pa.StringArray, form: CanonicalForm) -> bool:
    """Tell cheaply whether a column is of the usual shape already. False says nothing."""
    if form is CanonicalForm.TEXT:
        return is_ascii(array)
    width = _WIDTH[form]
    _, offsets = spans(array)
    if len(array) == 0 or not (np.diff(offsets)[valid(array)] == width).all():
        return False
    rows = matrix(array if array.null_count == 0 else array.drop_null(), width)
    return all(_are_canonical(rows[chunk], form) for chunk in chunks(len(rows)))


def _are_canonical(rows: Bytes, form: CanonicalForm) -> bool:
    if form is CanonicalForm.PHONE:
        return bool(digits.all_digits(digits.pack(rows)).all())
    last = rows[:, 17]
    return bool(
        digits.all_digits(digits.pack(rows[:, :17])).all() and ((last - ord("0") < 10) | (last == ord("X"))).all()
    )
