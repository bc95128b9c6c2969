"""What every register of batches keeps: each key of each batch, and which of many are kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from gateway.adapters.state.batches import SqlBatchRegister
from gateway.adapters.state.database import StateDatabase
from gateway.model.errors import Fault
from gateway.model.ingest import BatchName, KeptBatch, Quality


def batch(number: int, rows: int) -> KeptBatch:
    name = BatchName("clinic", "visits", f"{number}")
    return KeptBatch(name, b"digest", datetime(2026, 11, 23), Quality(rows, {}, None), (), "file", number, None)


@pytest.mark.parametrize("rows", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 140_000])
def test_every_key_that_is_kept_is_known_and_no_other(state: Callable[[], StateDatabase], rows: int) -> None:
    register, draw = SqlBatchRegister(state()), np.random.default_rng(rows)
    kept, other = draw.bytes(16 * rows), draw.bytes(16 * 300)
    assert not register.known(kept + other).any()
    register.keep(batch(1, rows), kept)
    assert register.known(kept + other).tolist() == [True] * rows + [False] * 300
    assert register.known(other + kept).tolist() == [False] * 300 + [True] * rows
    if rows:
        with pytest.raises(Fault, match="REGISTER_UNAVAILABLE"):
            register.keep(batch(2, 301), other + kept[-16:])
    assert not register.known(other).any(), "a batch is kept whole or not at all"
