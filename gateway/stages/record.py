"""The record: what leaves is in the log, durably, before the first byte. The only maker of what may be delivered."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from gateway.accountability.certificate import release_statement
from gateway.decision.series import Series
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.grouping import Period
from gateway.model.loss import PrivacyLoss
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal, Withheld
from gateway.model.record import UNKNOWN, AuditRecord, Outcome, Receipt, TreatedField
from gateway.model.request import DisclosureRequest, ReleaseRequest, RowsRequest, SynthesisRequest
from gateway.model.series import ClosedDay
from gateway.model.signing import Certificate
from gateway.model.statistics import Release, StatisticsQuery
from gateway.model.synthesis import NoisedCounts, NoisedTable
from gateway.model.treatment import leaving_type
from gateway.policy.snapshot import PolicySnapshot
from gateway.ports import AuditLog, BudgetLedger, Clock, ReleaseSigner, SynthesisRegister
from gateway.privacy.coverage import covered
from gateway.tables import (
    AdmittedPermit,
    ProtectedMeasures,
    ProtectedTable,
    ReleasedCells,
    ReleasedDays,
    ReleasedFile,
    ReleasedTable,
    Segment,
)


def record_refusal(
    refusal: Refusal,
    identity: Identity,
    request: DisclosureRequest,
    policy: PolicySnapshot,
    audit: AuditLog,
    clock: Clock,
    *,
    reidentification: str = "",
) -> Receipt:
    """Record a refusal, with the id of the re-identification that it is about, if any, and return its receipt.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    context = request.context
    contract = policy.contracts.get(request.dataset)
    known = contract is not None
    purpose = policy.purposes.get(context.purpose)
    record = AuditRecord(
        outcome=Outcome.REFUSED,
        at=clock.now(),
        institution=identity.institution,
        person=identity.person,
        request_id=context.request_id,
        dataset=request.dataset if known else UNKNOWN,
        disclosure=request.disclosure if contract and request.disclosure in contract.disclosures else UNKNOWN,
        kind=request.kind,
        purpose=context.purpose if purpose is not None else UNKNOWN,
        legal_basis=str(refusal.legal_basis) if refusal.legal_basis else "",
        region=context.region if not context.region or policy.regions.contains(context.region) else UNKNOWN,
        case_number="",
        policy_digest=policy.digest,
        grant=refusal.grant,
        reason=refusal.reason.value,
        withheld=_withheld(refusal.withheld),
        reidentification=reidentification,
    )
    return Receipt(record, audit.append(record))


def record_release(table: ProtectedTable, audit: AuditLog, clock: Clock, holds: Callable[[], bool]) -> ReleasedTable:
    """Record a disclosure of rows and mint the table that may leave.

    An extract is recorded as started, then batch by batch in its manifest, then as completed or aborted; before each
    batch `holds` is asked whether the permit still stands. A lookup or check is read in full and recorded once.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged (nothing leaves then); AUDIT_UNAVAILABLE;
            from the stream also PERMIT_REVOKED.
    """
    if type(table) is not ProtectedTable or table.discharged != table.permit.scope.obligations:
        raise Fault(ErrorReason.INTERNAL)
    permit = table.permit
    record = _rows_record(permit, table)
    if permit.scope.disclosure.kind is DisclosureKind.EXTRACT:
        started = replace(record, outcome=Outcome.STARTED, at=clock.now())
        receipt = Receipt(started, audit.append(started))
        completion: list[Receipt] = []
        stream = _RecordedStream(table.take(), receipt, audit, clock, holds, completion)
        return ReleasedTable._record(table, stream, receipt, completion)
    segments = list(table.take())
    if not holds():
        raise Fault(ErrorReason.PERMIT_REVOKED)
    # how many rows answer a check, and whether any does, is the subject's own
    answers_alone = permit.scope.disclosure.kind in (DisclosureKind.CHECK, DisclosureKind.CONSUME)
    rows = 1 if answers_alone else sum(segment.records.num_rows for segment in segments)
    whole = replace(record, outcome=Outcome.COMPLETED, at=clock.now(), rows=rows, batches=len(segments))
    receipt = Receipt(whole, audit.append(whole))
    for number, segment in enumerate(segments):
        if segment.tags:
            audit.append_manifest(receipt.entry.index, number, segment.tags)
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
            if not self._holds():
                raise Fault(ErrorReason.PERMIT_REVOKED)
            segment = next(self._segments, None)
            if segment is not None:
                self._audit.append_manifest(self._started.entry.index, self._batches, segment.tags)
        except BaseException as error:
            self._end(Outcome.ABORTED, error.reason if isinstance(error, Fault) else ErrorReason.INTERNAL)
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
        record = replace(
            self._started.record,
            outcome=outcome,
            at=self._clock.now(),
            reason="" if reason is None else reason.value,
            rows=self._rows,
            batches=self._batches,
            completes=self._started.entry.index,
        )
        return Receipt(record, self._audit.append(record))


