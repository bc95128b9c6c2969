"""SIV, deterministic authenticated encryption (RFC 5297), over columns, with either block cipher."""

from __future__ import annotations

import numpy as np

from gateway.kernels.ciphers import BLOCK, BlockCipher, KeyHolder
from gateway.kernels.cmac import Cmac, double, rows_at_once
from gateway.kernels.text import Bytes, Lengths, Mask, chunks, copy_rows, pooled

_FEWEST_BYTES_CHAINED = BLOCK  # shorter plaintexts are one padded block (RFC 5297, 2.4)
_CLEARED = np.array(0x7FFF_FFFF_7FFF_FFFF, np.uint64)  # of the second half as a number (RFC 5297, 2.5)


class Siv(KeyHolder):
    """SIV under two keys, the one of `mac` and the one of `counter`, with these strings of associated data.

    A nonce, where there is one, is the last string (RFC 5297, 3). Safe to share between threads.

    Raises:
        ValueError: for more than 126 strings.
    """

    __slots__ = ("_counter", "_mac", "_start")

    def __init__(self, mac: BlockCipher, counter: BlockCipher, *associated: bytes) -> None:
        if len(associated) > 126:
            raise ValueError("SIV takes 126 strings of associated data or fewer")
        self._mac, self._counter = Cmac(mac), counter
        start = self._mac.code(bytes(BLOCK))
        for text in associated:
            start = _xor(double(start), self._mac.code(text))
        self._start = start

    def seal(self, plain: Bytes) -> Bytes:
        """Encrypt each row of an n × length matrix: n × (16 + length), the synthetic IV first (RFC 5297, 2.6)."""
        count, length = plain.shape
        added, room = self._added(length), _Room(count, length)
        sealed = pooled(count, BLOCK + length)
        for chunk in chunks(count, room.rows):
            tags = room.tags[: chunk.stop - chunk.start]
            self._mac.chain(plain[chunk], added, tags)
            copy_rows(tags, sealed[chunk, :BLOCK])
            self._count(tags, plain[chunk], sealed[chunk, BLOCK:], room)
        return sealed

    def seal_padded(self, plain: Bytes, lengths: Lengths) -> Bytes:
        """Encrypt texts of different lengths, zeros behind each in an n × width matrix of as many whole blocks as each
        takes, one at least: n × (16 + width). What lies behind a text's own 16 + length bytes must be dropped.
        """
        count, width = plain.shape
        shortest, longest = int(lengths.min(initial=width)), int(lengths.max(initial=0))
        added = np.array([self._added(length).reshape(-1) for length in range(shortest, longest + 1)])
        nothing, room = np.zeros((width // BLOCK, BLOCK), np.uint8), _Room(count, width)
        sealed, summed = pooled(count, BLOCK + width), np.empty((room.rows, width), np.uint8)
        for chunk in chunks(count, room.rows):
            tags, texts = (matrix[: chunk.stop - chunk.start] for matrix in (room.tags, summed))
            np.take(added, lengths[chunk] - shortest, 0, texts, "clip")
            texts ^= plain[chunk]
            self._mac.chain(texts, nothing, tags)
            copy_rows(tags, sealed[chunk, :BLOCK])
            self._count(tags, plain[chunk], sealed[chunk, BLOCK:], room)
        return sealed

    def open(self, sealed: Bytes) -> tuple[Bytes, Mask]:
        """Decrypt each row of an n × (16 + length) matrix, and tell which are genuine (RFC 5297, 2.7).

        The rows that are not come back as zeros.

        Raises:
            ValueError: for rows of less than 16 bytes.
        """
        count, length = len(sealed), sealed.shape[1] - BLOCK
        if length < 0:
            raise ValueError("what SIV sealed has 16 bytes or more")
        added, room = self._added(length), _Room(count, length)
        plain = pooled(count, length)
        genuine = np.empty(count, np.bool_)
        for chunk in chunks(count, room.rows):
            given, tags = (matrix[: chunk.stop - chunk.start] for matrix in (room.given, room.tags))
            copy_rows(sealed[chunk, :BLOCK], given)
            self._count(given, sealed[chunk, BLOCK:], plain[chunk], room)
            self._mac.chain(plain[chunk], added, tags)
            tags ^= given
            halves = tags.view(np.uint64)
            np.equal(halves[:, 0] | halves[:, 1], 0, genuine[chunk])
        if not genuine.all():
            plain[~genuine] = 0
        return plain, genuine

    def _added(self, length: int) -> Bytes:
        """What is XORed onto plaintexts of this length in S2V and the CMAC in it, as blocks (RFC 5297, 2.4)."""
        if length >= _FEWEST_BYTES_CHAINED:
            added = self._mac.added(length)
            added.reshape(-1)[length - BLOCK : length] ^= np.frombuffer(self._start, np.uint8)
        else:
            added = self._mac.added(BLOCK)
            added[0, length] ^= 0x80
            added[0] ^= np.frombuffer(double(self._start), np.uint8)
        return added

    def _count(self, tags: Bytes, texts: Bytes, target: Bytes, room: _Room) -> None:
        """Encrypt texts, or decrypt them: the counter mode from each row's synthetic IV (RFC 5297, 2.5)."""
        count, length = texts.shape
        stream, text = room.stream[:count], room.text[:count]
        halves, counters = tags.view(np.uint64), stream.view(np.uint64)
        # the highest bit of the lowest 32 is cleared, so that nothing is ever carried beyond them
        low = halves[:, 1].byteswap()
        low &= _CLEARED
        for block in range(counters.shape[1] // 2):
            counters[:, 2 * block] = halves[:, 0]
            counters[:, 2 * block + 1] = (low + np.uint64(block)).byteswap()
        blocks = stream.reshape(-1, BLOCK)
        self._counter.encrypt(blocks, blocks)
        copy_rows(texts, text[:, :length])
        stream ^= text
        copy_rows(stream[:, :length], target)


class _Room:
    """What a chunk is worked on in."""

    __slots__ = ("given", "rows", "stream", "tags", "text")

    def __init__(self, count: int, length: int) -> None:
        self.rows = max(1, min(count, rows_at_once(length)))
        self.given, self.tags = np.empty((2, self.rows, BLOCK), np.uint8)
        self.stream, self.text = np.zeros((2, self.rows, -(-length // BLOCK) * BLOCK), np.uint8)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
