"""Masking of strings, counted in Unicode code points."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from gateway.kernels.text import require_text


def mask_text(array: pa.Array, first: int, last: int) -> pa.StringArray:
    """Show the `first` and `last` code points of each string and a "*" for each one between.

    A string of no more than `first + last` code points would show whole: it leaves as stars alone.

    Raises:
        TypeError: if the column is not utf8. ValueError: for a negative count.
    """
    require_text(array)
    if first < 0 or last < 0:
        raise ValueError("the counts of shown characters must not be negative")
    length = pc.utf8_length(array)
    hidden = pc.subtract(length, pa.scalar(first + last, length.type))
    short = pc.less_equal(hidden, 0)
    stars = pc.binary_repeat("*", pc.if_else(short, length, hidden))
    head = pc.utf8_slice_codeunits(array, 0, first)
    tail = pc.utf8_slice_codeunits(array, -last) if last else pa.scalar("")
    return pc.if_else(short, stars, pc.binary_join_element_wise(head, stars, tail, ""))
