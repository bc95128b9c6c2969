"""Geohashes: the cells of a grid over the globe, named by Niemeyer's code (2008).

Longitude and latitude are halved in turn, longitude first; each halving is a bit, each five bits a character.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.text import Column, as_text, chunks, compute, from_matrix, valid

_ALPHABET = np.frombuffer(b"0123456789bcdefghjkmnpqrstuvwxyz", np.uint8)
_PAIRS = np.stack([np.repeat(_ALPHABET, 32), np.tile(_ALPHABET, 32)], axis=1).copy().view(np.uint16).reshape(-1)
"""Two characters for each ten bits."""
_DEPTH = 32
_LONGEST = 9
_COARSE = 6
"""The most characters that 16 bits of each coordinate say."""
Words = npt.NDArray[np.uint64]


def generalize_geohash(latitude: Column, longitude: Column, length: int) -> pa.StringArray:
    """Return the geohash of `length` characters, as utf8, of the cell that holds each point (WGS 84 degrees, float64).

    A cell holds its southern and western edges; the north pole belongs to the last row and 180° to the last column.
    NULL where a coordinate is NULL, not finite, or out of range.

    Raises:
        TypeError: if a column is not float64. ValueError: for columns of two lengths, or a length not in 1 to 9.
    """
    if latitude.type != pa.float64() or longitude.type != pa.float64():
        raise TypeError("the columns must be float64")
    if len(latitude) != len(longitude):
        raise ValueError("the columns must have as many rows")
    if not 1 <= length <= _LONGEST:
        raise ValueError("a geohash has 1 to 9 characters")
    known = valid(latitude) & valid(longitude)
    north, east = _numbers(latitude), _numbers(longitude)
    text = np.empty((len(known), length + length % 2), np.uint8)
    pairs = text.view(np.uint16)
    for chunk in chunks(len(known)):
        lat, lon = north[chunk], east[chunk]
        inside = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0) & known[chunk]
        if not inside.all():
            lat, lon = np.where(inside, lat, 0.0), np.where(inside, lon, 0.0)
            known[chunk] = inside
        code = _interleaved(_halvings(lon, 360), _halvings(lat, 180), fine=length > _COARSE)
        for pair in range(pairs.shape[1]):
            pairs[chunk, pair] = _PAIRS[code >> np.uint64(54 - 10 * pair) & np.uint64(1023)]
    if known.all():
        return from_matrix(text[:, :length])
    text[~known] = _ALPHABET[0]
    hashes = from_matrix(text[:, :length])
    _, *text_buffers = hashes.buffers()
    return as_text(pa.Array.from_buffers(pa.string(), len(hashes), [pa.array(known).buffers()[1], *text_buffers]))


def _numbers(array: Column) -> npt.NDArray[np.float64]:
    filled = compute.fill_null(array, 0.0) if array.null_count else array
    numbers: npt.NDArray[np.float64] = filled.to_numpy()
    return numbers


def _halvings(degrees: npt.NDArray[np.float64], span: int) -> Words:
    """The 32 bits of halving [-span/2, span/2], the first one highest; exact.

    Scaling by a power of two is exact, and so many times a divisor of few bits that its quotient, rounded once, never
    reaches an integer from below.
    """
    cells = np.floor(degrees * float(2**_DEPTH) / float(span)).astype(np.int64)
    cells += 2 ** (_DEPTH - 1)
    np.minimum(cells, 2**_DEPTH - 1, out=cells)
    return cells.view(np.uint64)


def _interleaved(first: Words, second: Words, fine: bool) -> Words:
    """Put the bits of two columns of 32 in turn, from the highest down; where not `fine`, the first 16 of each."""
    code = _in_turn(first >> np.uint64(16), second >> np.uint64(16)) << np.uint64(32)
    if fine:
        code |= _in_turn(first & np.uint64(0xFFFF), second & np.uint64(0xFFFF))
    return code


def _in_turn(first: Words, second: Words) -> Words:
    return _SPREAD[first] << np.uint64(1) | _SPREAD[second]


def _spread_table() -> Words:
    """The numbers of 16 bits with a zero put before each bit."""
    words = np.arange(2**16, dtype=np.uint64)
    for shift, mask in ((8, 0x00FF_00FF), (4, 0x0F0F_0F0F), (2, 0x3333_3333), (1, 0x5555_5555)):
        words = (words | words << np.uint64(shift)) & np.uint64(mask)
    return words


_SPREAD = _spread_table()
