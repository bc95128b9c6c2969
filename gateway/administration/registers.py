"""The registers that grants are tied to, kept by those whom the policy names: consents, cases, broken glasses."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

import pyarrow as pa

from gateway.administration.desk import Office, identify, officer
from gateway.kernels.tokens import subject_marks
from gateway.model.calendar import city_day
from gateway.model.consent import ANYBODY, Case, Consent
from gateway.model.emergency import Emergency, Verdict
from gateway.model.errors import ErrorReason
from gateway.model.event import Event, EventKind
from gateway.model.governance import Officer, Power
from gateway.model.party import Identity, Peer, record_name
from gateway.model.permit import FieldViolation, Refusal
from gateway.policy.case_pattern import matches
from gateway.policy.officers import ALL, covers
from gateway.policy.registers import CaseRegisterSpec, ConsentRegisterSpec
from gateway.ports import AUDIT_DOMAIN, KeyUse, of_subjects

Spec = TypeVar("Spec", CaseRegisterSpec, ConsentRegisterSpec)


@dataclass(frozen=True, slots=True, repr=False)
class Given:
    """A consent as a keeper brings it: `subject` is the raw identifier, which is not kept.

    `id` is the keeper's own name for the entry; "" for a new one. `proof` is the SHA-256 of what proves it.
    """

    id: str
    subject: str
    purpose: str
    recipient: str
    source: str
    proof: bytes
    given_at: datetime
    ends_on: date | None


def record_consents(office: Office, peer: Peer, register: str, given: Sequence[Given]) -> tuple[Consent, ...] | Refusal:
    """Enter consents, all or none.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    identity = identify(office, peer)
    spec = _consents_of(office, identity, register)
    if isinstance(spec, Refusal):
        return spec
    policy, now = office.policy.current(), office.clock.now()
    wrong: list[FieldViolation] = []
    for position, one in enumerate(given):
        if policy.purposes.get(one.purpose) is None:
            wrong.append(FieldViolation(f"consents[{position}].purpose", "is not a purpose of the policy"))
        if one.given_at > now:
            wrong.append(FieldViolation(f"consents[{position}].given_at", "lies in the future"))
        if one.ends_on is not None and one.ends_on < city_day(one.given_at):
            wrong.append(FieldViolation(f"consents[{position}].ends_on", "lies before the consent was given"))
    if wrong:
        return Refusal(ErrorReason.REQUEST_INVALID, violations=tuple(wrong[:20]))
    tokens = _tokens(office, spec, [one.subject for one in given])
    entries = tuple(
        Consent(
            id=one.id or secrets.token_hex(8),
            register=register,
            subject=token,
            purpose=one.purpose,
            recipient=one.recipient or ANYBODY,
            source=one.source,
            proof=one.proof,
            given_at=one.given_at,
            ends_on=one.ends_on,
            recorded_by=identity.id,
        )
        for one, token in zip(given, tokens, strict=True)
    )
    office.registers.consents.record(entries)
    about = {"register": register, "entries": str(len(entries))}
    office.audit.note(Event(EventKind.CONSENTS_RECORDED, now, identity.id, about))
    return entries


def withdraw_consent(office: Office, peer: Peer, register: str, consent_id: str) -> Consent | Refusal:
    """Withdraw a consent: whoever withdraws is in no batch that is read later than the register's lag.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    identity = identify(office, peer)
    spec = _consents_of(office, identity, register)
    if isinstance(spec, Refusal):
        return spec
    now = office.clock.now()
    found = office.registers.consents.withdraw(register, consent_id, identity.id, now)
    if found is None:
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    office.audit.note(Event(EventKind.CONSENT_WITHDRAWN, now, identity.id, {"register": register, "entry": found.id}))
    return found


def consents_of(office: Office, peer: Peer, register: str, subject: str) -> tuple[Consent, ...] | Refusal:
    """Return what a subject agreed to, to the register's keeper.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE.
    """
    spec = _consents_of(office, identify(office, peer), register)
    if isinstance(spec, Refusal):
        return spec
    return office.registers.consents.of_subject(register, _tokens(office, spec, [subject])[0])


def open_case(
    office: Office, peer: Peer, register: str, number: str, institution: str, ends_on: date | None
) -> Case | Refusal:
    """Open a case for an institution: its number opens what a grant ties to it.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    identity = identify(office, peer)
    spec = _cases_of(office, identity, register)
    if isinstance(spec, Refusal):
        return spec
    if not matches(spec.form, number):
        told = FieldViolation("number", f"must look like {spec.form} (A: a letter, 9: a digit)")
        return Refusal(ErrorReason.REQUEST_INVALID, violations=(told,))
    now = office.clock.now()
    case = Case(register, number, institution, now, ends_on, identity.id)
    if not office.registers.cases.open(case):
        return Refusal(ErrorReason.REQUEST_INVALID, violations=(FieldViolation("number", "is open or was before"),))
    about = {"register": register, "case": number, "for": institution}
    office.audit.note(Event(EventKind.CASE_OPENED, now, identity.id, about))
    return case


