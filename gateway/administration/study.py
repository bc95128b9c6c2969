"""Looking before leaping: what a policy says, how a proposal would change it, what it did. Nothing here changes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from gateway.accountability.report import Report, report_on
from gateway.administration.desk import Office, identify, officer, officer_of
from gateway.administration.life import Unsound
from gateway.decision.lint.findings import Finding
from gateway.decision.lint.look import lint
from gateway.decision.lint.usage import usage_from
from gateway.decision.officer.diff import PolicyDiff, diff
from gateway.decision.officer.explain import CallerView, OfficerView
from gateway.decision.officer.explain import explain as explained
from gateway.decision.officer.impact import Impact, impact
from gateway.decision.officer.tables import CaseResult, identity_of, request_of, run_tables
from gateway.model.calendar import city_day
from gateway.model.certificate import SunsetCertificate
from gateway.model.errors import ErrorReason
from gateway.model.governance import Files, Officer, Power, Proposal, Publication
from gateway.model.party import Peer
from gateway.model.permit import Refusal
from gateway.model.record import AuditRecord, Outcome
from gateway.policy.decision_tables import QuestionShape
from gateway.policy.officers import ALL, covers
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot, read

T = TypeVar("T")

UNUSED_AFTER = timedelta(days=90)
"""After so long without use a grant is called unused."""


class Kept(NamedTuple):
    """A policy of the archive: its digest and files."""

    digest: str
    files: Files


Study = Callable[[Officer, PolicySnapshot], T]
"""What an officer wants to know of a policy."""


def on(office: Office, peer: Peer, chosen: Files | str, study: Study[T]) -> T | Unsound | Refusal:
    """Study a policy: the files that an officer sends, or the policy of a digest, or the one in force for "".

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    found = officer(office, peer)
    if isinstance(found, Refusal):
        return found
    current = office.policy.current()
    files = _files(office, current, chosen) if isinstance(chosen, str) else chosen
    if files is None:
        return Refusal(ErrorReason.SNAPSHOT_NOT_FOUND)
    try:
        if isinstance(chosen, str):
            return study(found, current if files is current.files else read(files))
        return study(found, office.policy.placed(read(files)))
    except InvalidPolicy as invalid:
        return Unsound(invalid.problems)


def kept(office: Office, peer: Peer, digest: str) -> Kept | Refusal:
    """Return a policy by its digest, or the one in force for "".

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    found = officer(office, peer)
    if isinstance(found, Refusal):
        return found
    current = office.policy.current()
    files = _files(office, current, digest)
    return Refusal(ErrorReason.SNAPSHOT_NOT_FOUND) if files is None else Kept(digest or current.digest, files)


def _files(office: Office, current: PolicySnapshot, digest: str) -> Files | None:
    return current.files if digest in ("", current.digest) else office.archive.files(digest)


def explain(
    office: Office, peer: Peer, question: QuestionShape, institution: str
) -> CallerView | OfficerView | Refusal:
    """Explain a request: to its caller for "", to an officer for an institution, as far as each may know.

    Raises:
        Unauthenticated.
    """
    identity, policy, now = identify(office, peer), office.policy.current(), office.clock.now()
    request = request_of(question, policy)
    if not institution:
        return explained(request, identity, policy, now).for_caller()
    found = officer_of(office, identity)
    if isinstance(found, Refusal):
        return found
    return explained(request, identity_of(question, now), policy, now).for_officer(found)


def tested(_: Officer, policy: PolicySnapshot) -> tuple[CaseResult, ...]:
    """Run a policy's decision tables against it."""
    return run_tables(policy)


def linted(office: Office) -> Study[tuple[Finding, ...]]:
    """Return what looks for the unwise, knowing what grants were used for lately.

    Raises, when it is called:
        Fault: AUDIT_UNAVAILABLE.
    """

    def ask(_: Officer, policy: PolicySnapshot) -> tuple[Finding, ...]:
        now = office.clock.now()
        return lint(policy, city_day(now), usage_from(office.audit.between(now - UNUSED_AFTER, now)))

    return ask


