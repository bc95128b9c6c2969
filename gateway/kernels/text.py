"""Arrow string columns seen as bytes, for the kernels that work on fixed-width text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]
Column: TypeAlias = "pa.Array[Any]"

_CHUNK = 8_192  # rows
_LARGEST_COLUMN = (1 << 31) - 1  # bytes; Arrow's offsets are int32

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


def chunks(rows: int, most: int = _CHUNK) -> Iterator[slice]:
    """Cut so many rows into slices, each `most` or fewer, that a kernel works on within the processor's cache."""
    return (slice(start, min(start + most, rows)) for start in range(0, rows, most))


def by_length(array: Column) -> Iterator[tuple[slice | Places, Bytes]]:
    """Group the values of a utf8 array that are not NULL by their length in bytes, shortest first.

    Each group is its rows and their bytes as a matrix. A column of one length is one group, and no copy.
    """
    _, offsets = spans(array)
    lengths = np.diff(offsets)
    if array.null_count == 0 and len(lengths) and (lengths == lengths[0]).all():
        yield slice(0, len(array)), matrix(array, int(lengths[0]))
        return
    present = np.flatnonzero(valid(array))
    lengths = lengths[present]
    # numpy sorts 16 bits in linear time
    small = len(lengths) == 0 or int(lengths.max()) < 1 << 16
    present = present[np.argsort(lengths.astype(np.uint16) if small else lengths, kind="stable")]
    ordered = array.take(present)
    _, offsets = spans(ordered)
    lengths = np.diff(offsets)
    cuts = [0, *(np.flatnonzero(np.diff(lengths)) + 1).tolist(), len(present)]
    for start, stop in pairwise(cuts if len(present) else []):
        yield present[start:stop], matrix(ordered.slice(start, stop - start), int(lengths[start]))


def scatter(count: int, pieces: Sequence[tuple[slice | Places, pa.StringArray]]) -> pa.StringArray:
    """Put results back in the rows they came from, in a column of `count` rows; NULL in the rows of none."""
    if len(pieces) == 1 and len(pieces[0][1]) == count and isinstance(pieces[0][0], slice):
        return pieces[0][1]
    places = np.full(count, -1, np.int64)
    done = 0
    for rows, results in pieces:
        places[rows] = np.arange(done, done + len(results))
        done += len(results)
    parts = [results for _, results in pieces] or [pa.array([], pa.string())]
    return as_text(compute.take(pa.concat_arrays(parts), pa.array(places, mask=places < 0)))


def pooled(count: int, width: int) -> Bytes:
    """Return an uninitialised n × width matrix in Arrow's memory pool.

    The pool keeps what is freed for the next batch. Memory that is new from the system costs as much to touch first as
    a kernel does to fill it.
    """
    rows: Bytes = np.frombuffer(memoryview(pa.allocate_buffer(count * width)), np.uint8).reshape(count, width)
    return rows


def copy_rows(source: Bytes, target: Bytes) -> None:
    """Copy an n × width matrix into another, either with gaps between its rows, each row in one move."""
    if source.size:
        whole = np.dtype((np.void, source.shape[1]))
        target.view(whole)[:, 0] = source.view(whole)[:, 0]


def matrix(array: Column, width: int) -> Bytes:
    """View a NULL-free utf8 array, each value `width` bytes long, as an n × width matrix (no copy)."""
    data, offsets = spans(array)
    return data[offsets[0] : offsets[0] + len(array) * width].reshape(len(array), width)


def from_matrix(rows: Bytes) -> pa.StringArray:
    """Make a utf8 array of an n × width matrix of UTF-8 text.

    Raises:
        ValueError: if `width × n` is 2³¹ or more.
    """
    count, width = rows.shape
    if count * width > _LARGEST_COLUMN:
        raise ValueError("the column is too long for utf8; work on smaller batches")
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    data = np.ascontiguousarray(rows)
    return as_text(pa.StringArray.from_buffers(count, pa.py_buffer(offsets.data), pa.py_buffer(data.data)))
