"""What a job is asked to make, and how it answers. The job itself needs processes and files, and is an adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from gateway.model.errors import ErrorReason, Fault
from gateway.model.loss import PrivacyLoss
from gateway.model.synthesis import FileFormat, NoisedCounts
from gateway.synthesis.columns import Column, column_of
from gateway.synthesis.marginals import NoisedMarginal, estimated_total


@dataclass(frozen=True, slots=True)
class Order:
    """One synthetic extract: noised marginals, their public domains, and how many rows to draw.

    Without `rows` there are as many as the marginals speak of; without a `total` that is estimated from them. `loss` is
    what the marginals cost together: the extract itself costs nothing. `about` goes into the report as it is: the
    identity of the release, its data version, licence, citation.
    """

    columns: tuple[Column, ...]
    marginals: tuple[NoisedMarginal, ...]
    loss: PrivacyLoss
    seed: int
    rows: int | None = None
    total: float | None = None
    format: FileFormat = FileFormat.PARQUET
    about: Mapping[str, str] = field(default_factory=dict)


def order_of(counts: NoisedCounts, rows: int | None, file_format: FileFormat) -> Order:
    """Return the order of a file that is made of stored counts: of nothing but these.

    Raises:
        ValueError: they are none that fit together.
    """
    columns = tuple(column_of(field) for field in counts.fields)
    cells = {column.name: column.cells for column in columns}
    marginals = tuple(
        NoisedMarginal(
            table.fields,
            np.array(table.values, np.int64).reshape([cells[field] for field in table.fields]),
            table.mechanism.variance(table.scale),
        )
        for table in counts.tables
    )
    about = {
        "counts": counts.id,
        "dataset": counts.dataset,
        "disclosure": counts.disclosure,
        "region": counts.region,
        "privacy_unit": counts.unit_kind,
        "data_version": counts.data_version,
    }
    return Order(columns, marginals, counts.loss, counts.seed, rows, format=file_format, about=about)


def rows_spoken_of(counts: NoisedCounts) -> int:
    """Return how many rows the counts speak of, at least 1."""
    return max(1, round(estimated_total(order_of(counts, None, FileFormat.PARQUET).marginals)))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may take: bytes of memory beyond its libraries', and seconds from its start to its end.

    `disk` are the bytes that all its files may take, those it works with among them; `folder` those of all extracts in
    the folder together, with `disk` for each job that is at work there.
    """

    memory: int
    seconds: float
    disk: int
    folder: int


class Step(StrEnum):
    """What a job is at, in this order."""

    FIT = "fit"
    DRAW = "draw"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Progress:
    """So much of a step is done, of so much. Tells how far, and nothing of the counts."""

    step: Step
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Extract:
    """The two files of an extract that is done."""

    rows: Path
    report: Path


class Failure(StrEnum):
    """Why a job gave no extract."""

    CANCELLED = "cancelled"
    OUT_OF_TIME = "out-of-time"
    OUT_OF_MEMORY = "out-of-memory"
    OUT_OF_DISK = "out-of-disk"
    BROKEN = "broken"


class ExtractFailed(Fault):
    """The extract was not made and nothing is left of it.

    The marginals are released all the same: it can be made again without a new charge.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(ErrorReason.RELEASE_FAILED)
        self.failure = failure
