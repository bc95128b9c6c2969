"""Rows on record: an extract as it starts, batch by batch and as it ends, all else once in full."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.extract import Course
from gateway.model.record import AuditRecord, Outcome, Receipt
from gateway.ports import AuditLog, Clock
from gateway.stages.ahead import made_ahead
from gateway.stages.record.entry import enter, enter_end, entry_of, fields_out, why_aborted
from gateway.tables import ProtectedTable, ReleasedTable, Segment, require_discharged


def record_release(
    table: ProtectedTable, audit: AuditLog, clock: Clock, holds: Callable[[], bool], course: Course | None = None
) -> ReleasedTable:
    """Record a disclosure of rows and mint the table that may leave.

    An extract is recorded as started, then batch by batch in its manifest, then as completed or aborted: each of its
    connections by itself, so that what leaves twice is on record twice; those that go on name the first. Before a
    batch `holds` is asked whether the permit still stands. A lookup or check is read in full and recorded once.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged (nothing leaves then); AUDIT_UNAVAILABLE;
            from the stream also PERMIT_REVOKED.
    """
    require_discharged(table, ProtectedTable)
    permit = table.permit
    record = _rows_record(table)
    if permit.scope.disclosure.kind is DisclosureKind.EXTRACT:
        started = replace(_of(record, course), outcome=Outcome.STARTED, at=clock.now())
        receipt = enter(started, audit)
        completion: list[Receipt] = []
        stream = _RecordedStream(made_ahead(permit, table.take()), receipt, audit, clock, holds, completion)
        return ReleasedTable._record(table, stream, receipt, completion)
    segments = list(table.take())
    if not holds():
        raise Fault(ErrorReason.PERMIT_REVOKED)
    # how many rows answer a check, and whether any does, is the subject's own
    answers_alone = permit.scope.disclosure.kind in (DisclosureKind.CHECK, DisclosureKind.CONSUME)
    rows = 1 if answers_alone else sum(segment.records.num_rows for segment in segments)
    whole = replace(record, outcome=Outcome.COMPLETED, at=clock.now(), rows=rows, batches=len(segments))
    receipt = enter(whole, audit, [segment.tags for segment in segments])
    return ReleasedTable._record(table, iter(segments), receipt, [receipt])


class _RecordedStream(Iterator[Segment]):
    """Passes a batch on once its manifest is durable; however the stream ends, the log says how."""

    def __init__(
        self,
        segments: Iterator[Segment],
        started: Receipt,
        audit: AuditLog,
        clock: Clock,
        holds: Callable[[], bool],
        completion: list[Receipt],
    ) -> None:
        self._segments = segments
        self._started = started
        self._audit = audit
        self._clock = clock
        self._holds = holds
        self._completion = completion
        self._rows = 0
        self._batches = 0
        self._ended = False

    def __iter__(self) -> Iterator[Segment]:
        return self

    def __next__(self) -> Segment:
        if self._ended:
            raise StopIteration
        try:
            segment = next(self._segments, None)
            # asked of what is there to leave, however long ago it was made
            if not self._holds():
                raise Fault(ErrorReason.PERMIT_REVOKED)
            if segment is not None:
                self._audit.append_manifest(self._started.entry.index, self._batches, segment.tags)
        except BaseException as error:
            self._end(Outcome.ABORTED, why_aborted(error))
            raise
        if segment is None:
            self._completion.append(self._end(Outcome.COMPLETED, None))
            raise StopIteration
        self._rows += segment.records.num_rows
        self._batches += 1
        return segment

    def close(self) -> None:
        """End early, as when the caller goes away: recorded as aborted, and the source is freed."""
        if not self._ended:
            self._end(Outcome.ABORTED, None)

    def _end(self, outcome: Outcome, reason: ErrorReason | None) -> Receipt:
        self._ended = True
        close = getattr(self._segments, "close", None)
        if close is not None:
            close()
        at, rows, batches = self._clock.now(), self._rows, self._batches
        return enter_end(self._started, outcome, reason, self._audit, at, rows=rows, batches=batches)


def _of(record: AuditRecord, course: Course | None) -> AuditRecord:
    """The record of one connection of an extract."""
    if course is None:
        return record
    return replace(
        record,
        continues=None if course.opened is None else course.opened.entry,
        stream=course.stream,
        streams=0 if course.streams == 1 else course.streams,
        after_rows=course.begins.rows,
    )


def _rows_record(table: ProtectedTable) -> AuditRecord:
    permit = table.permit
    return entry_of(
        permit,
        Outcome.STARTED,
        permit.decided_at,
        fields=fields_out(permit),
        noise_waived=permit.scope.disclosure.waive_noise,
        loss=permit.loss,
        withheld_rows=table.withheld_rows,
        data_version=table.data_version,
    )
