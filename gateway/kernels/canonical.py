"""Canonical forms of identifiers, so that one subject has one token however the number was typed.

Every form is idempotent. What is not an identifier of its form falls back to its NFKC text and nothing more, so
that no two malformed values are taken for one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gateway.kernels import alphabets, digits, layouts
from gateway.kernels.text import (
    Bytes,
    Column,
    Mask,
    as_text,
    chunks,
    compute,
    from_matrix,
    is_ascii,
    matrix,
    one_length,
    spans,
)
from gateway.model.contract import CanonicalForm
from gateway.model.spelling import SPELLINGS

_BLANKS = r"\s\p{Z}\p{Cf}\p{Pd}\x{2212}"  # white space, invisible marks, dashes and the minus sign
_DOTS = r"\x{B7}\x{2022}\x{2027}\x{2219}\x{22C5}\x{30FB}"  # what is typed for the middle dot of plates
_SEPARATORS = {
    CanonicalForm.RESIDENT_ID: f"[{_BLANKS}]",
    CanonicalForm.PHONE: f"[{_BLANKS}().]",
    CanonicalForm.PLATE: f"[{_BLANKS}{_DOTS}.]",
    CanonicalForm.FIRM_CODE: f"[{_BLANKS}]",
}
_SHORT_RESIDENT_ID = "^[0-9]{15}$"
_PHONE = r"^(?:\+86|0086|86)?(?P<number>[0-9]{11})$"
_CHUNK = 4_096  # rows: what is made of them stays in the cache next to the processor
_ZERO, _NINE, _X = (np.uint8(code) for code in (ord("0"), 9, ord("X")))
_BORN, _CENTURY, _HUNDRED = np.uint64(10**9), np.uint64(19), np.uint64(100)
_TEXTUAL = (pa.int64(), pa.date32(), pa.timestamp("us"))
_WIDTHS = {
    CanonicalForm.RESIDENT_ID: (18,),
    CanonicalForm.PHONE: (11,),
    CanonicalForm.PLATE: (9, 10),
    CanonicalForm.FIRM_CODE: (18,),
}


def canonicalize(array: Column, form: CanonicalForm) -> pa.StringArray:
    """Bring a column (utf8, or int64, date32, timestamp[us] as their text) to its canonical form, as utf8.

    text: NFKC (Unicode Standard Annex 15).
    resident-id: white space and dashes dropped, x in capitals, if 18 characters (GB 11643-1999) remain. If the 15
        digits of its predecessor remain, they become 18 as that standard has it: 19 before the year, and the check
        character at the end. Otherwise as text. Whether the check character is right plays no part.
    phone: white space, dashes, dots and brackets dropped, then +86, 0086 or 86, if 11 digits remain; otherwise as
        text.
    plate: white space, dashes and dots dropped, in capitals, if a province, a letter and five or six characters
        without I and O remain; otherwise as text.
    firm-code: white space and dashes dropped, in capitals, if 18 characters of GB 32100-2015 remain; otherwise as
        text. Whether the check character is right plays no part.

    Raises:
        TypeError: for another Arrow type.
    """
    if array.type in _TEXTUAL:
        array = array.cast(pa.string())
    if not isinstance(array, pa.StringArray):
        raise TypeError("a column of this Arrow type has no canonical form")
    if _is_canonical(array, form):
        return array
    normal = array if is_ascii(array) else as_text(compute.utf8_normalize(array, form="NFKC"))
    if form is CanonicalForm.TEXT:
        return normal
    bare = compute.ascii_upper(compute.replace_substring_regex(normal, _SEPARATORS[form], ""))
    if form is CanonicalForm.PHONE:
        bare = compute.extract_regex(bare, _PHONE).field("number")
    if form is CanonicalForm.RESIDENT_ID:
        bare = _lengthened(bare)
    fits = compute.fill_null(compute.match_substring_regex(bare, f"^{SPELLINGS[form]}$"), False)
    return as_text(compute.if_else(fits, bare, normal))


def _lengthened(values: pa.StringArray) -> pa.StringArray:
    """Make 18 characters of the 15 digits of older resident ids (GB 11643-1999)."""
    short = compute.fill_null(compute.match_substring_regex(values, _SHORT_RESIDENT_ID), False)
    if not short.true_count:
        return values
    # six digits of the area, then nine of the birthday and the sequence, which the century goes before
    areas, rest = np.divmod(digits.read(matrix(values.filter(short), 15)), _BORN)
    rows = layouts.write((areas * _HUNDRED + _CENTURY) * _BORN + rest, layouts.RESIDENT_IDS)
    return as_text(compute.replace_with_mask(values, short, from_matrix(rows)))


def _is_canonical(array: pa.StringArray, form: CanonicalForm) -> bool:
    """Tell cheaply whether a column is of the usual shape already. False says nothing."""
    if form is CanonicalForm.TEXT:
        return is_ascii(array)
    width = one_length(array)
    if width in _WIDTHS[form]:
        return _all_spelled(matrix(array, width), form)
    present = array if array.null_count == 0 else as_text(array.drop_null())
    lengths = np.diff(spans(present)[1])
    if len(present) == 0 or not np.isin(lengths, _WIDTHS[form]).all():
        return False
    return all(_are_canonical(present, lengths == width, width, form) for width in _WIDTHS[form])


def _are_canonical(array: pa.StringArray, chosen: Mask, width: int, form: CanonicalForm) -> bool:
    """Tell it of the chosen values, which have so many bytes."""
    return _all_spelled(matrix(array if chosen.all() else array.filter(pa.array(chosen)), width), form)


def _all_spelled(rows: Bytes, form: CanonicalForm) -> bool:
    return all(_spelled(rows[chunk], form) for chunk in chunks(len(rows), _CHUNK))


def _spelled(rows: Bytes, form: CanonicalForm) -> bool:
    if form is CanonicalForm.PLATE:
        return bool(alphabets.are_plates(rows).all())
    if form is CanonicalForm.FIRM_CODE:
        return bool((alphabets.FIRM.numerals(rows) != alphabets.FOREIGN).all())
    # of resident ids the last character may be an X, and nothing else that is no digit
    foreign = int(np.count_nonzero(rows - _ZERO > _NINE))
    return foreign == (0 if form is CanonicalForm.PHONE else int(np.count_nonzero(rows[:, -1] == _X)))
