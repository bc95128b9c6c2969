"""Releases: certified and stored, and on record whenever one is delivered."""

from __future__ import annotations

from dataclasses import replace

from gateway.accountability.certificates.release import release_statement
from gateway.model.errors import ErrorReason, Fault
from gateway.model.request import ReleaseRequest
from gateway.model.signing import Certificate
from gateway.model.statistics import Release
from gateway.ports import AuditLog, BudgetLedger, Clock, ReleaseSigner
from gateway.privacy.coverage import covered
from gateway.stages.record.entry import enter, entry_of_release
from gateway.tables import AdmittedPermit, ProtectedMeasures, ReleasedCells, require_discharged


def store_release(noised: ProtectedMeasures, ledger: BudgetLedger, signer: ReleaseSigner, clock: Clock) -> Release:
    """Certify and store a noised release, and return the one that stands under its id; nothing else is ever delivered.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; LEDGER_UNAVAILABLE, KEYS_UNAVAILABLE.
    """
    require_discharged(noised, ProtectedMeasures)
    permit = noised.permit
    request, settled, contract = permit.request, permit.release, permit.scope.contract
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    release = Release(
        id=noised.charged.charge.release_id,
        created_at=clock.now(),
        dataset=request.dataset,
        disclosure=request.disclosure,
        region=permit.scope.region,
        query=request.query,
        cells=noised.cells,
        measures=noised.measures,
        loss=settled.loss,
        unit_kind=contract.privacy_unit.kind,
        data_version=noised.charged.data_version,
        attribution=contract.attribution,
        joined_attribution=None if permit.joined is None else permit.joined.permit.scope.contract.attribution,
        coverage=covered(permit),
        threshold=settled.threshold,
    )
    stated = release_statement(release, permit)
    return ledger.store(replace(release, certificate=Certificate(stated, signer.sign(stated))))


def record_statistics(
    release: Release, admitted: AdmittedPermit, audit: AuditLog, clock: Clock, *, paid: bool, replay: bool
) -> ReleasedCells:
    """Record the delivery of a stored release and mint what may leave. A replay is recorded too, as such.

    `paid` tells whether this request was charged; `replay`, whether the release had been stored before it. They differ
    where a request finishes what an earlier one paid for and did not get.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = entry_of_release(admitted.permit, release, clock.now(), replay=replay, rows=len(release.cells))
    return ReleasedCells._record(admitted, release, enter(record, audit), paid=paid)
