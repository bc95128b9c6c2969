"""Decimal digits between text and integers, a column at a time.

Eight digits are handled at once within 64-bit words (the well-known SWAR technique), because numpy walks narrow rows
slowly and wide columns fast.
"""

from __future__ import annotations

import numpy as np

from gateway.kernels import swar
from gateway.kernels.swar import Words
from gateway.kernels.text import Bytes

_TEN_TO_EIGHT = np.uint64(10**8)
_QUADS = np.frombuffer(b"".join(b"%04d" % number for number in range(10_000)), "<u4")


def pack(rows: Bytes) -> Words:
    """Pack an n × width matrix of digits, width 9 to 24, into words × n of eight each, with leading zeros."""
    width = rows.shape[1]
    words = -(-width // 8)
    lead = width - (words - 1) * 8
    packed = np.empty((words, len(rows)), np.uint64)
    for word in range(words):
        start = 0 if word == 0 else lead + 8 * (word - 1)
        packed[word] = rows[:, start : start + 8].view("<u8")[:, 0]
    # the first word was read too far: its first `lead` digits move to the end, zeros before them
    packed[0] <<= np.uint64(8 * (8 - lead))
    packed[0] |= np.uint64(int.from_bytes(b"0" * (8 - lead), "little"))
    return packed


def read(rows: Bytes) -> Words:
    """Return the integers that an n × width matrix of ASCII digits writes, width 9 to 16."""
    packed = pack(rows)
    swar.strip(packed)
    swar.join(packed)
    numbers: Words = packed[0] * _TEN_TO_EIGHT + packed[1]
    return numbers


def write(values: Words, width: int) -> Bytes:
    """Write integers as an n × width matrix of ASCII digits with leading zeros. The values must fit."""
    quads = -(-width // 4)
    out = np.empty((len(values), quads), "<u4")
    for column in range(quads - 1, -1, -1):
        rest = values // np.uint64(10_000)
        out[:, column] = _QUADS[(values - rest * np.uint64(10_000)).astype(np.intp)]
        values = rest
    return out.view(np.uint8)[:, quads * 4 - width :]
