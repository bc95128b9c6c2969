"""A random order of rows, so that the place of a row says nothing of where it stood."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

KEY_BYTES = 8
"""How many random bytes each row takes."""


def random_order(keys: bytes) -> pa.Int64Array:
    """Return the permutation that sorts random keys of 8 bytes, one for each row: Arrow indices for a `take`.

    Sorting independent uniform keys makes every order equally likely, but for rows of equal keys: of 65,536 rows, two
    have one with probability 2⁻³³. The keys must come from a cryptographic generator, and serve once.

    Raises:
        ValueError: if the bytes are not a multiple of 8.
    """
    order = np.argsort(np.frombuffer(keys, "<u8")).astype(np.int64, copy=False)
    return pa.array(order, pa.int64())
