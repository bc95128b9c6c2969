"""Exact figures on record, before they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.decision.indicators import Indicator
from gateway.model.errors import ErrorReason, Fault
from gateway.model.indicator import Figure
from gateway.model.permit import RESTRICT_REGION, Obligation
from gateway.model.record import Outcome
from gateway.ports import AuditLog, Clock
from gateway.stages.record.entry import enter, entry_of
from gateway.tables import ReleasedFigures, SuppressedFigures


def record_figures(
    figures: SuppressedFigures, indicator: Indicator, own: Sequence[Figure], audit: AuditLog, clock: Clock
) -> ReleasedFigures:
    """Record the delivery of figures of the caller's own regions, and mint what may leave.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; AUDIT_UNAVAILABLE.
    """
    permit, spec = figures.permit, indicator.spec
    restricted = frozenset({Obligation(RESTRICT_REGION)})
    if figures.discharged | restricted != permit.obligations:
        raise Fault(ErrorReason.INTERNAL)
    record = entry_of(
        permit,
        Outcome.COMPLETED,
        clock.now(),
        noise_waived=permit.scope.disclosure.waive_noise,
        release_id=f"{indicator.id}/{figures.kept.version}",
        rows=sum(one.values is not None for one in own),
        withheld_rows=sum(one.values is None for one in own),
        data_version=figures.kept.data_version,
    )
    by = (f"{indicator.contract.region_field} by {spec.level} and above", *spec.group_by)
    record = replace(record, grouped_by=by, statistics=spec.statistics)
    return ReleasedFigures._release(figures, own, enter(record, audit), restricted)
