"""May this caller have this, for this purpose? A permit with its obligations, or a refusal as a value.

Casbin gives the static answer; what changes with time or request (windows, expiry, case numbers, caps) is checked
here on every request. Default deny: what nothing allows is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from gateway.model.calendar import city_day, end_of_day
from gateway.model.contract import ContractStatus, DataContract, DisclosureKind, DisclosureSpec
from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import (
    ADD_NOISE,
    APPLY_FILTERS,
    BOUND_CONTRIBUTIONS,
    DROP_INTERNAL,
    LIMIT_ROWS,
    REQUIRE_CONSENT,
    RESTRICT_REGION,
    RETAIN_ONLY,
    TREAT,
    WAIVE_NOISE,
    FieldViolation,
    Obligation,
    Permit,
    Refusal,
    Withheld,
)
from gateway.model.purpose import Purpose
from gateway.model.request import DisclosureRequest, MarginRequest, ReleaseRequest, RowsRequest
from gateway.model.statistics import NoisePlan
from gateway.model.treatment import Treatment
from gateway.policy.fit import misfit
from gateway.policy.grants import Grant
from gateway.policy.granularity import region_fits
from gateway.policy.nearest import nearest
from gateway.policy.offers import offers
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import PolicyStore
from gateway.ports import Clock, RequestRegister
from gateway.privacy.pricing import SMALLEST_EPSILON, epsilon_for_margin, plan_noise
from gateway.privacy.sensitivity import BoundedQuery, bound

NOT_IN_DISCLOSURE = "not part of this disclosure"


def decide(
    identity: Identity,
    request: DisclosureRequest,
    policy: PolicySnapshot,
    requests: RequestRegister,
    clock: Clock,
) -> Permit | Refusal:
    """Decide a request from one immutable policy snapshot.

    Raises:
        Fault: LEDGER_UNAVAILABLE if a request_id cannot be bound.
    """
    outcome = _decide(identity, request, policy, clock.now())
    if isinstance(outcome, Permit) and request.context.caller_gave_id:
        context = request.context
        if not requests.bind(identity.institution, identity.person, context.request_id, context.body_digest):
            return Refusal(ErrorReason.REQUEST_ID_REUSED, grant=outcome.grant, legal_basis=outcome.legal_basis)
    return outcome


def price_margin(
    identity: Identity, asked: MarginRequest, policy: PolicySnapshot, clock: Clock
) -> ReleaseRequest | Refusal:
    """Turn a wanted margin into the release that would have it. Decided like the release itself, charged never."""
    floor = ReleaseRequest(asked.context, asked.dataset, asked.disclosure, asked.query, SMALLEST_EPSILON)
    permit = _decide(identity, floor, policy, clock.now())
    if isinstance(permit, Refusal):
        return permit
    query = bound(asked.query, permit.contract, permit.disclosure)
    if not isinstance(query, BoundedQuery):
        return _refuse(ErrorReason.STATISTIC_NOT_DECLARED, query.place, "is not declared for this disclosure")
    epsilon = epsilon_for_margin(query, asked.margin)
    if epsilon > _max_epsilon(permit.disclosure):
        return _refuse(
            ErrorReason.MARGIN_OUT_OF_REACH, "margin_95", "needs more privacy loss than one release may have"
        )
    return replace(floor, epsilon=epsilon)


class StandingPermit:
    """Tells, batch by batch, whether a permit still stands: its time is not over, and no newer policy revokes it."""

    def __init__(self, permit: Permit, policies: PolicyStore, clock: Clock) -> None:
        self._permit = permit
        self._policies = policies
        self._clock = clock
        self._affirmed = permit.policy_digest

    def __call__(self) -> bool:
        """Return False once the permit has ended. A newer policy must give the very same permission."""
        permit, now = self._permit, self._clock.now()
        if now >= permit.valid_until:
            return False
        policy = self._policies.current()
        if policy.digest != self._affirmed:
            again = _decide(permit.identity, permit.request, policy, now)
            if not isinstance(again, Permit) or _substance(again) != _substance(permit):
                return False
            self._affirmed = policy.digest
        return True


def _substance(permit: Permit) -> tuple[object, ...]:
    return (
        permit.contract.digest,
        permit.region,
        dict(permit.fields),
        permit.max_rows,
        permit.obligations,
        permit.noise,
        permit.disclosure.predicate,
        permit.disclosure.consent_field,
    )


def _decide(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> Permit | Refusal:
    context, today = request.context, city_day(now)
    if not context.purpose:
        return _refuse(ErrorReason.PURPOSE_MISSING, "context.purpose", "name the purpose of the request")
    purpose = policy.purposes.get(context.purpose)
    region = context.region or policy.regions.root.path
    contract = policy.contracts.get(request.dataset)
    disclosure = _disclosure(contract, request)
    known = purpose is not None and policy.regions.contains(region)
    if purpose is not None and known and _denied_for_all(request, region, purpose, policy):
        return Refusal(ErrorReason.DENIED_BY_RULE, legal_basis=purpose.legal_basis)
    if purpose is None or contract is None or disclosure is None or not known:
        return _not_granted(identity, request, policy, now)
    ruling = policy.ruling(
        identity.institution, f"{request.dataset}/{request.disclosure}", request.kind, region, purpose.id
    )
    if ruling.denied and _offered(identity, request, policy, now):
        return Refusal(ErrorReason.DENIED_BY_RULE, legal_basis=purpose.legal_basis)
    if ruling.denied or not ruling.grants or (contract.region_field is None and region != policy.regions.root.path):
        return _not_granted(identity, request, policy, now)
    if purpose.expires_on is not None and today > purpose.expires_on:
        return Refusal(ErrorReason.PURPOSE_EXPIRED, legal_basis=purpose.legal_basis)
    unmet = [(grant, grant.terms.unmet(request, today)) for grant in ruling.grants]
    holding = [grant for grant, reason in unmet if reason is None]
    if not holding:
        grant, broken = unmet[0]
        reason = broken or ErrorReason.GRANT_NOT_IN_FORCE
        near = nearest(policy, identity.institution, request, today, reason)
        return Refusal(reason, near, grant=grant.id, legal_basis=purpose.legal_basis)
    plan = _plan(identity, request, contract, disclosure, policy, now)
    if isinstance(plan, Refusal):
        return replace(plan, grant=holding[0].id, legal_basis=purpose.legal_basis)
    fields, withheld, noise = plan
    if isinstance(request, RowsRequest):
        # a region narrower than the fields tell would be a filter on what they do not tell
        holding = [grant for grant in holding if region_fits(region, grant, contract, fields, policy.regions)]
    if not holding:
        reason = ErrorReason.REGION_NOT_GRANTED
        near = nearest(policy, identity.institution, request, today, reason)
        return Refusal(reason, near, grant=unmet[0][0].id, legal_basis=purpose.legal_basis)
    used = holding[0]
    max_rows = _tighter(disclosure.max_rows, used.terms.max_rows)
    return Permit(
        identity=identity,
        request=request,
        contract=contract,
        disclosure=disclosure,
        region=region,
        fields=fields,
        withheld=withheld,
        grant=used.id,
        legal_basis=purpose.legal_basis,
        policy_digest=policy.digest,
        max_rows=max_rows,
        valid_until=_valid_until(identity, purpose, used),
        obligations=_obligations(disclosure, fields, max_rows),
        decided_at=now,
        case_number=context.case_number if used.terms.case_pattern is not None else "",
        noise=noise,
    )


def _disclosure(contract: DataContract | None, request: DisclosureRequest) -> DisclosureSpec | None:
    if contract is None or contract.status is not ContractStatus.CONFIRMED:
        return None
    disclosure = contract.disclosures.get(request.disclosure)
    return disclosure if disclosure is not None and disclosure.kind is request.kind else None


_NOBODY, _NOTHING = "?", "?/?"


def _denied_for_all(request: DisclosureRequest, region: str, purpose: Purpose, policy: PolicySnapshot) -> bool:
    """Tell whether a rule denies this purpose to everybody and for every dataset: to say so tells nothing else."""
    return policy.ruling(_NOBODY, _NOTHING, request.kind, region, purpose.id).denied


def _offered(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> bool:
    own = offers(policy, identity.institution, city_day(now), purpose=request.context.purpose, dataset=request.dataset)
    return any(_names(offer.contract.dataset, offer.disclosure, request) for offer in own)


def _not_granted(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> Refusal:
    """Say what is not granted, from the caller's own grants alone: what exists besides them does not show."""
    today = city_day(now)
    own = offers(policy, identity.institution, today, purpose=request.context.purpose)
    if not own:
        reason = ErrorReason.PURPOSE_NOT_GRANTED
    elif any(_names(offer.contract.dataset, offer.disclosure, request) for offer in own):
        reason = ErrorReason.REGION_NOT_GRANTED
    else:
        reason = ErrorReason.DISCLOSURE_NOT_GRANTED
    purpose = policy.purposes.get(request.context.purpose)
    basis = None if purpose is None or reason is ErrorReason.PURPOSE_NOT_GRANTED else purpose.legal_basis
    return Refusal(reason, nearest(policy, identity.institution, request, today, reason), legal_basis=basis)


