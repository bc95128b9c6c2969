"""The life of a policy, on one page: proposed, approved by another officer, published, gone back on, reviewed.

Who may do what is decided by the officers of the policy in force, never by those of the proposal. Every step into force
is in the archive and in the audit log.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.administration.desk import GATEWAY, Office, officer
from gateway.administration.sunset import ended
from gateway.decision.authority import Touch, exceeded, touched
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.governance import Act, Approval, Files, Officer, Power, Proposal, Publication
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation, Refusal
from gateway.policy.folder import OFFICERS
from gateway.policy.officers import OfficerBook
from gateway.policy.problems import InvalidPolicy, PolicyProblem
from gateway.policy.snapshot import PolicySnapshot, read
from gateway.ports import AuditLog, Clock, PolicyArchive

REVIEW_WITHIN = timedelta(hours=24)
"""How soon another officer must look at what came into force without one."""

_EVENTS = {
    Act.PUBLISHED: EventKind.POLICY_PUBLISHED,
    Act.EMERGENCY: EventKind.POLICY_EMERGENCY,
    Act.ROLLED_BACK: EventKind.POLICY_ROLLED_BACK,
}


class Unsound(NamedTuple):
    """What was sent is no policy: every problem, with file, line and remedy."""

    problems: tuple[PolicyProblem, ...]


def first_publication(snapshot: PolicySnapshot, archive: PolicyArchive, audit: AuditLog, clock: Clock) -> None:
    """Put the policy of a new deployment into force, unless another process has done so.

    Raises:
        Fault: POLICY_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    now = clock.now()
    archive.keep(snapshot.digest, snapshot.files)
    about = {"publication": "1", "policy": snapshot.digest}
    audit.note(Event(EventKind.POLICY_PUBLISHED, now, GATEWAY, about))
    archive.publish(Publication(1, snapshot.digest, Act.FIRST, GATEWAY, now, "", "the policy folder", ()))


def approval_text(proposal_id: str, base: str, digest: str) -> bytes:
    """Return the bytes that an approver signs: the step from one policy to another, under one proposal."""
    return f"purpose-gateway policy approval 1\n{proposal_id}\n{base}\n{digest}\n".encode()


def propose(office: Office, peer: Peer, files: Files, note: str, *, emergency: bool) -> Proposal | Unsound | Refusal:
    """Enter a policy that is to replace the one in force. Nothing changes by it yet.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    author = officer(office, peer, Power.PROPOSE)
    if isinstance(author, Refusal):
        return author
    base = office.policy.current()
    try:
        snapshot = office.policy.placed(read(files))
    except InvalidPolicy as invalid:
        return Unsound(invalid.problems)
    refusal = _beyond(author, touched(base, snapshot)) or _reopened(office, base, snapshot)
    if refusal is not None:
        return refusal
    office.archive.keep(snapshot.digest, snapshot.files)
    now = office.clock.now()
    proposal = Proposal(secrets.token_hex(8), snapshot.digest, base.digest, author.id, note, now, emergency)
    office.archive.propose(proposal)
    return proposal


def approve(office: Office, peer: Peer, proposal_id: str, signature: bytes) -> Proposal | Refusal:
    """Add a second officer's signature over `approval_text`.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    approver = officer(office, peer, Power.APPROVE)
    if isinstance(approver, Refusal):
        return approver
    proposal = office.archive.proposal(proposal_id)
    if proposal is None:
        return Refusal(ErrorReason.PROPOSAL_NOT_FOUND)
    if approver.id == proposal.author:
        return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED)
    base = office.policy.current()
    if _outdated(office, proposal, base):
        return Refusal(ErrorReason.POLICY_NOT_CURRENT)
    refusal = _beyond(approver, touched(base, _kept(office, proposal.digest)))
    if refusal is not None:
        return refusal
    if not _signed(approver, proposal, signature):
        return Refusal(ErrorReason.SIGNATURE_INVALID)
    office.archive.approve(proposal_id, Approval(approver.id, office.clock.now(), signature))
    return office.archive.proposal(proposal_id) or proposal


