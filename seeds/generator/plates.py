"""Number plates after GA 36-2018: a province, an issuing office, five places with at most two letters."""

from itertools import combinations

import numpy as np
import pyarrow as pa

from seeds.generator.columns import Bytes, Ints, ascii_column, join, pick, radix
from seeds.generator.skew import zipf_weights

OFFICES = (
    "浙A", "浙C", "浙D", "浙F", "浙E", "浙B", "浙G", "沪A", "苏E", "皖A", "浙J", "浙H", "苏A", "赣E", "皖K",
    "豫N", "沪C", "闽A", "鄂A", "鲁A",
)  # fmt: skip
"""Issuing offices, Hangzhou's first. 浙Z is nobody's and left to the canaries."""

_LETTERS = np.frombuffer(b"ABCDEFGHJKLMNPQRSTUVWXYZ", dtype=np.uint8)  # neither I nor O
_PATTERNS = [places for many in (0, 1, 2) for places in combinations(range(5), many)]
_SIZES = np.array([24 ** len(places) * 10 ** (5 - len(places)) for places in _PATTERNS], dtype=np.int64)
_STARTS = np.concatenate([[0], np.cumsum(_SIZES)])
_SPACE = int(_SIZES.sum())
_SHARES = np.cumsum(0.25 * zipf_weights(len(OFFICES), 1.3) + 0.75 * (np.arange(len(OFFICES)) == 0))


def plates(vehicles: Ints, seed: int) -> pa.StringArray:
    """The plates of the vehicles with these numbers (0-based, below 100 million): distinct, and stable."""
    scrambled = (vehicles * 4_363_571 + (seed * 15_485_863) % _SPACE) % _SPACE
    serial = _serials(scrambled)
    # The office follows from the serial, and moves on by one each time all serials have been used up.
    share = (scrambled * 2_654_435_761 % 2**32) / 2**32
    office = (np.searchsorted(_SHARES[:-1], share, side="right") + vehicles // _SPACE) % len(OFFICES)
    return join(pick(OFFICES, office), ascii_column(serial))


def _serials(numbers: Ints) -> Bytes:
    out: Bytes = np.empty((len(numbers), 5), dtype=np.uint8)
    pattern = np.searchsorted(_STARTS, numbers, side="right") - 1
    for index, places in enumerate(_PATTERNS):
        chosen = np.flatnonzero(pattern == index)
        letters, figures = np.divmod(numbers[chosen] - _STARTS[index], 10 ** (5 - len(places)))
        others = [place for place in range(5) if place not in places]
        out[chosen[:, None], others] = radix(figures, 10, len(others)) + np.uint8(ord("0"))
        out[chosen[:, None], list(places)] = _LETTERS[radix(letters, 24, len(places))]
    return out
