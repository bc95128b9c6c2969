"""Arrow string columns seen as bytes, for the kernels that work on fixed-width text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Column: TypeAlias = "pa.Array[Any]"

_CHUNK = 8_192  # rows

compute: Any = pc
"""Arrow's compute functions, untyped: the stubs lack some, and refuse arrays where arrays are taken."""


def as_text(array: object) -> pa.StringArray:
    """Narrow what an Arrow function returned, which its stubs leave open. Raises TypeError if it is not utf8."""
    if not isinstance(array, pa.StringArray):
        raise TypeError("the column must be utf8")
    return array


def spans(array: Column) -> tuple[Bytes, npt.NDArray[np.int32]]:
    """Return the bytes of a utf8 array and its n+1 offsets into them, honouring slices.

    The bytes start at offset 0 of the whole buffer. A NULL slot may span any bytes: mask with `valid`.
    """
    _, offsets, data = array.buffers()
    if offsets is None or offsets.size == 0:
        return np.empty(0, np.uint8), np.zeros(1, np.int32)
    ends = np.frombuffer(memoryview(offsets), np.int32)[array.offset : array.offset + len(array) + 1]
    return (np.empty(0, np.uint8) if data is None else np.frombuffer(memoryview(data), np.uint8)), ends


def valid(array: Column) -> Mask:
    """Return which rows are not NULL."""
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return mask


def is_ascii(array: Column) -> bool:
    """Tell whether no byte of the column lies outside ASCII."""
    data, offsets = spans(array)
    window = data[offsets[0] : offsets[-1]]
    return window.size == 0 or int(window.max()) < 0x80


def chunks(rows: int) -> Iterator[slice]:
    """Cut so many rows into slices that a kernel works on within the processor's cache."""
    return (slice(start, min(start + _CHUNK, rows)) for start in range(0, rows, _CHUNK))


def matrix(array: Column, width: int) -> Bytes:
    """View a NULL-free utf8 array, each value `width` bytes long, as an n × width matrix (no copy)."""
    data, offsets = spans(array)
    return data[offsets[0] : offsets[0] + len(array) * width].reshape(len(array), width)


def from_matrix(rows: Bytes) -> pa.StringArray:
    """Make a utf8 array of an n × width matrix of ASCII bytes. `width × n` must lie below 2³¹."""
    count, width = rows.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(rows)
    return as_text(pa.StringArray.from_buffers(count, pa.py_buffer(offsets.data), pa.py_buffer(data.data)))
