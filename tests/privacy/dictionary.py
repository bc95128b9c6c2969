"""What somebody makes who has a list of all numbers, this program, and no key: every hash of every one of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.kernels.ciphers import first_cipher
from gateway.kernels.tokens import TokenKeys, irreversible, tokenize
from gateway.kernels.tokens.format_preserving import preserve
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite
from gateway.model.treatment import CheckDigit
from tests.integration.site import SECRET
from tests.privacy.told import ASKING, CLEANING, HOTELS, OTHER, texts

HASHES = (
    "md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512_256", "sha3_224", "sha3_256", "sha3_384",
    "sha3_512", "blake2b", "blake2s", "ripemd160", "sm3",
)  # fmt: skip
KEYED = ("md5", "sha1", "sha256", "sha3_256", "sm3")
WORDS = (
    b"", b"\0", bytes(16), bytes(32), bytes(64), b"\xff" * 32, bytes(range(16)), bytes(range(32)), bytes(range(64)),
    b"key", b"salt", b"secret", b"password", b"pseudonym", b"gateway", b"purpose-gateway", b"resident_id", SECRET,
    ASKING.encode(), OTHER.encode(), CLEANING.encode(), HOTELS.encode(), f"{ASKING}/{CLEANING}".encode(),
)  # fmt: skip
"""Keys and salts that somebody tries: what defaults, documentation and the request itself would suggest."""

FORM = CanonicalForm.RESIDENT_ID


def dictionary(ids: Collection[str]) -> set[str]:
    """Return all of it: spelled as tokens are, as plain text, in hexadecimal digits and in base64."""
    made: set[str] = set()
    for one in ids:
        made.update(spelled(one))
    for word in WORDS:
        made.update(of_the_product(ids, word))
    return made


def spelled(one: str) -> Iterator[str]:
    """What can be made of one number without this program."""
    for text in {one.encode(), one.lower().encode(), one[:17].encode(), one.encode("utf-16-le"), f"{one}\n".encode()}:
        yield text.decode("latin-1")
        yield text.hex()
        yield base64.b64encode(text).decode()
        for name in HASHES:
            digest = hashlib.new(name, text).digest()
            yield from _cut(digest)
            yield base64.b64encode(digest).decode()
            yield base64.urlsafe_b64encode(digest).decode().rstrip("=")
    text = one.encode()
    for name in ("md5", "sha1", "sha256"):
        yield from _cut(hashlib.new(name, hashlib.new(name, text).digest()).digest())
        yield from _cut(hashlib.new(name, hashlib.new(name, text).hexdigest().encode()).digest())
    for word in WORDS:
        for name in KEYED:
            yield from _cut(hmac.digest(word, text, name))
        for salted in (word + text, text + word, word + b":" + text):
            yield from _cut(hashlib.sha256(salted).digest())
            yield from _cut(hashlib.md5(salted, usedforsecurity=False).digest())
    # numbers that look like numbers: the digits of a hash
    for name in ("md5", "sha256"):
        yield from numbers_like(int.from_bytes(hashlib.new(name, text).digest(), "big") % 10**17)
    for constant in (0, 1, 11111111111111111, 12345678901234567):
        yield from numbers_like((int(one[:17]) + constant) % 10**17)


def numbers_like(first_seventeen: int) -> Iterator[str]:
    """Eighteen places with each of the check characters."""
    return (f"{first_seventeen:017d}{last}" for last in "0123456789X")


def of_the_product(ids: Collection[str], word: bytes) -> Iterator[str]:
    """What this program makes of the numbers, and its ciphers alone, under keys made of one word."""
    column = pa.array(list(ids), pa.string())
    for key in {(word * 64)[:64] or bytes(64), word.ljust(64, b"\0")[:64], hashlib.sha512(word).digest()}:
        for suite in CipherSuite:
            for form in (FORM, CanonicalForm.TEXT):
                yield from texts(tokenize(column, form, TokenKeys(suite, key, key)))
            yield from texts(irreversible(column, FORM, suite, key))
            for check in CheckDigit:
                yield from texts(preserve(column, FORM, check, first_cipher(suite, key))[0])
            yield from _enciphered(ids, suite, key)


def _enciphered(ids: Collection[str], suite: CipherSuite, key: bytes) -> Iterator[str]:
    """The first block of each number, padded as people pad (PKCS #7, zeros, blanks), and the number as an integer."""
    cipher = first_cipher(suite, key)
    short = Cipher(algorithms.AES(key[:16]), modes.ECB()).encryptor()
    blocks = [block for one in ids for block in (one[:16].encode(), int(one[:17]).to_bytes(16, "big"))]
    blocks += [one[2:].encode() for one in ids]
    matrix = np.frombuffer(b"".join(blocks), np.uint8).reshape(-1, 16)
    for data in (cipher.encrypt(matrix).tobytes(), short.update(matrix.tobytes())):
        digits = data.hex()
        yield from (digits[at : at + 32] for at in range(0, len(digits), 32))


def _cut(digest: bytes) -> Iterator[str]:
    """The first and the last 16 bytes, as many as a token has."""
    digits = digest.hex()
    yield digits[:32]
    yield digits[-32:]