def publish(office: Office, peer: Peer, proposal_id: str) -> Publication | Refusal:
    """Put a proposal into force: approved by an officer other than its author, and after the cool-down.

    An emergency proposal needs neither; it is on record as such and must be reviewed.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    publisher = officer(office, peer, Power.PUBLISH)
    if isinstance(publisher, Refusal):
        return publisher
    proposal = office.archive.proposal(proposal_id)
    if proposal is None:
        return Refusal(ErrorReason.PROPOSAL_NOT_FOUND)
    base = office.policy.current()
    if _outdated(office, proposal, base):
        return Refusal(ErrorReason.POLICY_NOT_CURRENT)
    snapshot = _kept(office, proposal.digest)
    touches = touched(base, snapshot)
    refusal = _beyond(publisher, touches) or _reopened(office, base, snapshot) or _unplaced(office, snapshot)
    if refusal is not None:
        return refusal
    approvals = tuple(one for one in proposal.approvals if _stands(one, proposal, base.officers, touches))
    if proposal.emergency:
        return _alone(base, snapshot) or _enact(
            office, publisher, Act.EMERGENCY, base, snapshot, proposal.id, proposal.note, approvals
        )
    if not approvals:
        return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED)
    if office.clock.now() < proposal.at + base.officers.cool_down:
        return Refusal(ErrorReason.COOLING_DOWN)
    return _enact(office, publisher, Act.PUBLISHED, base, snapshot, proposal.id, proposal.note, approvals)


def rollback(office: Office, peer: Peer, digest: str, note: str) -> Publication | Refusal:
    """Put a policy that was in force before back into force, at once. It must be reviewed by another officer.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, AUDIT_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    publisher = officer(office, peer, Power.PUBLISH)
    if isinstance(publisher, Refusal):
        return publisher
    if not office.archive.was_in_force(digest):
        return Refusal(ErrorReason.SNAPSHOT_NOT_FOUND)
    base = office.policy.current()
    if digest == base.digest:
        told = FieldViolation("digest", "is that of the policy in force")
        return Refusal(ErrorReason.REQUEST_INVALID, violations=(told,))
    snapshot = _kept(office, digest)
    refusal = _beyond(publisher, touched(base, snapshot)) or _reopened(office, base, snapshot)
    refusal = refusal or _unplaced(office, snapshot)
    return refusal or _alone(base, snapshot) or _enact(office, publisher, Act.ROLLED_BACK, base, snapshot, "", note, ())


