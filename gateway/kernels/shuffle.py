"""A random order of rows, so that the place of a row says nothing of where it stood."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from gateway.kernels.text import Column, as_text, from_matrix, matrix, one_length, pooled

SEED_BYTES = 32
"""Random bytes that an order is made of."""

_Order: TypeAlias = npt.NDArray[np.int64]


def random_order(rows: int, seed: bytes) -> pa.Int64Array:
    """Return a permutation of so many rows: Arrow indices for a `take`.

    The seed is the key of AES-256 in counter mode (NIST SP 800-38A, 6.5), whose stream gives each row a word of 32
    bits. Rows are put in the order of their words, and those that drew the same one in that of words of 64 bits, which
    they draw from the next part of the stream until no two are alike: so every order is exactly as likely as the next,
    as far as the stream is random. The seed must come from the system's generator, and serve once.

    Raises:
        ValueError: for a seed of another length.
    """
    if len(seed) != SEED_BYTES:
        raise ValueError("an order takes a seed of 32 bytes")
    stream = Cipher(algorithms.AES(seed), modes.CTR(bytes(16))).encryptor()
    words = np.frombuffer(stream.update(bytes(4 * rows)), "<u4")
    order = _by_word(words)
    ordered = words.take(order, mode="clip")
    tied = ordered[1:] == ordered[:-1]
    if tied.any():
        _settle(order, tied, stream)
    return pa.array(order, pa.int64())


def _by_word(words: npt.NDArray[np.uint32]) -> _Order:
    """The rows in the order of their words: by the lower halves, and then by the upper ones.

    Of 16 bits numpy makes two passes of a radix sort, a tenth of the time that sorting whole words takes.
    """
    lower, upper = np.ascontiguousarray(words.view("<u2").reshape(-1, 2).T)
    first = lower.argsort(kind="stable")
    order: _Order = first.take(upper.take(first, mode="clip").argsort(kind="stable"), mode="clip")
    return order


def _settle(order: _Order, tied: npt.NDArray[np.bool_], stream: CipherContext) -> None:
    """Put rows with the same word, which stand side by side, in an order that is drawn for them."""
    follows, leads = np.append(False, tied), np.append(tied, False)
    places = np.flatnonzero(follows | leads)
    group = np.cumsum(~follows[places])
    while True:
        words = np.frombuffer(stream.update(bytes(8 * len(places))), "<u8")
        drawn = np.lexsort((words, group))
        ordered = words[drawn]
        if not ((ordered[1:] == ordered[:-1]) & (group[1:] == group[:-1])).any():
            order[places] = order[places[drawn]]
            return


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
