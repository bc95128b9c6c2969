"""Join grants and re-identifications as officers and requesters see them, and what is signed. Instants are aware.

The statement is written from what is shown: an officer signs what they see, and the gateway must have the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.api.v1 import linking_pb2
from gateway.client.policies import Approval
from gateway.client.times import aware


@dataclass(frozen=True, slots=True)
class TokenDomain:
    """The tokens that a recipient was given for a purpose."""

    recipient: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Join:
    """A join grant. It is in force between the signatures of two officers and its end.

    `in_force` and `approvals_lacking` say how it stood when the gateway answered, by the officers of then: whether it
    was in force, and how many had to sign it yet.
    `destroyed_at` tells when its keys went, with the entry of the audit log that says the same.
    """

    id: str
    first: TokenDomain
    second: TokenDomain
    dataset: str
    field: str
    form: str
    purpose: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    ends_at: datetime
    approvals: tuple[Approval, ...]
    ended_by: str
    ended_at: datetime | None
    destroyed_at: datetime | None
    destroyed_entry: str
    in_force: bool
    approvals_lacking: int


@dataclass(frozen=True, slots=True)
class Reidentification:
    """A request to open some tokens, which holds none of them."""

    id: str
    asked_by: str
    dataset: str
    disclosure: str
    field: str
    purpose: str
    tokens_of: str
    region: str
    case_number: str
    reason: str
    count: int
    tokens_digest: bytes
    public_key: bytes
    asked_at: datetime
    approvals: tuple[Approval, ...]
    approve_by: datetime
    collect_by: datetime
    collected_at: datetime | None


def join_statement(join: Join) -> bytes:
    """Return what an approving officer signs: RFC 8785 JSON of all that the grant says."""
    return _canonical(
        {
            "approves": "purpose-gateway join 1",
            "dataset": join.dataset,
            "ends_at": _instant(join.ends_at),
            "field": join.field,
            "first": {"purpose": join.first.purpose, "recipient": join.first.recipient},
            "form": join.form,
            "id": join.id,
            "proposed_at": _instant(join.proposed_at),
            "proposed_by": join.proposed_by,
            "purpose": join.purpose,
            "reason": join.reason,
            "second": {"purpose": join.second.purpose, "recipient": join.second.recipient},
        }
    )


def reidentification_statement(asked: Reidentification) -> bytes:
    """Return what an approving officer signs: RFC 8785 JSON of all that the request says."""
    return _canonical(
        {
            "approves": "purpose-gateway reidentification 1",
            "asked_at": _instant(asked.asked_at),
            "asked_by": asked.asked_by,
            "case_number": asked.case_number,
            "count": asked.count,
            "dataset": asked.dataset,
            "disclosure": asked.disclosure,
            "field": asked.field,
            "id": asked.id,
            "public_key": asked.public_key.hex(),
            "purpose": asked.purpose,
            "reason": asked.reason,
            "region": asked.region,
            "tokens_digest": asked.tokens_digest.hex(),
            "tokens_of": asked.tokens_of,
        }
    )


def join_from(join: linking_pb2.Join) -> Join:
    """Read a join grant."""
    return Join(
        id=join.id,
        first=TokenDomain(join.first.recipient, join.first.purpose),
        second=TokenDomain(join.second.recipient, join.second.purpose),
        dataset=join.dataset,
        field=join.field,
        form=join.form,
        purpose=join.purpose,
        reason=join.reason,
        proposed_by=join.proposed_by,
        proposed_at=aware(join.proposed_at),
        ends_at=aware(join.ends_at),
        approvals=tuple(map(_approval, join.approvals)),
        ended_by=join.ended_by,
        ended_at=aware(join.ended_at) if join.HasField("ended_at") else None,
        destroyed_at=aware(join.destroyed_at) if join.HasField("destroyed_at") else None,
        destroyed_entry=join.destroyed_entry,
        in_force=join.in_force,
        approvals_lacking=join.approvals_lacking,
    )


def reidentification_from(asked: linking_pb2.Reidentification) -> Reidentification:
    """Read a request for re-identification."""
    return Reidentification(
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
        asked_at=aware(asked.asked_at),
        approvals=tuple(map(_approval, asked.approvals)),
        approve_by=aware(asked.approve_by),
        collect_by=aware(asked.collect_by),
        collected_at=aware(asked.collected_at) if asked.HasField("collected_at") else None,
    )


def _approval(approval: linking_pb2.OfficerApproval) -> Approval:
    return Approval(approval.officer, aware(approval.approved_at), approval.signature)


def _canonical(statement: dict[str, object]) -> bytes:
    # keys are ASCII and values texts, whole numbers and such objects: for these, this is RFC 8785
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
