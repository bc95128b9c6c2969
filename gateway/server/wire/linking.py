"""Linking, re-identification and what officers sign of both, between proto and model."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from gateway.administration.joins import Joining
from gateway.api.v1 import linking_pb2, linking_service_pb2, warrant_service_pb2
from gateway.decision.warrant import Standing
from gateway.lanes.linking import Asking, Collecting, Linking
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.governance import Approval
from gateway.model.linking import Join, Reidentification
from gateway.model.pseudonym import PseudonymDomain
from gateway.model.request import RequestContext, RowsRequest, Selector
from gateway.server.wire.receipts import instant
from gateway.server.wire.registers import moment
from gateway.server.wire.requests import of_subjects


def linking_of(request: linking_service_pb2.LinkRequest) -> Linking:
    """Read a request to link tokens."""
    selector = Selector(SelectBy.TOKEN, request.field, tuple(request.tokens))
    rows = of_subjects(request, DisclosureKind.LINK, selector)
    return Linking(rows, request.tokens_of, request.join)


def asking_of(request: linking_service_pb2.AskReidentificationRequest) -> Asking:
    """Read a request to open tokens."""
    selector = Selector(SelectBy.TOKEN, request.field, tuple(request.tokens))
    rows = of_subjects(request, DisclosureKind.REIDENTIFY, selector)
    return Asking(rows, request.tokens_of, request.reason, request.public_key)


def collecting_of(
    request: linking_service_pb2.GetReidentificationRequest | linking_service_pb2.CollectReidentificationRequest,
    tokens: Iterable[str],
) -> Collecting:
    """Read a request to look at or collect what was asked for. Why, where and of what is kept since."""
    selector = Selector(SelectBy.TOKEN, "", tuple(tokens))
    context = RequestContext("", "", "", str(uuid.uuid4()), b"", caller_gave_id=False)
    rows = RowsRequest(context, DisclosureKind.REIDENTIFY, "", "", (), False, (), selector)
    return Collecting(rows, request.id)


def joining_of(request: warrant_service_pb2.ProposeJoinRequest) -> Joining:
    """Read a proposal of a join grant.

    Raises:
        NotWellFormed: REQUEST_INVALID for an end that is no instant.
    """
    return Joining(
        first=PseudonymDomain(request.first.recipient, request.first.purpose),
        second=PseudonymDomain(request.second.recipient, request.second.purpose),
        dataset=request.dataset,
        field=request.field,
        purpose=request.purpose,
        reason=request.reason,
        ends_at=moment(request.ends_at, "ends_at"),
    )


def join_of(join: Join, standing: Standing) -> linking_pb2.Join:
    """Write a join grant, and how it stands."""
    return linking_pb2.Join(
        id=join.id,
        first=_domain(join.first),
        second=_domain(join.second),
        dataset=join.dataset,
        field=join.field,
        form=join.form.value,
        purpose=join.purpose,
        reason=join.reason,
        proposed_by=join.proposed_by,
        proposed_at=instant(join.proposed_at),
        ends_at=instant(join.ends_at),
        approvals=map(_approval, join.approvals),
        ended_by=join.ended_by,
        ended_at=None if join.ended_at is None else instant(join.ended_at),
        destroyed_at=None if join.end is None else instant(join.end.destroyed_at),
        destroyed_entry="" if join.end is None else f"{join.end.audit_index:020d}",
        in_force=standing.in_force,
        approvals_lacking=standing.lacking,
    )


def reidentification_of(asked: Reidentification) -> linking_pb2.Reidentification:
    """Write a request for re-identification."""
    return linking_pb2.Reidentification(
        id=asked.id,
        asked_by=asked.asked_by,
        dataset=asked.dataset,
        disclosure=asked.disclosure,
        field=asked.field,
        purpose=asked.purpose,
        tokens_of=asked.tokens_of,
        region=asked.region,
        case_number=asked.case_number,
        reason=asked.reason,
        count=asked.count,
        tokens_digest=asked.tokens_digest,
        public_key=asked.public_key,
        asked_at=instant(asked.asked_at),
        approvals=map(_approval, asked.approvals),
        approve_by=instant(asked.approve_by),
        collect_by=instant(asked.collect_by),
        collected_at=None if asked.collected_at is None else instant(asked.collected_at),
    )


def _domain(domain: PseudonymDomain) -> linking_pb2.TokenDomain:
    return linking_pb2.TokenDomain(recipient=domain.recipient, purpose=domain.purpose)


def _approval(approval: Approval) -> linking_pb2.OfficerApproval:
    return linking_pb2.OfficerApproval(
        officer=approval.officer, approved_at=instant(approval.at), signature=approval.signature
    )
