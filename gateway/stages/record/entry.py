"""An entry of the log: who asked for what, under which terms, and no value of the data or of the request."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from gateway.model.errors import ErrorReason, Fault, Interrupted
from gateway.model.loss import PrivacyLoss
from gateway.model.permit import Permit, Withheld
from gateway.model.record import UNKNOWN, AuditRecord, Outcome, Receipt, TreatedField
from gateway.model.request import ReleaseRequest, RowsRequest
from gateway.model.statistics import Release, StatisticsQuery
from gateway.model.synthesis import NoisedCounts
from gateway.model.treatment import leaving_type
from gateway.ports import AuditLog


def enter(record: AuditRecord, audit: AuditLog, manifest: Sequence[bytes] = ()) -> Receipt:
    """Append an entry to the log, durably, with its manifest where that is whole already, and return its receipt.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    return Receipt(record, audit.append(record, manifest))


def enter_end(
    started: Receipt,
    outcome: Outcome,
    reason: ErrorReason | None,
    audit: AuditLog,
    at: datetime,
    *,
    rows: int | None = None,
    batches: int = 0,
) -> Receipt:
    """Append how that ended which an entry began: with so many rows, if not with those that it tells already.

    Raises:
        Fault: AUDIT_UNAVAILABLE.
    """
    record = replace(
        started.record,
        outcome=outcome,
        at=at,
        reason="" if reason is None else reason.value,
        rows=started.record.rows if rows is None else rows,
        batches=batches,
        completes=started.entry.index,
    )
    return enter(record, audit)


def entry_of(
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
    """Return the entry of what was permitted: to whom, as what, under which terms; and what became of it."""
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
        case_number=next((one.case_number for one in permit.each if one.case_number), ""),
        policy_digest=scope.policy_digest,
        grant=scope.grant,
        fields=fields,
        withheld=withheld_names(scope.withheld),
        **_asked(permit),
        obligations=tuple(sorted(map(str, permit.obligations))),
        loss=loss,
        release_id=release_id,
        replay=replay,
        rows=rows,
        withheld_rows=withheld_rows,
        data_version=data_version,
        noise_waived=noise_waived,
        trials=tuple(dict.fromkeys(trial for one in permit.each for trial in one.scope.trials)),
        emergency=" ".join(dict.fromkeys(one.emergency for one in permit.each if one.emergency)),
        joined=str(_query(permit).join or ""),
        joined_grant="" if permit.joined is None else permit.joined.permit.scope.grant,
    )


def entry_of_release(
    permit: Permit, released: Release | NoisedCounts, at: datetime, *, replay: bool, rows: int
) -> AuditRecord:
    """Return the entry of a stored release, or of stored counts, that was charged or is delivered once more."""
    return entry_of(
        permit,
        Outcome.COMPLETED,
        at,
        loss=released.loss,
        release_id=released.id,
        replay=replay,
        rows=rows,
        data_version=released.data_version,
    )


def fields_out(permit: Permit) -> tuple[TreatedField, ...]:
    """Return the fields that a permit lets out, each with its treatment and the type that it leaves as."""
    declared = permit.scope.contract.fields
    return tuple(
        TreatedField(name, how.kind.value, str(how), leaving_type(declared[name].type, how).value)
        for name, how in permit.scope.fields.items()
    )


def why_aborted(error: BaseException) -> ErrorReason | None:
    """Why what was begun is aborted; None where the caller ended it."""
    if isinstance(error, Interrupted | GeneratorExit):
        return None
    return error.reason if isinstance(error, Fault) else ErrorReason.INTERNAL


class _Asked(TypedDict):
    filtered_on: tuple[str, ...]
    selected_by: str
    grouped_by: tuple[str, ...]
    statistics: tuple[str, ...]


def _query(permit: Permit) -> StatisticsQuery:
    """What was asked of statistics; nothing where none were."""
    return permit.request.query if isinstance(permit.request, ReleaseRequest) else StatisticsQuery((), (), ())


def _asked(permit: Permit) -> _Asked:
    """Say what a permitted request asked, in the contract's own names and without a value."""
    request = permit.request
    query = _query(permit)
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


def withheld_names(fields: tuple[Withheld, ...]) -> tuple[Withheld, ...]:
    """Name withheld fields as they were asked for, real or not alike; what is not of the form of a name is left out."""
    return tuple(item if _FIELD_NAME.fullmatch(item.field) else replace(item, field=UNKNOWN) for item in fields)
