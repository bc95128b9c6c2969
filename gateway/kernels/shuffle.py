"""A random order of rows, so that the place of a row says nothing of where it stood."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.kernels.swar import Words
from gateway.kernels.text import Column, as_text, from_matrix, matrix, one_length, pooled

SEED_BYTES = 32
"""Random bytes that an order is made of."""

_KEY_BYTES = 8


def random_order(rows: int, seed: bytes) -> pa.Int64Array:
    """Return a permutation of so many rows: Arrow indices for a `take`.

    The seed is the key of AES-256 in counter mode (NIST SP 800-38A, 6.5), whose stream gives each row the upper bits
    of a word; the lower ones are its place. The words are sorted. Where two rows drew the same bits, all draw anew from
    the next part of the stream: so every order is exactly as likely as the next, as far as the stream is random.
    The seed must come from the system's generator, and serve once.

    Raises:
        ValueError: for a seed of another length.
    """
    if len(seed) != SEED_BYTES:
        raise ValueError("an order takes a seed of 32 bytes")
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    places = max(1, (rows - 1).bit_length())
    place_mask = np.uint64((1 << places) - 1)
    while True:
        words = np.frombuffer(bytearray(stream.update(bytes(_KEY_BYTES * rows))), "<u8")
        words &= ~place_mask
        words |= np.arange(rows, dtype=np.uint64)
        words.sort()
        if not _tied(words, places):
            words &= place_mask
            return pa.array(words.view(np.int64), pa.int64())


def reordered(array: Column, order: pa.Int64Array) -> Column:
    """Return the rows of a column in another order, which must be a permutation of them.

    Text of one length, as identifiers are, goes by the row; Arrow's `take` walks the offsets of each value.
    """
    width = one_length(array) if array.type == pa.string() else None
    if not width:
        taken: Column = array.take(order)
        return taken
    unit = _WHOLE.get(width, np.dtype((np.void, width)))
    rows = pooled(len(array), width)
    # no index lies outside, and "clip" is the fastest way to say what if
    matrix(array, width).view(unit)[:, 0].take(_places(order), out=rows.view(unit)[:, 0], mode="clip")
    return as_text(from_matrix(rows))


_WHOLE: dict[int, np.dtype[np.void] | np.dtype[np.unsignedinteger]] = {
    size: np.dtype(f"u{size}")
    for size in (1, 2, 4, 8)  # numpy moves numbers faster than bytes
}


def _places(order: pa.Int64Array) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = order.to_numpy()
    return places


def _tied(ordered: Words, places: int) -> bool:
    """Tell whether two neighbours have the same bits above those of their places."""
    drawn = ordered >> np.uint64(places)
    return bool((drawn[1:] == drawn[:-1]).any())
