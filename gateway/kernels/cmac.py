"""CMAC over columns (NIST SP 800-38B; with AES: RFC 4493), and the chain of blocks that it and S2V are made of."""

from __future__ import annotations

import numpy as np

from gateway.kernels.ciphers import BLOCK, BlockCipher, KeyHolder
from gateway.kernels.text import Bytes, chunks, copy_rows, pooled

_CHUNK_BYTES = 262_144  # a chunk's blocks; measured
_ZERO = np.zeros((1, BLOCK), np.uint8)


def cmac(cipher: BlockCipher, messages: Bytes) -> Bytes:
    """Return the CMAC of each row of an n × length matrix, as an n × 16 matrix.

    The messages of one call share a length; calls with other lengths under the same key are safe (RFC 4493, 2.4).
    """
    count, length = messages.shape
    codes = pooled(count, BLOCK)
    cmac_ = Cmac(cipher)
    added = cmac_.added(length)
    for chunk in chunks(count, rows_at_once(length)):
        cmac_.chain(messages[chunk], added, codes[chunk])
    return codes


def last_block(cipher: BlockCipher, length: int) -> Bytes:
    """Return what CMAC XORs onto messages of this length, as blocks × 16: see `Cmac.added`."""
    return Cmac(cipher).added(length)


class Cmac(KeyHolder):
    """CMAC under one key, and the steps of it that S2V shares."""

    __slots__ = ("_cipher", "_subkeys")

    def __init__(self, cipher: BlockCipher) -> None:
        whole = double(cipher.chain(_ZERO))
        self._cipher, self._subkeys = cipher, (whole, double(whole))

    def code(self, message: bytes) -> bytes:
        """Return the CMAC of one message."""
        blocks = self.added(len(message))
        blocks.reshape(-1)[: len(message)] ^= np.frombuffer(message, np.uint8)
        return self._cipher.chain(blocks)

    def added(self, length: int) -> Bytes:
        """Return what is XORed onto messages of this length, as blocks × 16: padding and subkey, in the last block."""
        whole, cut = self._subkeys
        added = np.zeros(max(1, -(-length // BLOCK)) * BLOCK, np.uint8)
        if length < added.size:
            added[length] = 0x80
        added[-BLOCK:] ^= np.frombuffer(whole if length == added.size else cut, np.uint8)
        return added.reshape(-1, BLOCK)

    def chain(self, messages: Bytes, added: Bytes, codes: Bytes) -> None:
        """Encipher the blocks of each row of an n × length matrix in a chain (CBC), and put the last results in `codes`
        (n × 16, without gaps).

        Messages are filled up with zeros, and `added` (blocks × 16), one for all, is XORed onto them.
        """
        length = messages.shape[1]
        if len(messages) < len(added):
            # few and long: each by itself, instead of block after block of all
            for message, code in zip(messages, codes, strict=True):
                blocks = added.copy()
                blocks.reshape(-1)[:length] ^= message
                code[:] = np.frombuffer(self._cipher.chain(blocks), np.uint8)
            return
        state, block = codes.view(np.uint64), np.empty_like(codes)
        for start, constant in zip(range(0, added.size, BLOCK), added, strict=True):
            stop = min(start + BLOCK, length)
            piece = block if start else codes
            if stop - start < BLOCK:
                piece[:] = 0
            copy_rows(messages[:, start:stop], piece[:, : stop - start])
            if start:
                state ^= block.view(np.uint64)
            if constant.any():
                # as many rows of it: numpy adds two matrices faster than a row to each
                block[:] = constant
                state ^= block.view(np.uint64)
            self._cipher.encrypt(codes, codes)


def double(block: bytes) -> bytes:
    """Multiply by x in GF(2¹²⁸) (RFC 4493, 2.3; RFC 5297, 2.3)."""
    number = int.from_bytes(block, "big") << 1
    return (number ^ (1 << 128 | 0x87) if number >> 128 else number).to_bytes(BLOCK, "big")


def rows_at_once(length: int) -> int:
    """How many messages of so many bytes are worked on together: what the processor's cache holds."""
    return max(1, _CHUNK_BYTES // (length + BLOCK))
