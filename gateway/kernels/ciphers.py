"""The block ciphers under all tokens, over columns of blocks: AES (FIPS 197) and SM4 (GB/T 32907-2016).

These are raw permutations of single blocks ("ECB"): equal blocks show. They are building material for constructions
that are sound, and for blocks that are distinct by design.
"""

from __future__ import annotations

from typing import NoReturn, Protocol

import numpy as np
from Crypto.Cipher import AES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.kernels.text import Bytes
from gateway.model.pseudonym import CipherSuite

BLOCK = 16
"""Bytes of a block, in both suites."""

KEY_BYTES = {CipherSuite.AES: 32, CipherSuite.SM4: 16}
"""Bytes of a suite's block-cipher key."""

WORKING_KEY_BYTES = 64
"""Bytes of a working key of a domain, whatever the suite takes of it."""

_CHUNK = 32_768 * BLOCK  # as fast as any length, and within the processor's cache


class BlockCipher(Protocol):
    """A keyed permutation of blocks of 16 bytes. Safe to share between threads; shows and gives away no key."""

    def encrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Encipher each row of an n × 16 matrix on its own; return the n × 16 results.

        `out` is a writable, C-contiguous n × 16 matrix to put them in, and may be `blocks` itself.
        """

    def decrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Invert `encrypt`."""

    def chain(self, blocks: Bytes) -> bytes:
        """Encipher the rows of one n × 16 matrix in a chain (CBC from a block of zeros) and return the last result."""


def cipher(suite: CipherSuite, key: bytes) -> BlockCipher:
    """Return the suite's cipher under a key: 32 bytes for AES (AES-256), 16 for SM4.

    Raises:
        ValueError: for a key of another length.
    """
    if len(key) != KEY_BYTES[suite]:
        raise ValueError("a key of this suite has another length")
    return AesCipher(key) if suite is CipherSuite.AES else Sm4Cipher(key)


def first_cipher(suite: CipherSuite, working_key: bytes) -> BlockCipher:
    """Return the suite's cipher under the first bytes of a working key.

    Raises:
        ValueError: for a key that is not 64 bytes.
    """
    require_working(working_key)
    return cipher(suite, working_key[: KEY_BYTES[suite]])


def require_working(*keys: bytes) -> None:
    """Let only working keys pass.

    Raises:
        ValueError: for a key of another length.
    """
    if any(len(key) != WORKING_KEY_BYTES for key in keys):
        raise ValueError("a working key has 64 bytes")


class KeyHolder:
    """What holds a key, or what was made of one: it neither shows it nor lets itself be copied or pickled."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("what holds a key cannot be copied or pickled")


class AesCipher(KeyHolder):
    """AES under a key of 16, 24 or 32 bytes. The gateway's own keys have 32; published vectors use all three.

    Raises:
        ValueError: for a key of another length.
    """

    __slots__ = ("_chain", "_engine")

    def __init__(self, key: bytes) -> None:
        if len(key) not in AES.key_size:
            raise ValueError("an AES key has 16, 24 or 32 bytes")
        self._engine = AES.new(key, AES.MODE_ECB)
        self._chain = Cipher(algorithms.AES(key), modes.CBC(bytes(BLOCK)))

    def encrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Encipher each row: see `BlockCipher`."""
        source, result, target = _ends(blocks, out)
        for start in range(0, len(source), _CHUNK):
            self._engine.encrypt(source[start : start + _CHUNK], output=target[start : start + _CHUNK])
        return result

    def decrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Invert `encrypt`."""
        source, result, target = _ends(blocks, out)
        for start in range(0, len(source), _CHUNK):
            self._engine.decrypt(source[start : start + _CHUNK], output=target[start : start + _CHUNK])
        return result

    def chain(self, blocks: Bytes) -> bytes:
        """Encipher rows in a chain: see `BlockCipher`."""
        return self._chain.encryptor().update(_flat(blocks))[-BLOCK:]


class Sm4Cipher(KeyHolder):
    """SM4 under a key of 16 bytes.

    Raises:
        ValueError: for a key of another length.
    """

    __slots__ = ("_chain", "_engine")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES[CipherSuite.SM4]:
            raise ValueError("an SM4 key has 16 bytes")
        self._engine = Cipher(algorithms.SM4(key), modes.ECB())
        self._chain = Cipher(algorithms.SM4(key), modes.CBC(bytes(BLOCK)))

    def encrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Encipher each row: see `BlockCipher`."""
        source, result, target = _ends(blocks, out)
        context = self._engine.encryptor()  # holds state, so each call has its own
        for start in range(0, len(source), _CHUNK):
            target[start : start + _CHUNK] = context.update(source[start : start + _CHUNK])
        return result

    def decrypt(self, blocks: Bytes, out: Bytes | None = None) -> Bytes:
        """Invert `encrypt`."""
        source, result, target = _ends(blocks, out)
        context = self._engine.decryptor()
        for start in range(0, len(source), _CHUNK):
            target[start : start + _CHUNK] = context.update(source[start : start + _CHUNK])
        return result

    def chain(self, blocks: Bytes) -> bytes:
        """Encipher rows in a chain: see `BlockCipher`."""
        return self._chain.encryptor().update(_flat(blocks))[-BLOCK:]


def _ends(blocks: Bytes, out: Bytes | None) -> tuple[memoryview, Bytes, memoryview]:
    """The bytes to read, the matrix to return, and its bytes to write."""
    source = _flat(blocks)
    result = np.empty(blocks.shape, np.uint8) if out is None else out
    if result.shape != blocks.shape or not result.flags.c_contiguous:
        raise ValueError("the results need an n × 16 matrix without gaps")
    return source, result, result.reshape(-1).data


def _flat(blocks: Bytes) -> memoryview:
    if blocks.ndim != 2 or blocks.shape[1] != BLOCK:
        raise ValueError("blocks come as an n × 16 matrix")
    return np.ascontiguousarray(blocks).reshape(-1).data
