"""Bytes that are kept sealed: SIV (RFC 5297), bound to the place where they are kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gateway.kernels.ciphers import KEY_BYTES, cipher, require_working
from gateway.kernels.siv import Siv
from gateway.model.pseudonym import CipherSuite


def seal(suite: CipherSuite, working_key: bytes, place: bytes, plain: bytes) -> bytes:
    """Return the bytes, sealed for a place: 16 bytes longer, and the same for the same bytes at the same place.

    Raises:
        ValueError: for a key that is not 64 bytes.
    """
    return sealer(suite, working_key, place)(plain)


def sealer(suite: CipherSuite, working_key: bytes, place: bytes) -> Callable[[bytes], bytes]:
    """Return `seal` for one place, for those who seal again and again: the key is laid out once.

    Raises:
        ValueError: for a key that is not 64 bytes.
    """
    engine = _engine(suite, working_key, place)
    return lambda plain: bytes(engine.seal(np.frombuffer(plain, np.uint8).reshape(1, -1)).tobytes())


def unseal(suite: CipherSuite, working_key: bytes, place: bytes, sealed: bytes) -> bytes:
    """Return what was sealed for a place.

    Raises:
        ValueError: for what was not sealed under this key for this place, or a key that is not 64 bytes.
    """
    plain, genuine = _engine(suite, working_key, place).open(np.frombuffer(sealed, np.uint8).reshape(1, -1))
    if not genuine[0]:
        raise ValueError("not what was sealed here")
    return bytes(plain.tobytes())


def _engine(suite: CipherSuite, working_key: bytes, place: bytes) -> Siv:
    require_working(working_key)
    half = KEY_BYTES[suite]
    return Siv(cipher(suite, working_key[:half]), cipher(suite, working_key[half : 2 * half]), place)