def close_case(office: Office, peer: Peer, register: str, number: str, institution: str) -> Refusal | None:
    """Close a case: what it opened is shut from now on, streams that are running included.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    identity = identify(office, peer)
    spec = _cases_of(office, identity, register)
    if isinstance(spec, Refusal):
        return spec
    now = office.clock.now()
    if not office.registers.cases.close(register, number, institution, now):
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    about = {"register": register, "case": number, "for": institution}
    office.audit.note(Event(EventKind.CASE_CLOSED, now, identity.id, about))
    return None


def unreviewed_emergencies(office: Office, peer: Peer) -> tuple[Emergency, ...] | Refusal:
    """Return the broken glasses that wait for a review, with what was said, as far as the officer's authority goes.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE.
    """
    reviewer = officer(office, peer, Power.REVIEW)
    if isinstance(reviewer, Refusal):
        return reviewer
    return tuple(one for one in office.registers.emergencies.unreviewed() if _within(office, reviewer, one))


def review_emergency(office: Office, peer: Peer, emergency_id: str, verdict: Verdict) -> Emergency | Refusal:
    """Enter an officer's review of a broken glass. Nobody reviews their own.

    Raises:
        Unauthenticated; Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    reviewer = officer(office, peer, Power.REVIEW)
    if isinstance(reviewer, Refusal):
        return reviewer
    found = office.registers.emergencies.get(emergency_id)
    if found is None or not _within(office, reviewer, found):
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    if reviewer.id == record_name(found.institution, found.person):
        return Refusal(ErrorReason.SECOND_OFFICER_REQUIRED)
    now = office.clock.now()
    reviewed = office.registers.emergencies.review(emergency_id, reviewer.id, verdict, now)
    if reviewed is None:
        return Refusal(ErrorReason.ENTRY_NOT_FOUND)
    about = {"emergency": emergency_id, "verdict": verdict.value}
    office.audit.note(Event(EventKind.GLASS_REVIEWED, now, reviewer.id, about))
    return reviewed


def _within(office: Office, reviewer: Officer, emergency: Emergency) -> bool:
    """Whether the grant under which a glass was broken lies in an officer's authority; if it is gone, all must."""
    policy = office.policy.current()
    grant = next((one for one in policy.grants if one.id == emergency.grant), None)
    root = policy.regions.root.path
    region, dataset = (root, ALL) if grant is None else grant.place(root)
    return covers(reviewer, region, (dataset,))


def _consents_of(office: Office, identity: Identity, register: str) -> ConsentRegisterSpec | Refusal:
    return _kept_by(identity, office.policy.current().registers.consents.get(register))


def _cases_of(office: Office, identity: Identity, register: str) -> CaseRegisterSpec | Refusal:
    return _kept_by(identity, office.policy.current().registers.cases.get(register))


def _kept_by(identity: Identity, spec: Spec | None) -> Spec | Refusal:
    """The register, if the caller keeps it; for others there is none."""
    if spec is None or identity.institution not in spec.keepers:
        return Refusal(ErrorReason.AUTHORITY_EXCEEDED)
    return spec


def _tokens(office: Office, spec: ConsentRegisterSpec, subjects: Sequence[str]) -> list[bytes]:
    """The keyed tokens by which the register knows subjects: as `fetch` makes them of the rows' own."""
    key = office.keys.working_key(AUDIT_DOMAIN, KeyUse.CONSENT, of_subjects(spec.subject, spec.canonical))
    return subject_marks(pa.array(list(subjects), pa.string()), spec.canonical, key)
