"""The coins that answers are drawn with: a keyed pseudorandom function of occasion, subject and value, over a column.

Asking again on the same occasion throws no new coins, so that answers cannot be averaged; another occasion is another
charge, and throws coins of its own. For each value the coins are a CMAC (NIST SP
800-38B) over blocks of 16 bytes: two that hash the mechanism and its parameters, one with the subject's tag, one with
the value's number. Messages share one length, and no two inputs make the same message. The first two blocks are the
same down the column and are enciphered once.

The mechanism's parameters are part of the message, since answers with different parameters are charged as independent
ones: if two noises of different scale came from the same coins, their difference would tell the value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.kernels.ciphers import BLOCK, KeyHolder, first_cipher
from gateway.kernels.cmac import last_block
from gateway.kernels.digest import digest_of
from gateway.kernels.swar import Words
from gateway.model.pseudonym import CipherSuite

WORDS = 2**64
"""How many equally likely outcomes a throw has."""
_BLOCKS = 4
_ROWS = 8_192


class Coins(KeyHolder):
    """Throws of one mechanism on one occasion.

    `mechanism` are texts that name the mechanism, the occasion (the charge and the field) and every parameter. `key` is
    a working key of 64 bytes of the recipient's domain, of which the cipher takes the first 32 (AES) or 16 (SM4).

    Raises:
        ValueError: for a key of another length.
    """

    __slots__ = ("_cipher", "_last", "_start")

    def __init__(self, mechanism: tuple[str, ...], key: bytes, suite: CipherSuite) -> None:
        self._cipher = first_cipher(suite, key)
        state = np.zeros((1, BLOCK), np.uint8)
        for block in np.frombuffer(digest_of(*mechanism), np.uint8).reshape(-1, 1, BLOCK):
            state = self._cipher.encrypt(state ^ block)
        # numpy XORs equal shapes several times faster than it stretches one row over many
        self._start = np.tile(state.view(np.uint64), (_ROWS, 1))
        self._last = last_block(self._cipher, _BLOCKS * BLOCK)[-1].view(np.uint64)

    def throw(self, tags: Words, numbers: npt.NDArray[np.int64]) -> Words:
        """Return a word of 64 bits for each row: `tags` as two words a row, and the number of the true value."""
        words = np.empty(len(tags), np.uint64)
        for start in range(0, len(tags), _ROWS):
            rows = slice(start, start + _ROWS)
            blocks = tags[rows] ^ self._start[: len(tags[rows])]
            block_bytes = blocks.view(np.uint8)
            self._cipher.encrypt(block_bytes, block_bytes)
            blocks[:, 0] ^= self._last[0]
            blocks[:, 1] ^= numbers[rows].view(np.uint64).byteswap() ^ self._last[1]
            self._cipher.encrypt(block_bytes, block_bytes)
            words[rows] = blocks[:, 0].byteswap()
        return words