def _names(dataset: str, disclosure: DisclosureSpec, request: DisclosureRequest) -> bool:
    return dataset == request.dataset and disclosure.name == request.disclosure and disclosure.kind is request.kind


_Plan = tuple[Mapping[str, Treatment], tuple[Withheld, ...], tuple[NoisePlan, ...]]


def _plan(
    identity: Identity,
    request: DisclosureRequest,
    contract: DataContract,
    disclosure: DisclosureSpec,
    policy: PolicySnapshot,
    now: datetime,
) -> _Plan | Refusal:
    refusal = misfit(request, contract, disclosure)
    if refusal is not None:
        return refusal
    if isinstance(request, ReleaseRequest):
        noise = _plan_release(request, contract, disclosure)
        return noise if isinstance(noise, Refusal) else ({}, (), noise)
    asked = request.fields or tuple(disclosure.fields)
    fields = {name: how for name, how in disclosure.fields.items() if name in asked}
    withheld = tuple(Withheld(name, NOT_IN_DISCLOSURE) for name in asked if name not in disclosure.fields)
    needs_fields = disclosure.kind is not DisclosureKind.CHECK
    if (withheld and not request.allow_partial) or (needs_fields and not fields):
        reason = ErrorReason.FIELD_NOT_GRANTED
        return Refusal(reason, nearest(policy, identity.institution, request, city_day(now), reason), withheld=withheld)
    return fields, withheld, ()


