"""May this caller have this, for this purpose? Permits with their obligations, or a refusal, as values.

Casbin gives the static answer, which is kept; what changes with time or with the caller's words (windows, memberships,
expiry, case numbers, caps) is looked at on every request. Default deny: what nothing allows is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction

from gateway.decision.entitlement import Entitlement, entitlement
from gateway.decision.fit import misfit
from gateway.decision.granularity import region_fits
from gateway.decision.nearest import nearest
from gateway.decision.offers import offers
from gateway.decision.standing import last_day, unmet
from gateway.model.calendar import city_day, end_of_day
from gateway.model.contract import DisclosureKind, DisclosureSpec
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
from gateway.policy.grants import Grant
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.pricing import SMALLEST_EPSILON, epsilon_for_margin, plan_noise
from gateway.privacy.sensitivity import BoundedQuery, bound

NOT_IN_DISCLOSURE = "not part of this disclosure"


def judge(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime
) -> tuple[Permit, ...] | Refusal:
    """Decide a request from one immutable policy snapshot.

    Returns one permit for each grant that covers the request, in the order of the file, and never none. They never
    merge: the first whose further terms the registers bear out is used alone.
    """
    if not request.context.purpose:
        return _refuse(ErrorReason.PURPOSE_MISSING, "context.purpose", "name the purpose of the request")
    today = city_day(now)
    found = entitlement(identity.institution, request, policy)
    if found is None or found.denied_on(today):
        return _not_entitled(identity, request, policy, today)
    purpose = found.purpose
    if purpose.expires_on is not None and today > purpose.expires_on:
        return Refusal(ErrorReason.PURPOSE_EXPIRED, legal_basis=purpose.legal_basis)
    if found.unlawful is not None:
        near = nearest(policy, identity.institution, request, today, found.unlawful)
        return Refusal(found.unlawful, near, legal_basis=purpose.legal_basis)
    holding: list[Grant] = []
    broken: ErrorReason | None = None
    for grant in found.grants:
        reason = unmet(grant, request, identity.institution, found.disclosure, policy, today)
        if reason is None:
            holding.append(grant)
        else:
            broken = broken or reason
    if not holding:
        reason = broken or ErrorReason.GRANT_NOT_IN_FORCE
        near = nearest(policy, identity.institution, request, today, reason)
        return Refusal(reason, near, grant=found.grants[0].id, legal_basis=purpose.legal_basis)
    plan = _plan(identity, request, found, policy, today)
    if isinstance(plan, Refusal):
        return replace(plan, grant=holding[0].id, legal_basis=purpose.legal_basis)
    if isinstance(request, RowsRequest):
        # a region narrower than the fields tell would be a filter on what they do not tell
        fitting = [
            one for one in holding if region_fits(found.region, one, found.contract, plan.fields, policy.regions)
        ]
        if not fitting:
            near = nearest(policy, identity.institution, request, today, ErrorReason.REGION_NOT_GRANTED)
            first = found.grants[0].id
            return Refusal(ErrorReason.REGION_NOT_GRANTED, near, grant=first, legal_basis=purpose.legal_basis)
        holding = fitting
    return tuple(_permit(identity, request, found, plan, grant, policy, now) for grant in holding)


def price_margin(
    identity: Identity, asked: MarginRequest, policy: PolicySnapshot, now: datetime
) -> ReleaseRequest | Refusal:
    """Turn a wanted margin into the release that would have it. Decided like the release itself, charged never."""
    floor = ReleaseRequest(asked.context, asked.dataset, asked.disclosure, asked.query, SMALLEST_EPSILON)
    permits = judge(identity, floor, policy, now)
    if isinstance(permits, Refusal):
        return permits
    permit = permits[0]
    query = bound(asked.query, permit.contract, permit.disclosure)
    if not isinstance(query, BoundedQuery):
        return _refuse(ErrorReason.STATISTIC_NOT_DECLARED, query.place, "is not declared for this disclosure")
    epsilon = epsilon_for_margin(query, asked.margin)
    if epsilon > _max_epsilon(permit.disclosure):
        return _refuse(
            ErrorReason.MARGIN_OUT_OF_REACH, "margin_95", "needs more privacy loss than one release may have"
        )
    return replace(floor, epsilon=epsilon)


def same_permission(one: Permit, other: Permit) -> bool:
    """Tell whether two permits give the very same: what a newer policy must give for a stream to go on."""
    return _substance(one) == _substance(other)


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
        permit.terms,
    )


# --- why not ----------------------------------------------------------------------------------------------------------

_NOBODY, _NOTHING = "?", "?/?"


def _not_entitled(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, today: date) -> Refusal:
    """Say what is not granted, from the caller's own grants alone: what exists besides them does not show."""
    purpose = policy.purposes.get(request.context.purpose)
    region = request.context.region or policy.regions.root.path
    if purpose is not None and policy.regions.contains(region):
        if _denied(_NOBODY, _NOTHING, request, region, purpose, policy, today):
            # denied to everybody and for every dataset: to say so tells nothing else
            return Refusal(ErrorReason.DENIED_BY_RULE, legal_basis=purpose.legal_basis)
        obj = f"{request.dataset}/{request.disclosure}"
        offered = offers(policy, identity.institution, today, purpose=purpose.id, dataset=request.dataset)
        if any(_names(one.contract.dataset, one.disclosure, request) for one in offered) and _denied(
            identity.institution, obj, request, region, purpose, policy, today
        ):
            return Refusal(ErrorReason.DENIED_BY_RULE, legal_basis=purpose.legal_basis)
    own = offers(policy, identity.institution, today, purpose=request.context.purpose)
    if not own:
        reason = ErrorReason.PURPOSE_NOT_GRANTED
    elif any(_names(offer.contract.dataset, offer.disclosure, request) for offer in own):
        reason = ErrorReason.REGION_NOT_GRANTED
    else:
        reason = ErrorReason.DISCLOSURE_NOT_GRANTED
    basis = None if purpose is None or reason is ErrorReason.PURPOSE_NOT_GRANTED else purpose.legal_basis
    return Refusal(reason, nearest(policy, identity.institution, request, today, reason), legal_basis=basis)


