"""Policies and their life, between proto and model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

from gateway.administration.study import Kept
from gateway.api.v1 import policy_pb2 as pb
from gateway.api.v1 import policy_service_pb2
from gateway.model.certificate import SunsetCertificate
from gateway.model.errors import ErrorReason
from gateway.model.governance import Act, Approval, Files, Proposal, Publication
from gateway.policy.folder import folder_digest
from gateway.policy.problems import PolicyProblem
from gateway.policy.snapshot import PolicySnapshot
from gateway.server.problem import NotWellFormed
from gateway.server.wire.receipts import instant

PIECE_BYTES = 192 << 10
"""The most content of one part of a file."""

MAX_PROBLEMS = 1000
"""How many mistakes of a policy are told; the rest is counted."""

ACTS: dict[Act, pb.Act.ValueType] = {
    Act.FIRST: pb.ACT_FIRST,
    Act.PUBLISHED: pb.ACT_PUBLISHED,
    Act.EMERGENCY: pb.ACT_EMERGENCY,
    Act.ROLLED_BACK: pb.ACT_ROLLED_BACK,
}


def uploaded(messages: Iterator[Message]) -> tuple[Any, Files]:
    """Read an upload: its header, and the files that follow it.

    The end of a stream looks like the end of a connection, so files count by the digest that the header has of them.
    None come with a header that selects a policy which is kept.

    Raises:
        NotWellFormed: REQUEST_INVALID unless it begins with its one header, the parts of each file stand together, and
            all files arrived.
    """
    first: Any = next(messages, None)
    if first is None or first.WhichOneof("part") != "header":
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, "header", "must come first")
    files: dict[str, list[bytes]] = {}
    current = None
    for message in messages:
        part: Any = message
        if part.WhichOneof("part") != "file":
            raise NotWellFormed(ErrorReason.REQUEST_INVALID, "header", "must come once")
        name = part.file.name
        if name != current and name in files:
            raise NotWellFormed(ErrorReason.REQUEST_INVALID, "file.name", "comes again after another file")
        files.setdefault(name, []).append(part.file.content)
        current = name
    whole = {name: b"".join(pieces) for name, pieces in files.items()}
    proposed = isinstance(first.header, policy_service_pb2.ProposalHeader)
    kept = not proposed and not first.header.uploaded
    if whole if kept else first.header.digest != folder_digest(whole):
        raise NotWellFormed(ErrorReason.REQUEST_INVALID, "header.digest", "is not that of the files that arrived")
    return first.header, whole


def parts_of(kept: Kept) -> Iterator[Message]:
    """Yield the messages of a snapshot: its header, then its files piece by piece."""
    size = sum(map(len, kept.files.values()))
    header = policy_service_pb2.SnapshotHeader(digest=kept.digest, files=len(kept.files), bytes=size)
    yield policy_service_pb2.GetSnapshotResponse(header=header)
    for name, content in sorted(kept.files.items()):
        for start in range(0, len(content) or 1, PIECE_BYTES):
            piece = pb.FilePart(name=name, content=content[start : start + PIECE_BYTES])
            yield policy_service_pb2.GetSnapshotResponse(file=piece)


def summary_of(policy: PolicySnapshot) -> pb.PolicySummary:
    """Write what a sound policy holds."""
    return pb.PolicySummary(
        digest=policy.digest,
        contracts=len(policy.contracts),
        grants=len(policy.grants),
        purposes=len(list(policy.purposes.ids())),
        officers=len(policy.officers.officers),
    )


def problems_of(problems: tuple[PolicyProblem, ...]) -> pb.PolicyProblems:
    """Write what is wrong with a policy."""
    told = [
        pb.PolicyProblem(file=one.file, line=one.line, message=one.message, remedy=one.remedy)
        for one in problems[:MAX_PROBLEMS]
    ]
    return pb.PolicyProblems(problems=told, total=len(problems))


def proposal_of(proposal: Proposal) -> pb.Proposal:
    """Write a proposal as proto."""
    return pb.Proposal(
        id=proposal.id,
        digest=proposal.digest,
        base=proposal.base,
        author=proposal.author,
        note=proposal.note,
        proposed_at=instant(proposal.at),
        emergency=proposal.emergency,
        approvals=[_approval(one) for one in proposal.approvals],
    )


def publication_of(entry: Publication) -> pb.Publication:
    """Write an entry of the history as proto."""
    return pb.Publication(
        number=entry.number,
        digest=entry.digest,
        act=ACTS[entry.act],
        published_by=entry.by,
        published_at=instant(entry.at),
        proposal_id=entry.proposal,
        note=entry.note,
        approvals=[_approval(one) for one in entry.approvals],
        review_due=None if entry.review_due is None else instant(entry.review_due),
        reviewed_by=entry.reviewed_by,
        reviewed_at=None if entry.reviewed_at is None else instant(entry.reviewed_at),
    )


def certificate_of(certificate: SunsetCertificate) -> pb.SunsetCertificate:
    """Write the certificate of a purpose that ended."""
    return pb.SunsetCertificate(
        purpose=certificate.purpose,
        ended_on=certificate.ended_on.isoformat(),
        destroyed_at=instant(certificate.destroyed_at),
        recipients=certificate.recipients,
        policy_digest=certificate.policy_digest,
        audit_index=certificate.audit_index,
    )


def _approval(approval: Approval) -> pb.Approval:
    return pb.Approval(officer=approval.officer, approved_at=instant(approval.at), signature=approval.signature)
