"""What leaves, and only from the one type that may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from gateway.model.coverage import Coverage
from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import Export, ExportedFile
from gateway.model.freshness import Freshness
from gateway.model.record import Receipt
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import Presentation, Release, StatisticsQuery
from gateway.model.synthesis import QualityReport
from gateway.ports.exports import OpenFile, StagingRoom
from gateway.privacy.coverage import as_shown
from gateway.privacy.presenting import Shown, present
from gateway.stages.resume import Resumable, opened_as
from gateway.tables import (
    FetchedFile,
    Places,
    RecordedExport,
    ReleasedCells,
    ReleasedFile,
    ReleasedTable,
    Segment,
)


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """One numbered batch of a disclosure. `slots` (int32) tells in a lookup which asked subject a row belongs to.

    `left` is what the subject's quota has left, where the disclosure consumed of it. `places` says where each row of an
    extract stands in its stream.
    """

    number: int
    records: pa.RecordBatch
    slots: pa.Int32Array | None
    left: int | None = None
    places: Places | None = None


class Delivery:
    """A disclosure of rows on its way out: iterate over its parts, then read `completion`.

    `receipt` was durable before the first part. Closing the iterator early records the disclosure as aborted.
    `resumable` says how an extract can be gone on with, `freshness` how fresh the data are.
    """

    __slots__ = ("_segments", "_table", "freshness", "resumable")

    def __init__(
        self, table: ReleasedTable, resumable: Resumable | None = None, freshness: tuple[Freshness, ...] = ()
    ) -> None:
        if type(table) is not ReleasedTable:
            raise Fault(ErrorReason.INTERNAL)
        self._table = table
        self._segments: Iterator[Segment] = table.take()
        self.resumable = resumable
        self.freshness = freshness

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every part."""
        return self._table.schema

    @property
    def receipt(self) -> Receipt:
        """The receipt of the decision."""
        return self._table.receipt

    @property
    def completion(self) -> Receipt:
        """The receipt of what left in full.

        Raises:
            Fault: INTERNAL if the parts were not read to their end.
        """
        receipt = self._table.completion
        if receipt is None:
            raise Fault(ErrorReason.INTERNAL)
        return receipt

    def __iter__(self) -> Iterator[Part]:
        for number, segment in enumerate(self._segments):
            yield Part(number, segment.records, segment.slots, segment.left, segment.places)

    def close(self) -> None:
        """End the disclosure early, if it has not ended: what had left is recorded as aborted."""
        close = getattr(self._segments, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class ReleaseDelivery:
    """A release on its way out, as it is shown to this caller. `paid` tells whether this request was charged for it."""

    release: Release
    query: StatisticsQuery
    presentation: Presentation
    shown: Shown
    receipt: Receipt
    paid: bool
    freshness: tuple[Freshness, ...] = ()

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """What is not shown or counted, and why: of the release, and of this presentation of it."""
        return as_shown(self.release, self.presentation)


def deliver(
    table: ReleasedTable, resumable: Resumable | None = None, freshness: tuple[Freshness, ...] = ()
) -> Delivery:
    """Return the disclosure to be sent, how it can be gone on with, and how fresh its data are.

    Raises:
        Fault: INTERNAL for anything but a ReleasedTable, also where the type checker was silenced.
    """
    return Delivery(table, resumable, freshness)


def deliver_release(cells: ReleasedCells, freshness: tuple[Freshness, ...] = ()) -> ReleaseDelivery:
    """Return the release to be sent, with how fresh its data are.

    Raises:
        Fault: INTERNAL for anything but ReleasedCells.
    """
    if type(cells) is not ReleasedCells or not isinstance(cells.permit.request, ReleaseRequest):
        raise Fault(ErrorReason.INTERNAL)
    release, request = cells.release, cells.permit.request
    shown = present(release, request.query, request.presentation, cells.permit.contract)
    return ReleaseDelivery(release, request.query, request.presentation, shown, cells.receipt, cells.paid, freshness)


_PIECE = 1 << 20


class FileDelivery:
    """A file of synthetic rows or of an export, from some byte on: iterate over its pieces, then close it.

    `receipt` was durable before the first piece. Each piece is of a MiB at most, and leaves only while the permit
    stands.
    """

    def __init__(self, released: ReleasedFile | FetchedFile, file: OpenFile, holds: Callable[[], bool]) -> None:
        if type(released) not in (ReleasedFile, FetchedFile):
            raise Fault(ErrorReason.INTERNAL)
        self.receipt = released.receipt
        self._file = file
        self._holds = holds

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._file.read(_PIECE):
            if not self._holds():
                raise Fault(ErrorReason.PERMIT_REVOKED)
            yield piece

    def close(self) -> None:
        """Close the file; may be called again."""
        self._file.close()


def deliver_file(released: ReleasedFile | FetchedFile, file: OpenFile, holds: Callable[[], bool]) -> FileDelivery:
    """Return the file to be sent.

    Raises:
        Fault: INTERNAL for anything but a ReleasedFile or a FetchedFile.
    """
    return FileDelivery(released, file, holds)


def publish(recorded: RecordedExport, room: StagingRoom, export_id: str, until: datetime) -> Export:
    """Publish an export: its files are there from one instant on, and can be fetched `until` then.

    Raises:
        Fault: INTERNAL for anything but a RecordedExport; SOURCE_UNAVAILABLE, and nothing is published.
    """
    if type(recorded) is not RecordedExport:
        raise Fault(ErrorReason.INTERNAL)
    files = tuple(ExportedFile(part.rows, part.bytes, part.sha256) for part in recorded.parts)
    opened = opened_as(export_id, recorded.permit, recorded.data_version, recorded.receipt, len(files))
    export = Export(opened, files, until)
    room.publish(export, recorded.parts)
    return export


def deliver_report(released: ReleasedFile, report: QualityReport) -> QualityReport:
    """Return the report to be sent.

    Raises:
        Fault: INTERNAL for anything but a ReleasedFile.
    """
    if type(released) is not ReleasedFile:
        raise Fault(ErrorReason.INTERNAL)
    return report
