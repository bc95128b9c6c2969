"""Synthetic extracts: what is counted for them, what is stored of it, and the jobs that make rows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.model.filter import Condition
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Mechanism, Price
from gateway.model.plan import GroupKey, SettledRelease
from gateway.model.signing import Certificate
from gateway.model.values import FieldType


class FileFormat(StrEnum):
    """The file that rows are written to; the value is its suffix."""

    PARQUET = "parquet"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class CountedField:
    """A field of a synthetic extract with its cells: declared keys, regions of a level, or bins of a fixed point."""

    type: FieldType
    decimals: int
    key: GroupKey


@dataclass(frozen=True, slots=True)
class SettledSynthesis:
    """What is counted for synthetic rows: the fields with their cells, and one count by each one or two of them."""

    fields: tuple[CountedField, ...]
    tables: tuple[SettledRelease, ...]
    loss: PrivacyLoss


@dataclass(frozen=True, slots=True)
class NoisedTable:
    """Counts by one or two fields, over all combinations of their cells in order, with their noise."""

    fields: tuple[str, ...]
    values: tuple[int, ...]
    mechanism: Mechanism
    scale: float
    derivation: str


@dataclass(frozen=True, slots=True)
class NoisedCounts:
    """All that was counted for synthetic extracts, as it is stored: everything else is made of it and of nothing else.

    `id` is the SHA-256 (hex) of the canonical plan, its region and the data version, and names the charge. `seed`
    draws the rows: the same in every format. `stated` is what the certificates of files say of them (canonical JSON);
    empty of what was stored before there were such.
    """

    id: str
    created_at: datetime
    dataset: str
    disclosure: str
    region: str
    filters: tuple[Condition, ...]
    price: Price
    fields: tuple[CountedField, ...]
    tables: tuple[NoisedTable, ...]
    loss: PrivacyLoss
    unit_kind: str
    data_version: str
    seed: int
    stated: bytes = b""


class JobState(StrEnum):
    """Where a job stands. What is expired was made, and its files are removed: it can be made again."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it, nor will: asking for it again sets it to work."""
        return self in (JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED)


@dataclass(frozen=True, slots=True)
class JobOrder:
    """One file of synthetic rows that somebody asked for: of which counts, how many rows, in which format."""

    id: str
    counts: str
    rows: int
    format: FileFormat
    institution: str


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file of rows that is there: its size, its SHA-256 (hex), and what the gateway signed of it when it was made."""

    bytes: int
    sha256: str
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class SynthesisJob:
    """A job as it stands. Times are naive UTC; `progress` goes from 0 to 1 and tells how far, nothing of the counts.

    `institution` is the one that set it to work last. `failure` says in one word why a failed one gave nothing.
    `attempts` counts how often it was begun since then.
    """

    order: JobOrder
    state: JobState
    step: str
    progress: float
    failure: str
    attempts: int
    asked_at: datetime
    ended_at: datetime | None
    file: MadeFile | None


QualityReport = Mapping[str, object]
"""The report that lies beside an extract, as its JSON has it."""
