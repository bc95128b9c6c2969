"""Hermits: people each of whom has some dens that nobody else has, so that a den which is shown tells of its hermit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.privacy.audit.canaries import MAX_GROUPS

DELTA = 1e-5
HERMITS = 25_000


def write(folder: Path) -> Path:
    """Write every hermit with one record in each of as many dens as count, and return the folder."""
    persons = np.repeat(np.arange(HERMITS), MAX_GROUPS)
    dens = np.arange(HERMITS * MAX_GROUPS)
    table = pa.table(
        {"person": [f"hermit-{number:05}" for number in persons], "den": [f"den-{number:06}" for number in dens]}
    )
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "hermits.parquet")
    return folder


def hermit_of(den: str) -> int:
    """Whose den it is."""
    return int(den.removeprefix("den-")) // MAX_GROUPS
