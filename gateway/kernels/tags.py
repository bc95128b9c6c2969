"""Tags of subjects as they travel beside rows: 16 bytes for each row, end to end; zeros for a row without a subject.

They are codes under a key (`kernels.tokens.subject_tags`): equal for one subject, and as good as random otherwise.
"""

from __future__ import annotations

import numpy as np

from gateway.kernels.swar import Words
from gateway.kernels.text import Mask

TAG_BYTES = 16


def words(tags: bytes, rows: int) -> Words:
    """View the tags of so many rows as an n × 2 matrix of 64-bit words, as they lie in memory.

    Raises:
        ValueError: unless there is one tag for each row.
    """
    if len(tags) != rows * TAG_BYTES:
        raise ValueError("there must be one tag of 16 bytes for each row")
    return np.frombuffer(tags, np.uint64).reshape(rows, 2)


def known(tagged: Words) -> Mask:
    """Tell which rows have a subject: those whose tag is not zero."""
    mask: Mask = tagged[:, 0] != 0
    if not mask.all():
        mask |= tagged[:, 1] != 0
    return mask
