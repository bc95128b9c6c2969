"""Mobile numbers: eleven digits, a carrier's prefix and a number that is given once."""

import numpy as np
import pyarrow as pa

from seeds.generator.columns import Ints, number_column
from seeds.generator.skew import draw

PREFIXES = (
    138, 139, 135, 136, 137, 158, 159, 150, 151, 152, 157, 187, 188, 182, 183, 178, 147, 134, 184, 198,
    186, 130, 131, 132, 155, 156, 185, 176, 166, 189, 133, 153, 180, 181, 177, 173,
)  # fmt: skip
"""Prefixes in use, the commonest first. 199 is left to the canaries."""

_SPACE = 10**8
_WEIGHTS = np.linspace(1.0, 0.25, len(PREFIXES))


def mobile_numbers(rng: np.random.Generator, people: Ints, seed: int) -> pa.StringArray:
    """A number for each person (0-based ordinals below 100 million): no two share their last eight digits."""
    prefix = np.array(PREFIXES, dtype=np.int64)[draw(rng, _WEIGHTS, len(people))]
    last_eight = (people * 61_803_399 + (seed * 104_729) % _SPACE) % _SPACE
    return number_column(prefix * _SPACE + last_eight, 11)
