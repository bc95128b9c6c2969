"""Do the terms hold that registers know of: cases, quotas, rates, emergencies? What is counted is counted here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.digest import digest_of
from gateway.kernels.tokens import subject_marks
from gateway.model.calendar import city_day
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.emergency import REVIEW_WITHIN, Emergency
from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.meter import Allowance, Claim, Exhausted
from gateway.model.permit import Permit, Refusal
from gateway.model.request import RowsRequest, Selector
from gateway.model.values import Scalar
from gateway.ports import AUDIT_DOMAIN, AuditLog, Clock, KeyRing, KeyUse, Registers
from gateway.stages.domain_keys import reading_keys
from gateway.stages.domain_tokens import open_tokens, read_tokens
from gateway.tables import AdmittedPermit

__all__ = [
    "AdmittedPermit",
    "admit",
    "admit_again",
    "admit_asking",
    "admit_rehearsal",
    "asked_subjects",
    "preview",
    "quota_claim",
]

_MARK_BYTES = 16
_SHORTEST_REASON = 10


def admit(
    decided: tuple[Permit, ...] | Refusal, registers: Registers, keys: KeyRing, audit: AuditLog, clock: Clock
) -> AdmittedPermit | Refusal:
    """Admit the first permit whose terms the registers bear out, and count the call; or say why none is.

    What is counted stays counted, whatever becomes of the call. An emergency is on record before it opens anything.

    Raises:
        Fault: REGISTER_UNAVAILABLE, LEDGER_UNAVAILABLE if a request_id cannot be bound, KEYS_UNAVAILABLE,
            AUDIT_UNAVAILABLE.
    """
    if isinstance(decided, Refusal):
        return decided
    context, identity = decided[0].request.context, decided[0].identity
    if context.caller_gave_id and not registers.requests.bind(
        identity.institution, identity.person, context.request_id, context.body_digest
    ):
        return decided[0].refused(ErrorReason.REQUEST_ID_REUSED)
    first: Refusal | None = None
    for permit in decided:
        reason = _unmet(permit, registers, clock)
        if reason is None:
            reason = _count(permit, registers, keys, clock)
        opened = None if reason is not None else _opened(permit, registers, audit, clock)
        if opened is not None:
            return AdmittedPermit._admit(opened)
        first = first or permit.refused(reason or ErrorReason.BREAK_GLASS_REQUIRED)
    return first or Refusal(ErrorReason.GRANT_NOT_IN_FORCE)


def admit_again(permit: Permit, since: datetime, registers: Registers, clock: Clock) -> AdmittedPermit | Refusal:
    """Admit what was admitted and counted before, if the registers still bear its terms out: counts nothing.

    It is read as it was decided `since`. Where the glass was broken, the emergency must stand still; none is opened.

    Raises:
        Fault: REGISTER_UNAVAILABLE.
    """
    reason = _unmet(permit, registers, clock)
    if reason is not None:
        return permit.refused(reason)
    again = replace(permit, decided_at=since)
    if permit.scope.terms.break_glass is not None:
        emergency = _standing(permit, registers, clock.now())
        if emergency is None:
            return permit.refused(ErrorReason.BREAK_GLASS_REQUIRED)
        again = replace(again, emergency=emergency.id, valid_until=min(permit.valid_until, emergency.ends_at))
    return AdmittedPermit._admit(again)


def preview(decided: tuple[Permit, ...] | Refusal, registers: Registers, clock: Clock) -> Permit | Refusal:
    """Return the first permit that the registers bear out, for questions that give no data: counts nothing.

    Raises:
        Fault: REGISTER_UNAVAILABLE.
    """
    return _first(decided, lambda permit: _unmet(permit, registers, clock))


def admit_rehearsal(decided: tuple[Permit, ...] | Refusal, registers: Registers, clock: Clock) -> Permit | Refusal:
    """Return the first permit that the registers bear out, and count the call, for what computes and gives no data.

    It is a call of the institution under each of its grants, as any that is admitted.

    Raises:
        Fault: REGISTER_UNAVAILABLE.
    """
    return _first(
        decided, lambda permit: _unmet(permit, registers, clock) or _count_calls(permit, "rate", registers, clock)
    )


def admit_asking(decided: tuple[Permit, ...] | Refusal, registers: Registers, clock: Clock) -> Permit | Refusal:
    """Return the first permit under which something may be asked of officers, and count that it was.

    What is asked for has an account of its own: as often as the grant's `rate` says, whatever is collected of it.

    Raises:
        Fault: REGISTER_UNAVAILABLE; INTERNAL for a grant without a rate.
    """
    return _first(decided, lambda permit: _unmet(permit, registers, clock) or _count_asking(permit, registers, clock))


def _first(decided: tuple[Permit, ...] | Refusal, against: Callable[[Permit], ErrorReason | None]) -> Permit | Refusal:
    """The first permit that nothing is against, or what is against the first of all."""
    if isinstance(decided, Refusal):
        return decided
    first: Refusal | None = None
    for permit in decided:
        reason = against(permit)
        if reason is None:
            return permit
        first = first or permit.refused(reason)
    return first or Refusal(ErrorReason.GRANT_NOT_IN_FORCE)


def _unmet(permit: Permit, registers: Registers, clock: Clock) -> ErrorReason | None:
    """Which term the registers do not bear out now, if any: of each dataset that is read."""
    unmet = (_unmet_alone(one, registers, clock) for one in permit.each)
    return next((reason for reason in unmet if reason is not None), None)


def _unmet_alone(permit: Permit, registers: Registers, clock: Clock) -> ErrorReason | None:
    terms, identity, now = permit.scope.terms, permit.identity, clock.now()
    if terms.case_register is not None and not registers.cases.is_open(
        terms.case_register, permit.case_number, identity.institution, now
    ):
        return ErrorReason.CASE_NUMBER_REQUIRED
    if terms.break_glass is None or _why(permit):
        return None
    return None if _standing(permit, registers, now) is not None else ErrorReason.BREAK_GLASS_REQUIRED


def _why(permit: Permit) -> str:
    """What the caller says of the emergency; "" for what says nothing."""
    why = permit.request.context.break_glass_reason.strip()
    return why if len(why) >= _SHORTEST_REASON else ""


def _standing(permit: Permit, registers: Registers, now: datetime) -> Emergency | None:
    """The person's open emergency under this grant and for this very purpose: its reviewer saw no other."""
    identity = permit.identity
    found = registers.emergencies.standing(permit.scope.grant, identity.institution, identity.person, now)
    return found if found is not None and found.purpose == permit.request.context.purpose else None