def store_release(noised: ProtectedMeasures, ledger: BudgetLedger, signer: ReleaseSigner, clock: Clock) -> Release:
    """Certify and store a noised release, and return the one that stands under its id; nothing else is ever delivered.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; LEDGER_UNAVAILABLE, KEYS_UNAVAILABLE.
    """
    if type(noised) is not ProtectedMeasures or noised.discharged != noised.permit.scope.obligations:
        raise Fault(ErrorReason.INTERNAL)
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
        coverage=covered(permit),
        threshold=settled.threshold,
    )
    stated = release_statement(release, permit)
    return ledger.store(replace(release, certificate=Certificate(stated, signer.sign(stated))))


def store_counts(noised: ProtectedMeasures, register: SynthesisRegister, clock: Clock) -> NoisedCounts:
    """Store the noised counts behind synthetic rows and return those that stand under their id: rows are made of these.

    Raises:
        Fault: INTERNAL if an obligation of the permit was not discharged; REGISTER_UNAVAILABLE.
    """
    if type(noised) is not ProtectedMeasures or noised.discharged != noised.permit.scope.obligations:
        raise Fault(ErrorReason.INTERNAL)
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
    return register.keep(
        NoisedCounts(
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
    )


def record_counts(
    counts: NoisedCounts, admitted: AdmittedPermit, audit: AuditLog, clock: Clock, *, replay: bool, rows: int = 0
) -> Receipt:
    """Record that counts for synthetic rows were charged, or that something made of them is given: a replay.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = _record(
        admitted.permit,
        Outcome.COMPLETED,
        clock.now(),
        loss=counts.loss,
        release_id=counts.id,
        replay=replay,
        rows=rows,
        data_version=counts.data_version,
    )
    return Receipt(record, audit.append(record))


def record_file(
    counts: NoisedCounts, rows: int, admitted: AdmittedPermit, audit: AuditLog, clock: Clock
) -> ReleasedFile:
    """Record the delivery of a file of synthetic rows, or of the report on it, and mint what may leave.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    receipt = record_counts(counts, admitted, audit, clock, replay=True, rows=rows)
    return ReleasedFile._record(admitted, counts, receipt)


def record_statistics(
    release: Release, admitted: AdmittedPermit, audit: AuditLog, clock: Clock, *, paid: bool, replay: bool
) -> ReleasedCells:
    """Record the delivery of a stored release and mint what may leave. A replay is recorded too, as such.

    `paid` tells whether this request was charged; `replay`, whether the release had been stored before it. They differ
    where a request finishes what an earlier one paid for and did not get.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = _record(
        admitted.permit,
        Outcome.COMPLETED,
        clock.now(),
        loss=release.loss,
        release_id=release.id,
        replay=replay,
        rows=len(release.cells),
        data_version=release.data_version,
    )
    receipt = Receipt(record, audit.append(record))
    return ReleasedCells._record(admitted, release, receipt, paid=paid)


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
    record = replace(
        _record(
            admitted.permit,
            Outcome.COMPLETED,
            clock.now(),
            loss=series.loss,
            release_id=series.id,
            replay=replay,
            rows=rows,
            data_version=days[-1].data_version if days else "",
        ),
        grouped_by=(*_asked(admitted.permit)["grouped_by"], f"{series.spec.advances_by} by {Period.DAY}"),
    )
    return ReleasedDays._release(admitted, days, Receipt(record, audit.append(record)))


def record_tokens(
    admitted: AdmittedPermit, rows: int, audit: AuditLog, clock: Clock, *, join: str = "", reidentification: str = ""
) -> Receipt:
    """Record that tokens are linked or opened, for so many subjects, before they leave; and under what they are.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = _record(admitted.permit, Outcome.COMPLETED, clock.now(), rows=rows)
    record = replace(record, batches=1, join=join, reidentification=reidentification)
    return Receipt(record, audit.append(record))


def record_evaluation(permit: Permit, audit: AuditLog, clock: Clock) -> Receipt:
    """Record a decision that another system asked for and acts on by itself: nothing leaves here.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    fields, waived = _fields_out(permit), permit.scope.disclosure.waive_noise
    record = _record(permit, Outcome.EVALUATED, clock.now(), fields=fields, noise_waived=waived, loss=permit.loss)
    return Receipt(record, audit.append(record))


def read_receipt(index: int, identity: Identity, audit: AuditLog) -> Receipt | Refusal:
    """Return a receipt to the institution it was written for; for others there is none.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    receipt = audit.get(index)
    if receipt is None or receipt.record.institution != identity.institution:
        return Refusal(ErrorReason.RECEIPT_NOT_FOUND)
    return receipt


def _rows_record(permit: Permit, table: ProtectedTable) -> AuditRecord:
    return _record(
        permit,
        Outcome.STARTED,
        permit.decided_at,
        fields=_fields_out(permit),
        noise_waived=permit.scope.disclosure.waive_noise,
        loss=permit.loss,
        withheld_rows=table.withheld_rows,
        data_version=table.data_version,
    )


def _fields_out(permit: Permit) -> tuple[TreatedField, ...]:
    declared = permit.scope.contract.fields
    return tuple(
        TreatedField(name, how.kind.value, str(how), leaving_type(declared[name].type, how).value)
        for name, how in permit.scope.fields.items()
    )


def _record(
    permit: Permit,
    outcome: Outcome,
    at: datetime,
    *,
    fields: tuple[TreatedField, ...] = (),
    noise_waived: str = "",
    loss: PrivacyLoss | None = None,
    release_id: str = "",
    replay: bool = False,
    rows: int = 0,
    withheld_rows: int = 0,
    data_version: str = "",
) -> AuditRecord:
    context, scope = permit.request.context, permit.scope
    return AuditRecord(
        outcome=outcome,
        at=at,
        institution=permit.identity.institution,
        person=permit.identity.person,
        request_id=context.request_id,
        dataset=permit.request.dataset,
        disclosure=permit.request.disclosure,
        kind=scope.disclosure.kind,
        purpose=context.purpose,
        legal_basis=str(scope.legal_basis),
        region=scope.region,
        case_number=permit.case_number,
        policy_digest=scope.policy_digest,
        grant=scope.grant,
        fields=fields,
        withheld=_withheld(scope.withheld),
        **_asked(permit),
        obligations=tuple(sorted(str(obligation) for obligation in scope.obligations)),
        loss=loss,
        release_id=release_id,
        replay=replay,
        rows=rows,
        withheld_rows=withheld_rows,
        data_version=data_version,
        noise_waived=noise_waived,
        trials=scope.trials,
        emergency=permit.emergency,
    )


class _Asked(TypedDict):
    filtered_on: tuple[str, ...]
    selected_by: str
    grouped_by: tuple[str, ...]
    statistics: tuple[str, ...]


def _asked(permit: Permit) -> _Asked:
    """Say what a permitted request asked, in the contract's own names and without a value."""
    request = permit.request
    query = request.query if isinstance(request, ReleaseRequest) else StatisticsQuery((), (), ())
    filters = query.filters if isinstance(request, ReleaseRequest) else request.filters
    selector = request.selector if isinstance(request, RowsRequest) else None
    # synthetic rows are counts by their fields, and no statistic of them
    made_of = tuple(field.key.field for field in permit.synthesis.fields) if permit.synthesis is not None else ()
    return _Asked(
        filtered_on=tuple(f"{condition.field} {condition.operator}" for condition in filters),
        selected_by="" if selector is None else f"{selector.field} {selector.by}",
        grouped_by=made_of or tuple(map(str, query.group_by)),
        statistics=tuple(map(str, query.statistics)),
    )


# as contracts name fields: six digits in a row are no part of a name, and could be part of somebody's number
_FIELD_NAME = re.compile(r"(?!.*[0-9]{6})[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)


def _withheld(fields: tuple[Withheld, ...]) -> tuple[Withheld, ...]:
    """Name withheld fields as they were asked for, real or not alike; what is not of the form of a name is left out."""
    return tuple(item if _FIELD_NAME.fullmatch(item.field) else replace(item, field=UNKNOWN) for item in fields)