def _denied(
    recipient: str,
    obj: str,
    request: DisclosureRequest,
    region: str,
    purpose: Purpose,
    policy: PolicySnapshot,
    today: date,
) -> bool:
    ruling = policy.ruling(recipient, obj, request.kind, region, purpose.id)
    return ruling.denied or any(trial.terms.trial is None or today > trial.terms.trial for trial in ruling.trials)


def _names(dataset: str, disclosure: DisclosureSpec, request: DisclosureRequest) -> bool:
    return dataset == request.dataset and disclosure.name == request.disclosure and disclosure.kind is request.kind


# --- what then --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    fields: Mapping[str, Treatment]
    withheld: tuple[Withheld, ...]
    noise: tuple[NoisePlan, ...]


def _plan(
    identity: Identity, request: DisclosureRequest, found: Entitlement, policy: PolicySnapshot, today: date
) -> _Plan | Refusal:
    disclosure = found.disclosure
    refusal = misfit(request, found.contract, disclosure)
    if refusal is not None:
        return refusal
    if isinstance(request, ReleaseRequest):
        noise = _plan_release(request, found)
        return noise if isinstance(noise, Refusal) else _Plan({}, (), noise)
    if not request.fields:
        return _Plan(disclosure.fields, (), ())
    fields = {name: how for name, how in disclosure.fields.items() if name in request.fields}
    withheld = tuple(Withheld(name, NOT_IN_DISCLOSURE) for name in request.fields if name not in disclosure.fields)
    answers_alone = disclosure.kind in (DisclosureKind.CHECK, DisclosureKind.CONSUME)
    if (withheld and not request.allow_partial) or not (fields or answers_alone):
        reason = ErrorReason.FIELD_NOT_GRANTED
        return Refusal(reason, nearest(policy, identity.institution, request, today, reason), withheld=withheld)
    return _Plan(fields, withheld, ())


