"""Arrow string columns seen as bytes, for the kernels that work on fixed-width text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bytes: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]
Lengths: TypeAlias = npt.NDArray[np.int32]
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


def one_length(array: Column) -> int | None:
    """Return the length in bytes that all values of a utf8 array have, or None if it differs or one is NULL."""
    lengths = np.diff(spans(array)[1])
    if array.null_count or not len(lengths) or (lengths != lengths[0]).any():
        return None
    return int(lengths[0])


def by_length(array: Column) -> Iterator[tuple[slice | Places, Bytes]]:
    """Group the values of a utf8 array that are not NULL by their length in bytes, shortest first.

    Each group is its rows and their bytes as a matrix. A column of one length is one group, and no copy.
    """
    width = one_length(array)
    if width is not None:
        yield slice(0, len(array)), matrix(array, width)
        return
    present = np.flatnonzero(valid(array))
    lengths = np.diff(spans(array)[1])[present]
    # numpy sorts 16 bits in linear time
    small = len(lengths) == 0 or int(lengths.max()) < 1 << 16
    present = present[np.argsort(lengths.astype(np.uint16) if small else lengths, kind="stable")]
    ordered = array.take(present)
    _, offsets = spans(ordered)
    lengths = np.diff(offsets)
    for start, stop in _runs(lengths):
        yield present[start:stop], matrix(ordered.slice(start, stop - start), int(lengths[start]))


def by_blocks(array: Column, size: int) -> Iterator[tuple[Places, Bytes, Lengths]]:
    """Group the values of a NULL-free utf8 array by the blocks of `size` bytes, a multiple of 8, that they take, one at
    least, fewest first: far fewer groups than by length.

    Each group is its rows, their bytes as a matrix of whole blocks with zeros behind each value, and their lengths.
    """
    data, offsets = spans(array)
    first, last = int(offsets[0]), int(offsets[-1])
    # room behind the last value, since each is taken with what lies behind it, up to a whole block
    window = pooled(1, last - first + size)[0]
    window[: last - first] = data[first:last]
    window[last - first :] = 0
    lengths = np.diff(offsets)
    blocks = np.maximum(1, -(-lengths // size))
    small = blocks.max(initial=0) < 1 << 16
    order = np.argsort(blocks.astype(np.uint16) if small else blocks, kind="stable")
    starts, lengths, blocks = offsets[:-1][order] - first, lengths[order], blocks[order]
    kept = np.where(np.arange(size) < np.arange(size + 1)[:, np.newaxis], np.uint8(0xFF), np.uint8(0)).view(np.uint64)
    for start, stop in _runs(blocks):
        width = int(blocks[start]) * size
        # every place of the window seen as the start of a value: reading them is one move for each
        values = np.ndarray(len(window) - width + 1, f"V{width}", window, strides=(1,))[starts[start:stop]]
        rows = values.view(np.uint8).reshape(-1, width)
        rows.view(np.uint64)[:, -size // 8 :] &= kept.take(lengths[start:stop] - (width - size), axis=0, mode="clip")
        yield order[start:stop], rows, lengths[start:stop]


def _runs(ordered: npt.NDArray[np.integer[Any]]) -> Iterator[tuple[int, int]]:
    """Where each run of equal numbers starts and stops."""
    cuts = [0, *(np.flatnonzero(np.diff(ordered)) + 1).tolist(), len(ordered)]
    return pairwise(cuts if len(ordered) else [])


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


def compact(count: int, pieces: Iterable[tuple[Places, Bytes, Lengths]]) -> pa.StringArray:
    """Put texts in the rows they belong to, in a column of `count` rows: of each row of a matrix so many bytes.

    Every row has one text, of more than 12 bytes: what a view of Arrow's refers to and does not hold itself.

    Raises:
        ValueError: for 2³¹ bytes or more.
    """
    views, total = np.zeros((count, 4), np.int32), 0
    buffers: list[pa.Buffer] = []
    for rows, texts, lengths in pieces:
        total += int(lengths.sum(dtype=np.int64))
        if max(total, texts.size) > _LARGEST_COLUMN:
            raise ValueError("the column is too long for utf8; work on smaller batches")
        # length, the first four bytes, which buffer, where in it
        view = np.empty((len(rows), 4), np.int32)
        view[:, 0], view[:, 2] = lengths, len(buffers)
        copy_rows(texts[:, :4], view.view(np.uint8)[:, 4:8])
        view[:, 3] = np.arange(len(rows), dtype=np.int32) * np.int32(texts.shape[1])
        views.view(np.complex128)[rows] = view.view(np.complex128)
        buffers.append(pa.py_buffer(texts.data))
    array = pa.Array.from_buffers(pa.string_view(), count, [None, pa.py_buffer(views.data), *buffers])
    return as_text(array.cast(pa.string()))


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
