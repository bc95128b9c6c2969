"""What comes in: batches of rows that a department pushes, why rows of them are turned away, and what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST_TEXT_BYTES = 4096
"""The longest text of a row, in UTF-8: what a value may have that is asked by."""

MOST_TOLD = 1000
"""The rows that are named one by one as turned away; counts are always of all."""


class RowReason(StrEnum):
    """Why a row is not kept. Each has one reason: the first, in this order within a field, of the first field."""

    WRONG_TYPE = "wrong-type"
    MISSING = "missing"
    TOO_LONG = "too-long"
    OUT_OF_BOUNDS = "out-of-bounds"
    UNKNOWN_KEY = "unknown-key"
    MALFORMED = "malformed"
    UNKNOWN_REGION = "unknown-region"
    OUTSIDE_REGION = "outside-region"
    IN_FUTURE = "in-future"
    TOO_OLD = "too-old"
    REPEATED = "repeated"
    KEPT_BEFORE = "kept-before"


@dataclass(frozen=True, slots=True)
class BatchName:
    """What a batch is known by, for ever: who pushed it, into which dataset, and the id (a UUID) they gave it."""

    institution: str
    dataset: str
    batch_id: str


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not kept: its number in the batch, from 0, why, and the field by which; "" for the whole row."""

    row: int
    reason: RowReason
    field: str


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of a batch: rows that are kept, and rows that are not by reason. `newest` (city time) is when
    its newest kept row is of; None where nothing dates rows, or none is kept.
    """

    accepted: int
    rejected: Mapping[RowReason, int]
    newest: datetime | None

    @property
    def turned_away(self) -> int:
        """The rows that are not kept."""
        return sum(self.rejected.values())


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """A batch that was taken in, as its answer tells it, now and whenever it is sent again.

    `digest` is SHA-256 over all that was asked and sent. `file` is the name of its file in the dataset's folder; "" for
    one of which no row is kept. `started` is the index of the entry of the log that was there before the rows were,
    `completed` that of the one that ends it; None until it is written.
    """

    name: BatchName
    digest: bytes
    kept_at: datetime
    quality: Quality
    told: tuple[RejectedRow, ...]
    file: str
    started: int
    completed: int | None = None