def quota_claim(permit: Permit, keys: KeyRing, now: datetime) -> Claim | None:
    """Return what a disclosure of kind consume takes of its one subject's quota; a retry of the day takes it once.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    context, identity = permit.request.context, permit.identity
    # a retry is one within the day: on the next the same id takes again
    day = city_day(now).isoformat()
    mark = digest_of("consume", identity.institution, identity.person, context.request_id, day)[:_MARK_BYTES]
    quota = permit.scope.terms.quota
    claims = [] if quota is None else list(_quota_claims(permit, quota, _subjects(permit, keys), mark, now))
    return claims[0] if claims else None


def _count(permit: Permit, registers: Registers, keys: KeyRing, clock: Clock) -> ErrorReason | None:
    now = clock.now()
    claims = [counted for one in _by_grant(permit) for counted in _counted(one, keys, now)]
    if not claims:
        return None
    outcome = registers.meters.take([claim for claim, _ in claims])
    return claims[outcome.claims[0]][1] if isinstance(outcome, Exhausted) else None


def _by_grant(permit: Permit) -> Iterable[Permit]:
    """The permits of each grant once: one may open both datasets of a join, and that is one call under it."""
    return {one.scope.grant: one for one in reversed(permit.each)}.values()


def _counted(permit: Permit, keys: KeyRing, now: datetime) -> list[tuple[Claim, ErrorReason]]:
    """What a call takes of the allowances of its grant, and why it is refused where one has run out."""
    terms, institution = permit.scope.terms, permit.identity.institution
    claims: list[tuple[Claim, ErrorReason]] = []
    if terms.rate is not None:
        # every call counts, a retry as well
        claims.append((_call(permit, "rate", terms.rate, now), ErrorReason.RATE_EXCEEDED))
    # each disclosure of a subject counts; what is consumed is counted once it is known to be there
    quota = None if permit.scope.disclosure.kind is DisclosureKind.CONSUME else terms.quota
    subjects = [] if terms.subjects is None and quota is None else _subjects(permit, keys)
    if terms.subjects is not None:
        account = _account("subjects", now, terms.subjects, permit.scope.grant, institution)
        claims.append((_claim(account, terms.subjects, subjects, now), ErrorReason.CAP_EXCEEDED))
    if quota is not None:
        mark = secrets.token_bytes(_MARK_BYTES)
        quotas = _quota_claims(permit, quota, subjects, mark, now)
        claims += [(claim, ErrorReason.QUOTA_EXHAUSTED) for claim in quotas]
    return claims


def _count_asking(permit: Permit, registers: Registers, clock: Clock) -> ErrorReason | None:
    if permit.scope.terms.rate is None:
        raise Fault(ErrorReason.INTERNAL)
    return _count_calls(permit, "asked", registers, clock)


def _count_calls(permit: Permit, what: str, registers: Registers, clock: Clock) -> ErrorReason | None:
    """Count a call that names no subjects under each grant that has a rate: under all, or none."""
    now = clock.now()
    rates = [(one, one.scope.terms.rate) for one in _by_grant(permit)]
    claims = [_call(one, what, rate, now) for one, rate in rates if rate is not None]
    outcome = registers.meters.take(claims) if claims else None
    return ErrorReason.RATE_EXCEEDED if isinstance(outcome, Exhausted) else None


def _call(permit: Permit, what: str, rate: Allowance, now: datetime) -> Claim:
    """One more call of the institution under the grant."""
    account = _account(what, now, rate, permit.scope.grant, permit.identity.institution)
    return _claim(account, rate, [secrets.token_bytes(_MARK_BYTES)], now)


def _quota_claims(
    permit: Permit, quota: Allowance, subjects: Iterable[bytes], mark: bytes, now: datetime
) -> Iterator[Claim]:
    """One claim for each subject: its account is the disclosure's, whoever asks."""
    request = permit.request
    for subject in dict.fromkeys(subjects):
        account = _account("quota", now, quota, request.dataset, request.disclosure, subject.hex())
        yield _claim(account, quota, [mark], now)