def review(office: Office, peer: Peer, number: int) -> Publication | Refusal:
    """Enter that another officer has looked at a publication that came into force without one.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    reviewer = officer(office, peer, Power.REVIEW)
    if isinstance(reviewer, Refusal):
        return reviewer
    found = office.archive.publication(number)
    if found is None or found.review_due is None or found.reviewed_at is not None:
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    proposal = office.archive.proposal(found.proposal)
    if reviewer.id in (found.by, "" if proposal is None else proposal.author):
        return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED)
    before = office.archive.publication(number - 1)
    if before is not None:
        refusal = _beyond(reviewer, touched(_kept(office, before.digest), _kept(office, found.digest)))
        if refusal is not None:
            return refusal
    now = office.clock.now()
    if not office.archive.review(number, reviewer.id, now):
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    office.audit.note(Event(EventKind.POLICY_REVIEWED, now, reviewer.id, {"publication": str(number)}))
    return replace(found, reviewed_by=reviewer.id, reviewed_at=now)


def _enact(
    office: Office,
    publisher: Officer,
    act: Act,
    base: PolicySnapshot,
    snapshot: PolicySnapshot,
    proposal: str,
    note: str,
    approvals: tuple[Approval, ...],
) -> Publication | Refusal:
    """Into the audit log first: what is in force without being on record must not be."""
    now, newest = office.clock.now(), office.archive.newest()
    if not office.policy.published or newest is None or newest.digest != base.digest:
        # this process was behind, or another has published meanwhile; the number lets one of two win
        return Refusal(ErrorReason.POLICY_NOT_CURRENT)
    number = newest.number + 1
    approvers = " ".join(one.officer for one in approvals)
    about = {"publication": str(number), "policy": snapshot.digest, "proposal": proposal, "approved_by": approvers}
    office.audit.note(Event(_EVENTS[act], now, publisher.id, about))
    due = None if act is Act.PUBLISHED else now + REVIEW_WITHIN
    entry = Publication(number, snapshot.digest, act, publisher.id, now, proposal, note, approvals, due)
    if not office.archive.publish(entry):
        return Refusal(ErrorReason.POLICY_NOT_CURRENT)
    office.policy.follow()
    return entry


def _stands(approval: Approval, proposal: Proposal, today: OfficerBook, touches: frozenset[Touch]) -> bool:
    """Whether an approval counts under the officers of today, whatever it counted when it was given."""
    approver = today.officers.get(approval.officer)
    return (
        approver is not None
        and approver.id != proposal.author
        and Power.APPROVE in approver.powers
        and not exceeded(approver, touches)
        and _signed(approver, proposal, approval.signature)
    )


def _signed(approver: Officer, proposal: Proposal, signature: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(approver.key)
        key.verify(signature, approval_text(proposal.id, proposal.base, proposal.digest))
    except (InvalidSignature, ValueError):
        return False
    return True


def _beyond(one: Officer, touches: frozenset[Touch]) -> Refusal | None:
    outside = exceeded(one, touches)
    told = tuple(FieldViolation("files", f"changes {touch.dataset} in {touch.region}") for touch in outside[:20])
    return Refusal(ErrorReason.AUTHORITY_EXCEEDED, violations=told) if outside else None


def _outdated(office: Office, proposal: Proposal, base: PolicySnapshot) -> bool:
    """Whether a proposal is not one to the policy in force as it came into force last.

    After a rollback the same policy is in force again, but what was proposed to it before has had its time: an approval
    is for one step, once.
    """
    newest = office.archive.newest()
    return (
        newest is None
        or not proposal.base == newest.digest == base.digest
        or proposal.at < newest.at
        or office.archive.enacted(proposal.id)
    )


def _alone(base: PolicySnapshot, snapshot: PolicySnapshot) -> Refusal | None:
    """What one officer may do alone does not change who the officers are."""
    same = base.files.get(OFFICERS) == snapshot.files.get(OFFICERS)
    return None if same else Refusal(ErrorReason.SECOND_OFFICER_REQUIRED)


def _reopened(office: Office, base: PolicySnapshot, snapshot: PolicySnapshot) -> Refusal | None:
    """A purpose that ended is over for good: opening it again would only look like the old one.

    One that ended and whose keys still wait for their destruction stays in the policy until then.
    """
    certified = [(one.purpose, one.ended_on) for one in office.certificates.of("")]
    destroyed = {name for name, _ in certified}
    for name, last_day in (*ended(base, city_day(office.clock.now())), *certified):
        after = snapshot.purposes.get(name)
        over = after is not None and after.expires_on is not None and after.expires_on <= last_day
        if not over and (after is not None or name not in destroyed):
            told = FieldViolation("files", f"opens {name} again, which ended on {last_day}")
            return Refusal(ErrorReason.PURPOSE_ENDED_FOR_GOOD, violations=(told,))
    return None


def _unplaced(office: Office, snapshot: PolicySnapshot) -> Refusal | None:
    """A policy of contracts that this gateway cannot serve: the settings may be others than when it was proposed."""
    try:
        office.policy.placed(snapshot)
    except InvalidPolicy as invalid:
        told = tuple(FieldViolation("files", str(problem)) for problem in invalid.problems[:20])
        return Refusal(ErrorReason.POLICY_INVALID, violations=told)
    return None


def _kept(office: Office, digest: str) -> PolicySnapshot:
    files = office.archive.files(digest)
    if files is None:
        raise Fault(ErrorReason.POLICY_UNAVAILABLE)
    try:
        snapshot = read(files)
    except InvalidPolicy as invalid:
        raise Fault(ErrorReason.POLICY_INVALID) from invalid
    if snapshot.digest != digest:
        # what is kept is not what was proposed
        raise Fault(ErrorReason.POLICY_UNAVAILABLE)
    return snapshot
