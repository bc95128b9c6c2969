"""AES over whole columns: raw blocks, and AES-CMAC (RFC 4493, NIST SP 800-38B)."""

from __future__ import annotations

import numpy as np
from Crypto.Cipher import AES
from Crypto.Util.strxor import strxor

from gateway.kernels.text import Bytes, chunks

BLOCK = 16


def encrypt_blocks(key: bytes, blocks: Bytes) -> Bytes:
    """Encipher each row of an n × 16 matrix on its own (FIPS 197). Only for inputs that are unique by design."""
    return _rows(AES.new(key, AES.MODE_ECB).encrypt(_flat(blocks)))


def decrypt_blocks(key: bytes, blocks: Bytes) -> Bytes:
    """Invert `encrypt_blocks`."""
    return _rows(AES.new(key, AES.MODE_ECB).decrypt(_flat(blocks)))


def cmac(key: bytes, messages: Bytes) -> Bytes:
    """Return the AES-CMAC of each row of an n × length matrix, as an n × 16 matrix.

    The messages of one call share a length; calls with other lengths under the same key are safe (RFC 4493, 2.4).
    """
    cipher = AES.new(key, AES.MODE_ECB)
    whole_key = _double(cipher.encrypt(bytes(BLOCK)))
    count, length = messages.shape
    blocks = max(1, -(-length // BLOCK))
    whole = length == blocks * BLOCK
    last_key = np.frombuffer(whole_key if whole else _double(whole_key), np.uint8)
    codes = np.empty((count, BLOCK), np.uint8)
    for chunk in chunks(count):
        # each block of all messages lies together: numpy walks wide columns fast and narrow rows slowly
        part = messages[chunk]
        padded = np.zeros((blocks, len(part), BLOCK), np.uint8)
        for block in range(blocks):
            piece = part[:, block * BLOCK : (block + 1) * BLOCK]
            padded[block, :, : piece.shape[1]] = piece
        if not whole:
            padded[-1, :, length % BLOCK] = 0x80
        padded[-1] ^= last_key
        state = np.zeros((len(part), BLOCK), np.uint8)
        for text in padded:
            state = _rows(cipher.encrypt(_flat(state ^ text)))
        codes[chunk] = state
    return codes


def _double(block: bytes) -> bytes:
    """Multiply by x in GF(2¹²⁸) (RFC 4493, 2.3)."""
    shifted = (int.from_bytes(block, "big") << 1) & ((1 << 128) - 1)
    return strxor(shifted.to_bytes(BLOCK, "big"), bytes(15) + (b"\x87" if block[0] & 0x80 else b"\x00"))


def _flat(blocks: Bytes) -> memoryview:
    return np.ascontiguousarray(blocks).reshape(-1).data


def _rows(data: bytes) -> Bytes:
    return np.frombuffer(data, np.uint8).reshape(-1, BLOCK)
