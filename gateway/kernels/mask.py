"""Masking of strings, counted in Unicode code points."""

from __future__ import annotations

import pyarrow as pa

from gateway.kernels.text import Column, as_text, compute


def mask_text(array: Column, first: int, last: int) -> pa.StringArray:
    """Show the `first` and `last` code points of each string and a "*" for each one between.

    A string of no more than `first + last` code points would show whole: it leaves as stars alone.

    Raises:
        TypeError: if the column is not utf8. ValueError: for a negative count.
    """
    text = as_text(array)
    if first < 0 or last < 0:
        raise ValueError("the counts of shown characters must not be negative")
    length = compute.utf8_length(text)
    hidden = compute.subtract(length, pa.scalar(first + last, length.type))
    short = compute.less_equal(hidden, 0)
    stars = compute.binary_repeat("*", compute.if_else(short, length, hidden))
    head = compute.utf8_slice_codeunits(text, 0, first)
    tail = compute.utf8_slice_codeunits(text, -last) if last else pa.scalar("")
    return as_text(compute.if_else(short, stars, compute.binary_join_element_wise(head, stars, tail, "")))
