"""Policies as officers see them: proposals, publications, snapshots, and what is wrong with one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.api.v1 import policy_pb2
from gateway.client.errors import Details, GatewayError
from gateway.client.times import aware
from gateway.client.words import word


@dataclass(frozen=True, slots=True)
class PolicyProblem:
    """One mistake in a policy. `line` counts from 1, and 0 means the file as a whole."""

    file: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}. {self.remedy}".rstrip()


class PolicyInvalid(GatewayError):
    """A policy that was sent has mistakes; nothing was done with it.

    `problems` are the first of them, in the order of files and lines; `total` says how many there are.
    """

    def __init__(self, problems: tuple[PolicyProblem, ...], total: int) -> None:
        super().__init__(Details("POLICY_INVALID", "The policy has mistakes. Mend them, and send it again."))
        self.problems = problems
        self.total = total

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {problem}" for problem in self.problems)])


class SnapshotMismatch(GatewayError):
    """A gateway sent other files than those of the digest that was asked for."""

    def __init__(self) -> None:
        super().__init__(Details("SNAPSHOT_MISMATCH", "Sign nothing, and show this to the gateway's operators."))


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """What a sound policy holds."""

    digest: str
    contracts: int
    grants: int
    purposes: int
    officers: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of one policy; they were held against its digest."""

    digest: str
    files: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Approval:
    """An officer's Ed25519 signature under a proposal, over `approval_text`. Instants are aware."""

    officer: str
    approved_at: datetime
    signature: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy that an officer proposes in place of the one in force then (`base`), by the digests of both."""

    id: str
    digest: str
    base: str
    author: str
    note: str
    proposed_at: datetime
    emergency: bool
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True)
class Publication:
    """One entry of the history of policies; the newest is in force. Instants are aware.

    `act` is "first", "published", "emergency" or "rolled-back". `review_due` is None where another officer approved it
    before.
    """

    number: int
    digest: str
    act: str
    published_by: str
    published_at: datetime
    proposal_id: str
    note: str
    approvals: tuple[Approval, ...]
    review_due: datetime | None
    reviewed_by: str
    reviewed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A purpose ended on a day, and the keys of its recipients' pseudonyms were destroyed."""

    purpose: str
    ended_on: date
    destroyed_at: datetime
    recipients: tuple[str, ...]
    policy_digest: str
    audit_index: int


def folder_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of a policy folder: SHA-256 over lengths, paths and contents; see SnapshotHeader."""
    digest = hashlib.sha256()
    for path, content in sorted((name.encode(), content) for name, content in files.items()):
        digest.update(len(path).to_bytes(8, "big") + len(content).to_bytes(8, "big") + path + content)
    return digest.hexdigest()


def approval_text(proposal: Proposal) -> bytes:
    """Return what an approver of the proposal signs; see Approval in policy.proto."""
    return f"purpose-gateway policy approval 1\n{proposal.id}\n{proposal.base}\n{proposal.digest}\n".encode()


def read_officer_key(pem: bytes) -> Ed25519PrivateKey:
    """Return the private key of a PEM.

    Raises:
        ValueError: it holds no Ed25519 private key, or needs a password.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("no Ed25519 private key")
    return key


def invalid_from(problems: policy_pb2.PolicyProblems) -> PolicyInvalid:
    """Read what is wrong with a policy."""
    told = tuple(PolicyProblem(one.file, one.line, one.message, one.remedy) for one in problems.problems)
    return PolicyInvalid(told, problems.total)


def summary_from(summary: policy_pb2.PolicySummary) -> PolicySummary:
    """Read what a sound policy holds."""
    return PolicySummary(summary.digest, summary.contracts, summary.grants, summary.purposes, summary.officers)


def proposal_from(proposal: policy_pb2.Proposal) -> Proposal:
    """Read a proposal."""
    return Proposal(
        id=proposal.id,
        digest=proposal.digest,
        base=proposal.base,
        author=proposal.author,
        note=proposal.note,
        proposed_at=aware(proposal.proposed_at),
        emergency=proposal.emergency,
        approvals=tuple(map(_approval, proposal.approvals)),
    )


def publication_from(entry: policy_pb2.Publication) -> Publication:
    """Read an entry of the history."""
    return Publication(
        number=entry.number,
        digest=entry.digest,
        act=word(policy_pb2.Act.DESCRIPTOR, entry.act).replace("_", "-"),
        published_by=entry.published_by,
        published_at=aware(entry.published_at),
        proposal_id=entry.proposal_id,
        note=entry.note,
        approvals=tuple(map(_approval, entry.approvals)),
        review_due=aware(entry.review_due) if entry.HasField("review_due") else None,
        reviewed_by=entry.reviewed_by,
        reviewed_at=aware(entry.reviewed_at) if entry.HasField("reviewed_at") else None,
    )


def certificate_from(certificate: policy_pb2.SunsetCertificate) -> Certificate:
    """Read the certificate of a purpose that ended."""
    return Certificate(
        purpose=certificate.purpose,
        ended_on=date.fromisoformat(certificate.ended_on),
        destroyed_at=aware(certificate.destroyed_at),
        recipients=tuple(certificate.recipients),
        policy_digest=certificate.policy_digest,
        audit_index=certificate.audit_index,
    )


def _approval(approval: policy_pb2.Approval) -> Approval:
    return Approval(approval.officer, aware(approval.approved_at), approval.signature)
