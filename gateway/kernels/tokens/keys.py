"""Working keys of tokens, and the ciphers under them."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.kernels.ciphers import KEY_BYTES, BlockCipher, KeyHolder, cipher, first_cipher, require_working
from gateway.kernels.siv import Siv
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class TokenKeys(KeyHolder):
    """The working keys of reversible tokens, of one domain and form: independent, 64 bytes each.

    A block takes the first 32 bytes under AES-256 and the first 16 under SM4; SIV takes twice as many, the first half
    for its code and the second for its counter.

    Raises:
        ValueError: for a key of another length.
    """

    suite: CipherSuite
    block: bytes
    siv: bytes

    def __post_init__(self) -> None:
        require_working(self.block, self.siv)

    def of_blocks(self) -> BlockCipher:
        """Return the cipher of the block profile."""
        return first_cipher(self.suite, self.block)

    def of_siv(self, form: CanonicalForm) -> Siv:
        """Return the engine of the SIV profile."""
        half = KEY_BYTES[self.suite]
        mac, counter = cipher(self.suite, self.siv[:half]), cipher(self.suite, self.siv[half : 2 * half])
        return Siv(mac, counter, form.value.encode())
