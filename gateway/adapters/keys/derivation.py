"""How keys come from keys: scrypt for the operator's secret, RFC 5649 for wrapping, HKDF-SHA256 for working keys.

What is here is final: with another byte anywhere, the tokens that recipients hold would no longer match.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap_with_padding, aes_key_wrap_with_padding

from gateway.kernels.ciphers import WORKING_KEY_BYTES
from gateway.model.pseudonym import CipherSuite, PseudonymDomain

KEY_BYTES = 32
LASTING = 0
"""The version in the encoding of keys that no rotation changes."""
_LABEL = "purpose-gateway working key 2"
_RECOVERY = "purpose-gateway recovery"
_NO_SALT = bytes(KEY_BYTES)


def hkdf_sha256(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes of HKDF-SHA256 (RFC 5869).

    Raises:
        ValueError: more than 255 blocks of 32 bytes are asked for.
    """
    return HKDF(SHA256(), length, salt, info).derive(material)


def working_key(master: bytes, secret: bytes, info: bytes) -> bytes:
    """Return a 64-byte working key: HKDF with the master key as salt, the domain's secret as key material.

    Both are needed: without the secret, which can be destroyed alone, the key cannot be made again. The salt always has
    32 bytes: salts of varying length can collide in HMAC.
    """
    return hkdf_sha256(master, secret, info, WORKING_KEY_BYTES)


def lasting_key(secret: bytes, info: bytes) -> bytes:
    """Return a 64-byte working key that no rotation changes: HKDF without salt, of the domain's random secret alone."""
    return hkdf_sha256(_NO_SALT, secret, info, WORKING_KEY_BYTES)


def key_info(suite: CipherSuite, version: int, domain: PseudonymDomain, use: str, field_form: str) -> bytes:
    """Return the unambiguous encoding of what a working key is for.

    Label, master version, suite, use, field form, purpose, recipient and epoch, in this order, each as UTF-8 behind its
    length in bytes (4 bytes, big-endian). Eight parts, always: two different uses never have equal bytes.

    Raises:
        ValueError: a part is not Unicode text.
    """
    about = (domain.purpose, domain.recipient, domain.epoch)
    parts = (_LABEL, str(version), suite.value, use, field_form, *about)
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def recovery_key(master: bytes) -> bytes:
    """Return the key that authenticates the files for one who has the master key but not the operator's secret."""
    return hkdf_sha256(_NO_SALT, master, _RECOVERY.encode(), KEY_BYTES)


def stretch(secret: bytes, salt: bytes, n: int, r: int, p: int) -> tuple[bytes, bytes]:
    """Return the key that wraps the master keys and the key that authenticates the files, by scrypt (RFC 7914)."""
    keys = Scrypt(salt=salt, length=2 * KEY_BYTES, n=n, r=r, p=p).derive(secret)
    return keys[:KEY_BYTES], keys[KEY_BYTES:]


def wrap(key: bytes, wrapped: bytes) -> bytes:
    """Wrap a key under another: AES key wrap with padding (RFC 5649)."""
    return aes_key_wrap_with_padding(key, wrapped)


def unwrap(key: bytes, wrapped: bytes) -> bytes:
    """Unwrap what `wrap` wrapped.

    Raises:
        InvalidUnwrap: it was wrapped under another key, or altered.
    """
    return aes_key_unwrap_with_padding(key, wrapped)
