"""Exports on record: as they begin, and whole before anything is published; or how they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import Export, StagedPart
from gateway.model.record import Outcome, Receipt
from gateway.ports import AuditLog, Clock
from gateway.ports.exports import StagingRoom
from gateway.stages.record.entry import enter, enter_end, entry_of, fields_out, why_aborted
from gateway.tables import (
    AdmittedPermit,
    FetchedFile,
    PreparedExport,
    RecordedExport,
    require_discharged,
)


def stage_export(
    prepared: PreparedExport, room: StagingRoom, audit: AuditLog, clock: Clock, holds: Callable[[], bool]
) -> ExportOnRecord:
    """Record that an export begins, and return what makes it, part by part, and records it whole.

    Raises:
        Fault: INTERNAL if an obligation of the permit is not met by what is prepared; AUDIT_UNAVAILABLE;
            SOURCE_UNAVAILABLE if nothing can be written.
    """
    require_discharged(prepared, PreparedExport)
    permit = prepared.permit
    started = entry_of(
        permit,
        Outcome.STARTED,
        clock.now(),
        fields=fields_out(permit),
        noise_waived=permit.scope.disclosure.waive_noise,
        loss=permit.loss,
        data_version=prepared.data_version,
    )
    receipt = enter(started, audit)
    making = ExportOnRecord(prepared, receipt, room, audit, clock, holds)
    try:
        room.began(receipt.entry.index)
    except BaseException as error:
        making.abort(why_aborted(error))
        raise
    return making


class ExportOnRecord(Iterator[StagedPart]):
    """Makes an export: yields its parts as they are staged; at their end all of it is on record, as `recorded` says.

    However it ends, the log says how; the permit is asked before each part, and before it is recorded whole.
    """

    def __init__(
        self,
        prepared: PreparedExport,
        started: Receipt,
        room: StagingRoom,
        audit: AuditLog,
        clock: Clock,
        holds: Callable[[], bool],
    ) -> None:
        self._prepared, self._started, self._room = prepared, started, room
        self._audit, self._clock, self._holds = audit, clock, holds
        self._staged: Iterator[StagedPart] = prepared.reading.stage(prepared.work, prepared.schema, room.place)
        self._parts: list[StagedPart] = []
        self._ended = False
        self._recorded: RecordedExport | None = None

    def __next__(self) -> StagedPart:
        if self._ended:
            raise StopIteration
        try:
            part = next(self._staged, None)
            if not self._holds():
                raise Fault(ErrorReason.PERMIT_REVOKED)
            if part is not None:
                self._parts.append(part)
                most = self._prepared.most_rows
                if most is not None and sum(one.rows for one in self._parts) > most:
                    raise Fault(ErrorReason.CAP_EXCEEDED)
                return part
            self._parts.sort(key=lambda one: one.number)
            self._enter_manifest()
            if not self._holds():
                raise Fault(ErrorReason.PERMIT_REVOKED)
        except BaseException as error:
            self.abort(why_aborted(error))
            raise
        self._ended = True
        completion = self._enter(Outcome.COMPLETED, None)
        self._recorded = RecordedExport._record(self._prepared, tuple(self._parts), self._started, completion)
        raise StopIteration

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of what leaves."""
        return self._prepared.schema

    @property
    def receipt(self) -> Receipt:
        """The receipt of the entry that was durable before anything was read."""
        return self._started

    @property
    def recorded(self) -> RecordedExport:
        """What may be published.

        Raises:
            Fault: INTERNAL if it is not whole, or not on record.
        """
        if self._recorded is None:
            raise Fault(ErrorReason.INTERNAL)
        return self._recorded

    def abort(self, reason: ErrorReason | None = None) -> None:
        """End early, if it has not ended: the engine is stopped, and the log says so."""
        if self._ended:
            return
        self._ended = True
        close = getattr(self._staged, "close", None)
        if close is not None:
            close()
        self._enter(Outcome.ABORTED, reason)

    def _enter_manifest(self) -> None:
        number = 0
        for part in self._parts:
            for tags in self._room.tags(part):
                self._audit.append_manifest(self._started.entry.index, number, tags)
                number += 1

    def _enter(self, outcome: Outcome, reason: ErrorReason | None) -> Receipt:
        """Enter how it ended. Of what was aborted nothing left, and no row is counted."""
        whole = outcome is Outcome.COMPLETED
        rows = sum(part.rows for part in self._parts) if whole else 0
        batches = sum(len(part.blocks) for part in self._parts) if whole else 0
        at = self._clock.now()
        return enter_end(self._started, outcome, reason, self._audit, at, rows=rows, batches=batches)


def record_fetch(admitted: AdmittedPermit, export: Export, number: int, audit: AuditLog, clock: Clock) -> FetchedFile:
    """Record that a file of a published export is given, and mint the right to give it.

    It was disclosed when it was published: this entry is a further one of that.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    permit = admitted.permit
    given = entry_of(
        permit,
        Outcome.COMPLETED,
        clock.now(),
        fields=fields_out(permit),
        noise_waived=permit.scope.disclosure.waive_noise,
        loss=permit.loss,
        replay=True,
        rows=export.files[number].rows,
        data_version=export.opened.data_version,
    )
    receipt = enter(replace(given, continues=export.opened.entry), audit)
    return FetchedFile._record(admitted, export, receipt)