def _plan_release(
    request: ReleaseRequest, contract: DataContract, disclosure: DisclosureSpec
) -> tuple[NoisePlan, ...] | Refusal:
    query = bound(request.query, contract, disclosure)
    if not isinstance(query, BoundedQuery):
        return _refuse(ErrorReason.STATISTIC_NOT_DECLARED, query.place, "is not declared for this disclosure")
    if not SMALLEST_EPSILON <= request.epsilon <= _max_epsilon(disclosure):
        return _refuse(
            ErrorReason.EPSILON_OUT_OF_RANGE,
            "epsilon",
            f"must lie between {float(SMALLEST_EPSILON)} and {float(_max_epsilon(disclosure))}",
        )
    noise = plan_noise(query, request.epsilon)
    if noise is None:
        return _refuse(ErrorReason.EPSILON_OUT_OF_RANGE, "epsilon", "is too small for the bounds of this statistic")
    return noise


def _max_epsilon(disclosure: DisclosureSpec) -> Fraction:
    return Fraction(0) if disclosure.statistics is None else Fraction(disclosure.statistics.max_epsilon)


def _obligations(
    disclosure: DisclosureSpec, fields: Mapping[str, Treatment], max_rows: int | None
) -> frozenset[Obligation]:
    owed = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS)}
    if disclosure.consent_field is not None:
        owed.add(Obligation(REQUIRE_CONSENT))
    if disclosure.kind is DisclosureKind.RELEASE:
        return frozenset(owed | {Obligation(BOUND_CONTRIBUTIONS), Obligation(ADD_NOISE)})
    if max_rows is not None:
        owed.add(Obligation(LIMIT_ROWS))
    owed |= {Obligation(RETAIN_ONLY), Obligation(DROP_INTERNAL), Obligation(WAIVE_NOISE)}
    return frozenset(owed | {Obligation(TREAT, name) for name in fields})


def _valid_until(identity: Identity, purpose: Purpose, grant: Grant) -> datetime:
    ends = [identity.valid_until]
    ends += [end_of_day(day) for day in (purpose.expires_on, grant.terms.valid_until) if day is not None]
    return min(ends)


def _tighter(first: int | None, second: int | None) -> int | None:
    caps = [cap for cap in (first, second) if cap is not None]
    return min(caps, default=None)


def _refuse(reason: ErrorReason, field: str, description: str) -> Refusal:
    return Refusal(reason, violations=(FieldViolation(field, description),))
