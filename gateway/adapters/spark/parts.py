"""What runs in Spark's workers: one part of the rows is treated and written to a folder, and told of in one row.

Nothing of the rows goes back to Spark, neither to its shuffles and caches nor, where something fails, to its logs: a
failure is a row as well, with its reason and nothing more.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import StagedPart, StagingPlace
from gateway.ports.exports import RowWork

TOLD = "number bigint, file string, tags string, blocks array<bigint>, bytes bigint, sha256 string, failed string"
"""The columns that a worker gives, in Spark's words."""

_KINDS: list[tuple[str, pa.DataType]] = [
    ("number", pa.int64()),
    ("file", pa.string()),
    ("tags", pa.string()),
    ("blocks", pa.list_(pa.int64())),
    ("bytes", pa.int64()),
    ("sha256", pa.string()),
    ("failed", pa.string()),
]
_TOLD = pa.schema(_KINDS)


@dataclass(frozen=True, slots=True)
class WritePart:
    """Treats the rows of one part, `read` as planned, and writes what may `leave` (both Arrow schemas) to a place.

    Each attempt has files of its own, so that one that failed, or that Spark runs beside another, harms none.
    """

    work: RowWork
    read: pa.Schema
    leave: pa.Schema
    place: StagingPlace

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        number = _part_number()
        try:
            told = self._written(number, (self._declared(batch) for batch in batches if batch.num_rows))
        except Fault as fault:
            told = _failed(number, fault.reason)
        except Exception:
            # its text may hold values, and Spark would log it
            told = _failed(number, ErrorReason.SOURCE_UNAVAILABLE)
        if told is not None:
            yield pa.RecordBatch.from_pylist([told], schema=_TOLD)

    def _declared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows as the contract declares them, their texts seen to be texts."""
        batch.validate(full=True)
        return batch.cast(self.read)

    def _written(self, number: int, batches: Iterator[pa.RecordBatch]) -> dict[str, Any] | None:
        """Write the files of a part without mixing them with another's; None where there is no row."""
        blocks = self.work(batches)
        block = next(blocks, None)
        if block is None:
            return None
        name = f"{number:08d}-{secrets.token_hex(8)}"
        file, beside = f"{name}.parquet", f"{name}.tags"
        rows: list[int] = []
        with _made(self.place.folder / file) as out, _made(self.place.folder / beside) as tags:
            with parquet.ParquetWriter(out, self.leave, compression="zstd") as writer:
                while block is not None:
                    check_place(self.place, block.records.nbytes + len(block.tags))
                    writer.write_batch(block.records, row_group_size=block.records.num_rows)
                    tags.write(block.tags)
                    rows.append(block.records.num_rows)
                    block = next(blocks, None)
            for one in (out, tags):
                one.flush()
                os.fsync(one.fileno())
        with (self.place.folder / file).open("rb") as made:
            digest = hashlib.file_digest(made, "sha256").hexdigest()
            size = os.fstat(made.fileno()).st_size
        return {"number": number, "file": file, "tags": beside, "blocks": rows, "bytes": size, "sha256": digest}


def check_place(place: StagingPlace, more: int = 0) -> None:
    """See that the files of a job take no more than they may, and leave the disk what is left to others.

    `more` bytes are about to be written, before they are compressed: of a place, so much may at most be left unused.

    Raises:
        Fault: EXPORT_NOT_POSSIBLE if they would take more; SOURCE_UNAVAILABLE if the disk has less left.
        OSError: the folder is not there.
    """
    with os.scandir(place.folder) as files:
        taken = sum(file.stat().st_size for file in files)
    if taken + more > place.most_bytes:
        raise Fault(ErrorReason.EXPORT_NOT_POSSIBLE)
    disk = os.statvfs(place.folder)
    if disk.f_bavail * disk.f_frsize - more < place.least_free_bytes:
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)


def parts_told(batch: pa.RecordBatch) -> Iterator[StagedPart]:
    """Read what workers told.

    Raises:
        Fault: what one failed of.
    """
    for told in batch.to_pylist():
        if told["failed"] is not None:
            raise Fault(ErrorReason(told["failed"]))
        yield StagedPart(
            told["number"], told["file"], told["tags"], tuple(told["blocks"]), told["bytes"], told["sha256"]
        )


def _part_number() -> int:
    from pyspark import TaskContext

    context = TaskContext.get()
    return 0 if context is None else context.partitionId()


def _made(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")


def _failed(number: int, reason: ErrorReason) -> dict[str, Any]:
    return {"number": number, "failed": reason.value}
