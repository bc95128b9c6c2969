"""Lower-case hexadecimal text of byte matrices."""

from __future__ import annotations

from binascii import hexlify, unhexlify

import numpy as np

from gateway.kernels.text import Bytes, Mask


def encode(rows: Bytes) -> Bytes:
    """Return an n × 2·width matrix of the lower-case hexadecimal digits of an n × width matrix."""
    return np.frombuffer(hexlify(np.ascontiguousarray(rows).data), np.uint8).reshape(len(rows), -1)


def decode(rows: Bytes) -> tuple[Bytes, Mask]:
    """Return the n × width bytes of an n × 2·width matrix of digits, and which rows were lower-case hexadecimal.

    The bytes of the other rows are zero.
    """
    text = np.array(rows)  # a copy, contiguous: foreign rows are blanked in it
    well_formed = ((text - np.uint8(ord("0")) < 10) | (text - np.uint8(ord("a")) < 6)).view("<u8").min(axis=1)
    mask: Mask = well_formed == np.uint64(0x0101_0101_0101_0101)
    text[~mask] = ord("0")
    return np.frombuffer(unhexlify(text.data), np.uint8).reshape(len(text), -1), mask
