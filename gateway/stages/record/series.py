"""Days of a series on record, before they leave."""

from __future__ import annotations

from dataclasses import replace

from gateway.decision.series import Series
from gateway.model.grouping import Period
from gateway.model.record import Outcome
from gateway.model.series import ClosedDay
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, entry_of
from gateway.tables import AdmittedPermit, ReleasedDays


def record_days(
    admitted: AdmittedPermit,
    series: Series,
    days: tuple[ClosedDay, ...],
    rows: int,
    audit: AuditLog,
    clock: Clock,
    *,
    replay: bool,
) -> ReleasedDays:
    """Record the delivery of kept days, and how many values leave, and mint what may leave; of no day, an opening.

    `replay` tells that the series had been opened before, as it has been whenever days leave.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = entry_of(
        admitted.permit,
        Outcome.COMPLETED,
        clock.now(),
        loss=series.loss,
        release_id=series.id,
        replay=replay,
        rows=rows,
        data_version=days[-1].data_version if days else "",
    )
    record = replace(record, grouped_by=(*record.grouped_by, f"{series.spec.advances_by} by {Period.DAY}"))
    return ReleasedDays._release(admitted, days, enter(record, audit))
