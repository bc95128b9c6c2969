"""Working keys of tokens, and the ciphers under them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from gateway.kernels import ciphers
from gateway.kernels.ciphers import BlockCipher, cipher
from gateway.kernels.siv import Siv
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite

KEY_BYTES = 64
"""Bytes of a working key, whatever the suite takes of it."""


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TokenKeys:
    """The working keys of reversible tokens, of one domain and form: independent, 64 bytes each.

    A block takes the first 32 bytes under AES-256 and the first 16 under SM4; SIV takes twice as many, the first half
    for its code and the second for its counter. Never shown, copied or pickled.

    Raises:
        ValueError: for a key of another length.
    """

    suite: CipherSuite
    block: bytes
    siv: bytes

    def __post_init__(self) -> None:
        require(self.block, self.siv)

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("keys cannot be copied or pickled")

    def of_blocks(self) -> BlockCipher:
        """Return the cipher of the block profile."""
        return first_cipher(self.suite, self.block)

    def of_siv(self, form: CanonicalForm) -> Siv:
        """Return the engine of the SIV profile."""
        half = ciphers.KEY_BYTES[self.suite]
        mac, counter = cipher(self.suite, self.siv[:half]), cipher(self.suite, self.siv[half : 2 * half])
        return Siv(mac, counter, form.value.encode())


def first_cipher(suite: CipherSuite, key: bytes) -> BlockCipher:
    """Return the suite's cipher under the first bytes of a working key."""
    return cipher(suite, key[: ciphers.KEY_BYTES[suite]])


def require(*keys: bytes) -> None:
    """Let only working keys pass. Raises ValueError for a key of another length."""
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError("a working key has 64 bytes")
