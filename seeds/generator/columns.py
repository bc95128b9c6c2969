"""Arrow string columns built whole: from digit matrices, from category codes, by joining columns."""

from __future__ import annotations  # pyarrow's classes take parameters in its stubs only

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def digits(values: npt.NDArray[np.integer[Any]], width: int) -> Bytes:
    """The decimal digits (0..9) of each value, zero-padded: an (n, width) matrix. Higher digits are cut."""
    rest = values.astype(np.int64)
    out = np.empty((len(rest), width), dtype=np.uint8)
    for column in range(width - 1, -1, -1):
        rest, out[:, column] = np.divmod(rest, 10)
    return out


def radix(values: Ints, base: int, width: int) -> Bytes:
    """Like :func:`digits` in another base: an (n, width) matrix of digits below `base`."""
    rest = values
    out = np.empty((len(rest), width), dtype=np.uint8)
    for column in range(width - 1, -1, -1):
        rest, out[:, column] = np.divmod(rest, base)
    return out


def ascii_column(characters: Bytes) -> pa.StringArray:
    """An (n, width) matrix of ASCII codes as a string column of n values, with no copy per value."""
    count, width = characters.shape
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(characters)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data.tobytes()))


def number_column(values: npt.NDArray[np.integer[Any]], width: int, prefix: str = "") -> pa.StringArray:
    """Zero-padded decimal numbers behind a constant ASCII prefix."""
    head = np.broadcast_to(np.frombuffer(prefix.encode("ascii"), dtype=np.uint8), (len(values), len(prefix)))
    return ascii_column(np.hstack([head, digits(values, width) + np.uint8(ord("0"))]))


def pick(options: Sequence[str], codes: npt.NDArray[Any]) -> pa.StringArray:
    """Category codes (integers, or booleans as 0 and 1) as their names."""
    chosen = pa.array(options, pa.string()).take(codes.astype(np.int64))
    assert isinstance(chosen, pa.StringArray)
    return chosen


def join(*parts: pa.StringArray | str) -> pa.StringArray:
    """Columns and constants put together value by value. At least one part is a column."""
    pieces: list[Any] = [pa.scalar(part) if isinstance(part, str) else part for part in parts]
    joined = pc.binary_join_element_wise(*pieces, "")
    assert isinstance(joined, pa.StringArray)
    return joined


def blank_where(column: pa.StringArray, missing: npt.NDArray[np.bool_]) -> pa.StringArray:
    """The column with NULL where `missing` is true."""
    blanked = pc.if_else(pa.array(missing), pa.scalar(None, column.type), column)
    assert isinstance(blanked, pa.StringArray)
    return blanked


def day_column(days: Ints, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array[Any]:
    """Days since 1970-01-01 as dates, NULL where `missing` is true."""
    return pa.array(days.view("datetime64[D]"), pa.date32(), mask=missing)
