"""The key that signs releases: an Ed25519 pair (RFC 8032) of its own in the key file, private half wrapped.

It is random and derived from nothing, so no other key tells of it, nor it of them. The private half is unwrapped for
each signature and kept nowhere. A rotation makes another pair and erases the private half of the one before; the public
halves stay, in the list beside the key file as well, so that no older copy of the file brings a retired key back.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.adapters.keys import derivation
from gateway.adapters.keys.document import KeyDocument, SigningPair
from gateway.adapters.keys.files import faulting
from gateway.adapters.keys.store import KeyStore
from gateway.kernels.ciphers import KeyHolder
from gateway.model.signing import Signature, SigningKey, key_id


def fresh(master: bytes) -> SigningPair:
    """Return a new pair, its private half wrapped under a master key."""
    key = Ed25519PrivateKey.generate()
    return SigningPair(key.public_key().public_bytes_raw(), derivation.wrap(master, key.private_bytes_raw()))


class FileReleaseSigner(KeyHolder):
    """A `ReleaseSigner` over a key file. It shows no key: not in its repr, and it cannot be copied or pickled."""

    __slots__ = ("_store",)

    def __init__(self, store: KeyStore) -> None:
        """Use `FileKeyRing.signer`."""
        self._store = store

    @faulting
    def sign(self, statement: bytes) -> Signature:
        """Sign a statement with the key of today, as the file has it at this moment; the first is made when needed.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        document, pair = self._signing()
        master = self._store.unwrap_master(document.newest)
        key = Ed25519PrivateKey.from_private_bytes(derivation.unwrap(master, pair.wrapped))
        return Signature(key_id(pair.public), key.sign(statement))

    @faulting
    def signing_keys(self) -> tuple[SigningKey, ...]:
        """Return the public keys of all that ever signed, the oldest first; the last of them signs now.

        Raises:
            Fault: KEYS_UNAVAILABLE; a note says why.
        """
        return self._signing()[0].signers

    def _signing(self) -> tuple[KeyDocument, SigningPair]:
        """Return the document and the pair that signs, making one where there is none."""
        document = self._store.read().document
        if document.signing is None:
            document = self._store.change(self._with_pair).document
        if document.signing is None:
            raise ValueError("a pair was made and is not there")
        return document, document.signing

    def _with_pair(self, document: KeyDocument) -> KeyDocument:
        if document.signing is not None:  # another process came first
            return document
        master = self._store.unwrap_master(document.newest)
        return document.signing_by(fresh(master), self._store.now())
