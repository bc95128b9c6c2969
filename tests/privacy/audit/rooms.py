"""Rooms of two sides that are alike but for one person, who is alone in the last room of the one side.

A question is of one side or the other by a letter of its filter, so that questions of both kinds can be mixed in any
order, and all that is known to differ between them is the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.privacy.audit.canaries import AMOUNT, MAX_ROWS

ROOMS = tuple(f"room-{letter}" for letter in "abcdefgh")
PRESENT, ABSENT = "p", "q"
AMOUNTS = tuple(range(0, 1000, 40))
"""Of the people in each room but the last."""

CROWD = tuple(range(1000))
"""Of the people in each room but the last, where they are to be many."""


def write(folder: Path, amounts: Sequence[int] = AMOUNTS) -> Path:
    """Write both sides as the file that the contract names, and return the folder."""
    found = [
        (f"{side}-{room}-{number:03}", room, side, amount)
        for side in (PRESENT, ABSENT)
        for room in ROOMS[:-1]
        for number, amount in enumerate(amounts)
    ]
    found += [("somebody", ROOMS[-1], PRESENT, AMOUNT[1])] * MAX_ROWS
    folder.mkdir(parents=True, exist_ok=True)
    columns = [pa.array(list(column)) for column in zip(*found, strict=True)]
    pq.write_table(pa.table(columns, names=["person", "room", "side", "amount"]), folder / "rooms.parquet")
    return folder


def counts(side: str) -> list[int]:
    """The exact number of records in each room."""
    return [len(AMOUNTS)] * (len(ROOMS) - 1) + [MAX_ROWS if side == PRESENT else 0]