def _plan_release(request: ReleaseRequest, found: Entitlement) -> tuple[NoisePlan, ...] | Refusal:
    query = bound(request.query, found.contract, found.disclosure)
    if not isinstance(query, BoundedQuery):
        return _refuse(ErrorReason.STATISTIC_NOT_DECLARED, query.place, "is not declared for this disclosure")
    most = _max_epsilon(found.disclosure)
    if not SMALLEST_EPSILON <= request.epsilon <= most:
        return _refuse(
            ErrorReason.EPSILON_OUT_OF_RANGE,
            "epsilon",
            f"must lie between {float(SMALLEST_EPSILON)} and {float(most)}",
        )
    noise = plan_noise(query, request.epsilon)
    if noise is None:
        return _refuse(ErrorReason.EPSILON_OUT_OF_RANGE, "epsilon", "is too small for the bounds of this statistic")
    return noise


def _max_epsilon(disclosure: DisclosureSpec) -> Fraction:
    return Fraction(0) if disclosure.statistics is None else Fraction(disclosure.statistics.max_epsilon)


def _permit(
    identity: Identity,
    request: DisclosureRequest,
    found: Entitlement,
    plan: _Plan,
    grant: Grant,
    policy: PolicySnapshot,
    now: datetime,
) -> Permit:
    max_rows = _tighter(found.disclosure.max_rows, grant.terms.max_rows)
    return Permit(
        identity=identity,
        request=request,
        contract=found.contract,
        disclosure=found.disclosure,
        region=found.region,
        fields=plan.fields,
        withheld=plan.withheld,
        grant=grant.id,
        legal_basis=found.purpose.legal_basis,
        policy_digest=policy.digest,
        max_rows=max_rows,
        valid_until=_valid_until(identity, found.purpose, grant, policy, now),
        obligations=_obligations(found.disclosure, plan.fields, max_rows, grant.terms.consent),
        decided_at=now,
        case_number=request.context.case_number if grant.terms.needs_case else "",
        noise=plan.noise,
        terms=grant.terms,
        trials=found.trial_names,
    )


def _obligations(
    disclosure: DisclosureSpec, fields: Mapping[str, Treatment], max_rows: int | None, consent: str | None
) -> frozenset[Obligation]:
    owed = {Obligation(RESTRICT_REGION), Obligation(APPLY_FILTERS)}
    if disclosure.consent_field is not None:
        owed.add(Obligation(REQUIRE_CONSENT))
    if consent is not None:
        owed.add(Obligation(REQUIRE_CONSENT, consent))
    if disclosure.kind is DisclosureKind.RELEASE:
        return frozenset(owed | {Obligation(BOUND_CONTRIBUTIONS), Obligation(ADD_NOISE)})
    if max_rows is not None:
        owed.add(Obligation(LIMIT_ROWS))
    owed |= {Obligation(RETAIN_ONLY), Obligation(DROP_INTERNAL), Obligation(WAIVE_NOISE)}
    return frozenset(owed | {Obligation(TREAT, name) for name in fields})


def _valid_until(identity: Identity, purpose: Purpose, grant: Grant, policy: PolicySnapshot, now: datetime) -> datetime:
    days = (purpose.expires_on, last_day(grant, identity.institution, policy, city_day(now)))
    return min([identity.valid_until, *(end_of_day(day) for day in days if day is not None)])


def _tighter(first: int | None, second: int | None) -> int | None:
    caps = [cap for cap in (first, second) if cap is not None]
    return min(caps, default=None)


def _refuse(reason: ErrorReason, field: str, description: str) -> Refusal:
    return Refusal(reason, violations=(FieldViolation(field, description),))