def compared(office: Office) -> Study[PolicyDiff]:
    """Return what compares a policy with the one in force."""
    return lambda _, policy: diff(office.policy.current(), policy)


def measured(office: Office, count: int) -> Study[Impact]:
    """Return what puts the newest decisions to a policy and to the one in force.

    Of these, an officer sees those about the datasets and regions of the own authority: what others do elsewhere is
    not theirs to watch.

    Raises, when it is called:
        Fault: AUDIT_UNAVAILABLE.
    """

    def ask(looking: Officer, policy: PolicySnapshot) -> Impact:
        base = office.policy.current()
        own = [record for record in office.audit.newest(count) if _may_watch(looking, record, base)]
        return impact(own, base, policy, office.clock.now())

    return ask


def _may_watch(looking: Officer, record: AuditRecord, policy: PolicySnapshot) -> bool:
    root = policy.regions.root.path
    # what a refusal named and nobody knows belongs to those who watch over everything
    region = record.region if policy.regions.contains(record.region) else root
    # of a join, what either dataset's officers alone would see tells of the other one
    names = (dataset for dataset, _ in record.disclosures)
    return covers(looking, region, [name if name in policy.contracts else ALL for name in names])


def history(office: Office, peer: Peer, count: int) -> tuple[Publication, ...] | Refusal:
    """Return how policies came into force, the newest first.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    found = officer(office, peer)
    return found if isinstance(found, Refusal) else office.archive.history(count)


def proposals(office: Office, peer: Peer, count: int) -> tuple[Proposal, ...] | Refusal:
    """Return what was proposed, the newest first.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    found = officer(office, peer)
    return found if isinstance(found, Refusal) else office.archive.proposals(count)


def proposal(office: Office, peer: Peer, proposal_id: str) -> Proposal | Refusal:
    """Return one proposal.

    Raises:
        Unauthenticated; Fault: POLICY_UNAVAILABLE.
    """
    found = officer(office, peer)
    if isinstance(found, Refusal):
        return found
    return office.archive.proposal(proposal_id) or Refusal(ErrorReason.PROPOSAL_NOT_FOUND)


def certificates(office: Office, peer: Peer, purpose: str) -> tuple[SunsetCertificate, ...]:
    """Return the certificates of a purpose that ended, or of all for "". Everybody who may call may see them.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE.
    """
    identify(office, peer)
    return office.certificates.of(purpose)


def report(office: Office, peer: Peer, institution: str, start: datetime, end: datetime) -> Report | Refusal:
    """Report on what an institution did with data: to itself, and to officers who review all that happens.

    To itself a refused call is told as refusals are: without what it named, which may or may not exist. A report goes
    through the whole log of its days, so a process makes one at a time. The loss is the ledger's: it has every charge,
    also where the log failed or the process ended before it was on record.

    Raises:
        Unauthenticated; Fault: AUDIT_UNAVAILABLE, LEDGER_UNAVAILABLE, REGISTER_UNAVAILABLE.
    """
    identity = identify(office, peer)
    reviewer = officer_of(office, identity, Power.REVIEW)
    root = office.policy.current().regions.root.path
    watching = isinstance(reviewer, Officer) and covers(reviewer, root, (ALL,))
    if not watching and identity.institution != institution:
        return Refusal(ErrorReason.AUTHORITY_EXCEEDED)
    if not _one_report.acquire(blocking=False):
        return Refusal(ErrorReason.RATE_EXCEEDED)
    try:
        records = (record for record in office.audit.between(start, end) if record.institution == institution)
        own = records if watching else map(_veiled, records)
        broken = office.registers.emergencies.between(start, end)
        glasses = tuple(one for one in broken if one.institution == institution)
        return report_on(institution, own, office.ledger.caused(institution, start, end), glasses, office.clock.now())
    finally:
        _one_report.release()


_one_report = threading.Lock()


def _veiled(record: AuditRecord) -> AuditRecord:
    """A refusal as its receipt tells it to the caller."""
    if record.outcome is not Outcome.REFUSED:
        return record
    return replace(record, purpose="", dataset="", disclosure="", joined="")
