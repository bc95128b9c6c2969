"""Synthetic extracts: the counts behind them stored, and all that is made of them on record as it leaves."""

from __future__ import annotations

import secrets
from dataclasses import replace

from gateway.accountability.certificates.synthesis import counts_statement
from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import Receipt
from gateway.model.request import SynthesisRequest
from gateway.model.synthesis import NoisedCounts, NoisedTable
from gateway.ports import AuditLog, Clock, SynthesisRegister
from gateway.stages.record.entry import enter, entry_of_release
from gateway.tables import AdmittedPermit, ProtectedMeasures, ReleasedFile, require_discharged


def store_counts(noised: ProtectedMeasures, register: SynthesisRegister, clock: Clock) -> NoisedCounts:
    """Store the noised counts behind synthetic rows and return those that stand under their id: rows are made of these.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; REGISTER_UNAVAILABLE.
    """
    require_discharged(noised, ProtectedMeasures)
    permit = noised.permit
    request, settled = permit.request, permit.synthesis
    if not isinstance(request, SynthesisRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    tables = tuple(
        NoisedTable(
            tuple(group.field for group in table.query.group_by),
            measure.values,
            measure.plan.mechanism,
            measure.plan.scale,
            measure.plan.derivation,
        )
        for table, measure in zip(settled.tables, noised.measures, strict=True)
    )
    counts = NoisedCounts(
        id=noised.charged.charge.release_id,
        created_at=clock.now(),
        dataset=request.dataset,
        disclosure=request.disclosure,
        region=permit.scope.region,
        filters=request.filters,
        price=request.price,
        fields=settled.fields,
        tables=tables,
        loss=settled.loss,
        unit_kind=permit.scope.contract.privacy_unit.kind,
        data_version=noised.charged.data_version,
        # rows drawn with it tell no more than the counts do, whoever knew it
        seed=secrets.randbits(63),
    )
    return register.keep(replace(counts, stated=counts_statement(counts, noised.measures, permit)))


def record_counts(
    counts: NoisedCounts, admitted: AdmittedPermit, audit: AuditLog, clock: Clock, *, replay: bool, rows: int = 0
) -> Receipt:
    """Record that counts for synthetic rows were charged, or that something made of them is given: a replay.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    return enter(entry_of_release(admitted.permit, counts, clock.now(), replay=replay, rows=rows), audit)


def record_file(
    counts: NoisedCounts, rows: int, admitted: AdmittedPermit, audit: AuditLog, clock: Clock
) -> ReleasedFile:
    """Record the delivery of a file of synthetic rows, or of the report on it, and mint what may leave.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    receipt = record_counts(counts, admitted, audit, clock, replay=True, rows=rows)
    return ReleasedFile._record(admitted, counts, receipt)
