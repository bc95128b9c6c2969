"""CMAC over columns (NIST SP 800-38B; with AES: RFC 4493), and the chain of blocks that it and S2V are made of."""

from __future__ import annotations

import numpy as np

from gateway.kernels.ciphers import BLOCK, BlockCipher
from gateway.kernels.text import Bytes, chunks, copy_rows, pooled

_CHUNK_BYTES = 262_144  # a chunk's blocks; measured


def cmac(cipher: BlockCipher, messages: Bytes) -> Bytes:
    """Return the CMAC of each row of an n × length matrix, as an n × 16 matrix.

    The messages of one call share a length; calls with other lengths under the same key are safe (RFC 4493, 2.4).
    """
    count, length = messages.shape
    codes = pooled(count, BLOCK)
    chain = Chain(cipher, length, last_block(cipher, length))
    for chunk in chunks(count, rows_at_once(length)):
        chain.run(messages[chunk], codes[chunk])
    return codes


def last_block(cipher: BlockCipher, length: int) -> Bytes:
    """Return what CMAC adds to messages of this length, as blocks × 16: padding and subkey, in the last block."""
    subkey = double(cipher.encrypt(np.zeros((1, BLOCK), np.uint8)).tobytes())
    added = np.zeros(max(1, -(-length // BLOCK)) * BLOCK, np.uint8)
    if length < added.size:
        subkey = double(subkey)
        added[length] = 0x80
    added[-BLOCK:] ^= np.frombuffer(subkey, np.uint8)
    return added.reshape(-1, BLOCK)


class Chain:
    """The blocks of each message enciphered in a chain (CBC), the last result being its code.

    Messages of `length` bytes are filled up with zeros, and `added` (blocks × 16), one for all, is XORed onto them.
    """

    __slots__ = ("_added", "_cipher", "_length")

    def __init__(self, cipher: BlockCipher, length: int, added: Bytes) -> None:
        self._cipher, self._length, self._added = cipher, length, added

    def run(self, messages: Bytes, codes: Bytes) -> None:
        """Put the code of each row of an n × length matrix in `codes` (n × 16, without gaps)."""
        if len(messages) < len(self._added):
            # few and long: each by itself, instead of block after block of all
            for message, code in zip(messages, codes, strict=True):
                blocks = self._added.copy()
                blocks.reshape(-1)[: self._length] ^= message
                code[:] = np.frombuffer(self._cipher.chain(blocks), np.uint8)
            return
        state, block = codes.view(np.uint64), np.empty_like(codes)
        for start, constant in zip(range(0, self._added.size, BLOCK), self._added.view(np.uint64), strict=True):
            stop = min(start + BLOCK, self._length)
            piece = block if start else codes
            if stop - start < BLOCK:
                piece[:] = 0
            copy_rows(messages[:, start:stop], piece[:, : stop - start])
            if start:
                state ^= block.view(np.uint64)
            for half in np.flatnonzero(constant).tolist():
                state[:, half] ^= np.array(constant[half])
            self._cipher.encrypt(codes, codes)


def double(block: bytes) -> bytes:
    """Multiply by x in GF(2¹²⁸) (RFC 4493, 2.3; RFC 5297, 2.3)."""
    number = int.from_bytes(block, "big") << 1
    return (number ^ (1 << 128 | 0x87) if number >> 128 else number).to_bytes(BLOCK, "big")


def rows_at_once(length: int) -> int:
    """How many messages of so many bytes are worked on together: what the processor's cache holds."""
    return max(1, _CHUNK_BYTES // (length + BLOCK))
