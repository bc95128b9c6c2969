"""SIV, deterministic authenticated encryption (RFC 5297), over columns, with either block cipher."""

from __future__ import annotations

import numpy as np

from gateway.kernels.ciphers import BLOCK, BlockCipher, Sealed
from gateway.kernels.cmac import Chain, cmac, double, last_block, rows_at_once
from gateway.kernels.text import Bytes, Mask, chunks, copy_rows

_FEWEST_BYTES_CHAINED = BLOCK  # shorter plaintexts are one padded block (RFC 5297, 2.4)
_CLEARED = np.frombuffer(bytes.fromhex("7fffffff7fffffff"), "<u8")[0]  # of the second half (RFC 5297, 2.5)


class Siv(Sealed):
    """SIV under two keys, the one of `mac` and the one of `counter`, with these strings of associated data.

    A nonce, where there is one, is the last string (RFC 5297, 3). Safe to share between threads.

    Raises:
        ValueError: for more than 126 strings.
    """

    __slots__ = ("_counter", "_mac", "_start")

    def __init__(self, mac: BlockCipher, counter: BlockCipher, *associated: bytes) -> None:
        if len(associated) > 126:
            raise ValueError("SIV takes 126 strings of associated data or fewer")
        self._mac, self._counter = mac, counter
        start = _code(mac, bytes(BLOCK))
        for text in associated:
            start = _xor(double(start), _code(mac, text))
        self._start = start

    def seal(self, plain: Bytes) -> Bytes:
        """Encrypt each row of an n × length matrix: n × (16 + length), the synthetic IV first (RFC 5297, 2.6)."""
        count, length = plain.shape
        chain = self._chain(length)
        sealed = np.empty((count, BLOCK + length), np.uint8)
        for chunk in chunks(count, rows_at_once(length)):
            tags = np.empty((len(plain[chunk]), BLOCK), np.uint8)
            chain.run(plain[chunk], tags)
            copy_rows(tags, sealed[chunk, :BLOCK])
            copy_rows(self._stream(tags, plain[chunk])[:, :length], sealed[chunk, BLOCK:])
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
        chain = self._chain(length)
        plain = np.empty((count, length), np.uint8)
        genuine = np.empty(count, np.bool_)
        for chunk in chunks(count, rows_at_once(length)):
            given, tags = np.empty((2, len(plain[chunk]), BLOCK), np.uint8)
            copy_rows(sealed[chunk, :BLOCK], given)
            copy_rows(self._stream(given, sealed[chunk, BLOCK:])[:, :length], plain[chunk])
            chain.run(plain[chunk], tags)
            tags ^= given
            halves = tags.view("<u8")
            genuine[chunk] = (halves[:, 0] | halves[:, 1]) == 0
        if not genuine.all():
            plain[~genuine] = 0
        return plain, genuine

    def _chain(self, length: int) -> Chain:
        """S2V of plaintexts of this length, and the CMAC in it, as one chain (RFC 5297, 2.4)."""
        if length >= _FEWEST_BYTES_CHAINED:
            added = last_block(self._mac, length).reshape(-1)
            added[length - BLOCK : length] ^= np.frombuffer(self._start, np.uint8)
        else:
            added = last_block(self._mac, BLOCK).reshape(-1)
            added[length] ^= 0x80
            added ^= np.frombuffer(double(self._start), np.uint8)
        return Chain(self._mac, length, added.reshape(-1, BLOCK))

    def _stream(self, tags: Bytes, texts: Bytes) -> Bytes:
        """Run the counter mode from each row's synthetic IV over its text: n × the length in whole blocks."""
        count, length = texts.shape
        blocks = -(-length // BLOCK)
        counters = np.empty((count, blocks, BLOCK), np.uint8)
        first = tags.copy()
        first.view("<u8")[:, 1] &= _CLEARED
        low = first.view(">u4")[:, 3].astype(np.uint32)
        for block in range(blocks):
            copy_rows(first, counters[:, block])
            if block:
                # the highest bit of the low word is clear, so nothing is carried beyond it
                counters.view(">u4")[:, block, 3] = low + np.uint32(block)
        self._counter.encrypt(counters.reshape(-1, BLOCK), counters.reshape(-1, BLOCK))
        stream = counters.reshape(count, blocks * BLOCK)
        padded = np.zeros_like(stream)
        copy_rows(texts, padded[:, :length])
        stream ^= padded
        return stream


def _code(cipher: BlockCipher, text: bytes) -> bytes:
    return cmac(cipher, np.frombuffer(text, np.uint8).reshape(1, len(text))).tobytes()


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