def _claim(account: bytes, allowance: Allowance, marks: Sequence[bytes], now: datetime) -> Claim:
    return Claim(account, allowance.limit, tuple(dict.fromkeys(marks)), allowance.period.end(now))


def _account(what: str, now: datetime, allowance: Allowance, *parts: str) -> bytes:
    return digest_of(what, allowance.period.value, allowance.period.start(now).isoformat(), *parts)


def _subjects(permit: Permit, keys: KeyRing) -> list[bytes]:
    """Keyed tokens of the subjects that were named, by their canonical form: a spelling is no second subject.

    To count subjects, tokens are opened before anything is on record. What they open to is not kept and does not leave.
    """
    request = permit.request
    if not isinstance(request, RowsRequest) or request.selector is None:
        return []
    field = permit.scope.contract.fields[request.selector.field]
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.METER, field.canonical.value)
    values = asked_subjects(request.selector, permit, keys)
    kind = ARROW_TYPES[field.type] if request.selector.by is SelectBy.KEY else pa.string()
    return subject_marks(pa.array(list(values), kind), field.canonical, key)


def asked_subjects(selector: Selector, permit: Permit, keys: KeyRing) -> tuple[Scalar, ...]:
    """Return the raw key of every asked subject in order; None for a token that is not this domain's.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    if selector.by is SelectBy.KEY:
        return selector.values
    form = permit.scope.contract.fields[selector.field].canonical
    tokens = pa.array(list(selector.values), pa.string())
    if selector.domain is not None:
        return tuple(open_tokens(tokens, selector.domain, form, keys).to_pylist())
    return tuple(read_tokens(tokens, form, reading_keys(keys, permit, selector.field)).to_pylist())


def _opened(permit: Permit, registers: Registers, audit: AuditLog, clock: Clock) -> Permit | None:
    """The permit with the glass broken wherever it must be; None where it may not."""
    own = _break_glass(permit, registers, audit, clock)
    if own is None or own.joined is None:
        return own
    other = _break_glass(own.joined.permit, registers, audit, clock)
    if other is None:
        return None
    until = min(own.valid_until, other.valid_until)
    return replace(own, joined=replace(own.joined, permit=other), valid_until=until)


def _break_glass(permit: Permit, registers: Registers, audit: AuditLog, clock: Clock) -> Permit | None:
    """The permit under the emergency that is open or that opens now; None if neither is."""
    span = permit.scope.terms.break_glass
    if span is None:
        return permit
    identity, now = permit.identity, clock.now()
    emergency, why = _standing(permit, registers, now), _why(permit)
    if emergency is None and not why:
        return None
    if emergency is None or (why and why != emergency.why):
        # another reason is another emergency: its reviewer must see it
        emergency = Emergency(
            id=secrets.token_hex(8),
            grant=permit.scope.grant,
            institution=identity.institution,
            person=identity.person,
            purpose=permit.request.context.purpose,
            why=why,
            opened_at=now,
            ends_at=now + span,
            review_due=now + REVIEW_WITHIN,
        )
        registers.emergencies.open(emergency)
        about = {"emergency": emergency.id, "grant": permit.scope.grant, "purpose": emergency.purpose}
        audit.note(Event(EventKind.GLASS_BROKEN, now, identity.id, about))
    return replace(permit, emergency=emergency.id, valid_until=min(permit.valid_until, emergency.ends_at))
