"""Codes of canonical values that lead back to nothing: irreversible tokens, and the tags of subjects.

Who holds the key can try values; only without it does a code tell nothing. Under one key, codes of one form only.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from gateway.kernels import hexadecimal
from gateway.kernels.canonical import canonicalize
from gateway.kernels.ciphers import first_cipher
from gateway.kernels.cmac import cmac
from gateway.kernels.generalize.integers import days_of
from gateway.kernels.tags import TAG_BYTES
from gateway.kernels.text import Bytes, Column, as_text, by_length, compute, from_matrix, matrix, one_length
from gateway.model.contract import CanonicalForm
from gateway.model.pseudonym import CipherSuite

_LETTER = ord("c")
_DAY_BYTES = 4


def irreversible(
    array: Column, form: CanonicalForm, suite: CipherSuite, key: bytes, days: Column | None = None
) -> pa.StringArray:
    """Return the irreversible token of each value, as utf8: `c` and the hexadecimal CMAC (NIST SP 800-38B) of its
    canonical form's UTF-8, 128 bits; NULL for NULL.

    Args:
        key: a working key of 64 bytes for this use and form: AES-256 takes the first 32, SM4 the first 16. Tokens with
            and without days need two keys.
        days: date32, one a row. Its four bytes (days since 1970-01-01, two's complement, big-endian) go before the
            value's, so that a value has one token a day; where it is NULL, so is the token.

    Raises:
        ValueError: for a key of another length. TypeError: for an Arrow type without a canonical form.
    """
    codes = _codes(array, form, suite, key, days)
    texts = from_matrix(hexadecimal.spell(_LETTER, codes))
    known = array.is_valid() if days is None else compute.and_(array.is_valid(), days.is_valid())
    return (
        texts
        if known.true_count == len(texts)
        else as_text(compute.if_else(known, texts, pa.scalar(None, pa.string())))
    )


def subject_tags(array: Column, form: CanonicalForm, key: bytes) -> bytes:
    """Return 16 bytes for each row, end to end: the AES-256-CMAC (RFC 4493) of the canonical value's UTF-8 under the
    first 32 bytes of `key`; 16 zero bytes for NULL, so that a manifest counts every row.

    Nobody can turn a tag back without the key; who holds the key can try values. Under one key, tags of one form only.

    Raises:
        ValueError: for a key that is not 64 bytes. TypeError: for an Arrow type without a canonical form.
    """
    return _codes(array, form, CipherSuite.AES, key).tobytes()


def subject_marks(array: Column, form: CanonicalForm, key: bytes) -> list[bytes]:
    """Return each row's tag by itself: see `subject_tags`.

    Raises:
        ValueError, TypeError: as `subject_tags` does.
    """
    tags = subject_tags(array, form, key)
    return [tags[start : start + TAG_BYTES] for start in range(0, len(tags), TAG_BYTES)]


def _codes(array: Column, form: CanonicalForm, suite: CipherSuite, key: bytes, days: Column | None = None) -> Bytes:
    """The CMAC of each row's canonical value, behind its day if there are days, n × 16; zeros for a NULL value."""
    cipher = first_cipher(suite, key)
    canonical = canonicalize(array, form)
    width = one_length(canonical)
    if width is not None and days is None:
        return cmac(cipher, matrix(canonical, width))
    codes = np.zeros((len(canonical), TAG_BYTES), np.uint8)
    before = None if days is None else days_of(days).astype(">i4").view(np.uint8).reshape(-1, _DAY_BYTES)
    for rows, values in by_length(canonical):
        messages = values if before is None else np.concatenate((before[rows], values), axis=1)
        codes[rows] = cmac(cipher, messages)
    return codes
