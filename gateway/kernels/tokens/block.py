"""The block profile: encode-then-encipher (Bellare and Rogaway 2000), one block for a value.

The canonical value becomes an integer of 64 bits, followed by 64 fixed bits; the whole is one block of AES-256 or SM4.
A permutation of distinct blocks is injective; a forged token meets the fixed bits with probability 2⁻⁶⁴.
"""

from __future__ import annotations

import sys

import numpy as np

from gateway.kernels import hexadecimal
from gateway.kernels.ciphers import BLOCK, BlockCipher
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes, Mask, chunks, pooled
from gateway.model.contract import CanonicalForm

LETTER = ord("b")
TOKEN_CHARS = 1 + 2 * BLOCK

_CHUNK = 16_384  # rows; measured
_REDUNDANCY = {
    CanonicalForm.RESIDENT_ID: b"PG-RESID",
    CanonicalForm.PHONE: b"PG-PHONE",
    CanonicalForm.PLATE: b"PG-PLATE",
}


def seal(numbers: Words, form: CanonicalForm, cipher: BlockCipher) -> Bytes:
    """Return the tokens of integers as an n × 33 matrix."""
    count = len(numbers)
    tokens = pooled(count, TOKEN_CHARS)
    blocks = np.empty((min(_CHUNK, count), 2), np.uint64)
    blocks[:, 1] = _fixed(form)
    sealed = np.empty((len(blocks), BLOCK), np.uint8)
    speller = hexadecimal.Speller(BLOCK, len(blocks))
    for chunk in chunks(count, _CHUNK):
        size = chunk.stop - chunk.start
        blocks[:size, 0] = numbers[chunk].byteswap()
        cipher.encrypt(blocks[:size].view(np.uint8), sealed[:size])
        speller.write(sealed[:size], tokens[chunk, 1:])
        tokens[chunk, 0] = LETTER
    return tokens


def unseal(tokens: Bytes, form: CanonicalForm, cipher: BlockCipher) -> tuple[Words, Mask]:
    """Return the integers behind an n × 33 matrix of tokens that begin with b, and which rows are genuine.

    Whether an integer is in the range of a layout is not looked at. Those of the other rows mean nothing.
    """
    count, fixed = len(tokens), _fixed(form)
    numbers = pooled(count, 8).view(np.uint64)[:, 0]
    genuine = np.empty(count, np.bool_)
    blocks = np.empty((min(_CHUNK, count), BLOCK), np.uint8)
    reader = hexadecimal.Reader(BLOCK, len(blocks))
    for chunk in chunks(count, _CHUNK):
        sealed, well_formed = reader.read(tokens[chunk, 1:])
        words = cipher.decrypt(sealed, blocks[: len(sealed)]).view("<u8")
        numbers[chunk] = words[:, 0].byteswap()
        np.equal(words[:, 1], fixed, genuine[chunk])
        if well_formed is not None:
            genuine[chunk] &= well_formed
    return numbers, genuine


def _fixed(form: CanonicalForm) -> np.uint64:
    """The fixed half of a block, as it lies in memory."""
    return np.uint64(int.from_bytes(_REDUNDANCY[form], sys.byteorder))
