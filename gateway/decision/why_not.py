"""Why a request is refused, in the order in which a caller may know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from gateway.decision.entitlement import entitlement
from gateway.decision.existence import has_offers, is_offered
from gateway.decision.fit import misfit
from gateway.decision.nearest import nearest
from gateway.decision.preparation import asked_fields, enough
from gateway.decision.standing import open_at, unmet
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.purpose import Purpose
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy.snapshot import PolicySnapshot


def why_not(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> Refusal:
    """Say why a request is refused: first whether it is theirs at all."""
    institution, today = identity.institution, city_day(now)
    found = entitlement(institution, request, policy)
    if found is None or found.ruling.denied_on(today):
        return _not_entitled(identity, request, policy, today)
    basis = found.purpose.legal_basis
    if found.purpose.ended_on(today):
        return Refusal(ErrorReason.PURPOSE_EXPIRED, legal_basis=basis)
    if found.unlawful is not None:
        near = nearest(policy, institution, request, today, found.unlawful)
        return Refusal(found.unlawful, near, legal_basis=basis)
    grants = found.ruling.grants
    reasons = {one: unmet(one, request, institution, found.disclosure, policy, today) for one in grants}
    reasons |= {one: ErrorReason.GRANT_NOT_IN_FORCE for one in grants if not open_at(one.terms, now)}
    holding = [grant for grant, reason in reasons.items() if reason is None]
    if not holding:
        reason = reasons[grants[0]] or ErrorReason.GRANT_NOT_IN_FORCE
        near = nearest(policy, institution, request, today, reason)
        return Refusal(reason, near, grant=grants[0].id, legal_basis=basis)
    refusal = misfit(request, found.contract, found.disclosure)
    if refusal is not None:
        return replace(refusal, grant=holding[0].id, legal_basis=basis)
    if isinstance(request, RowsRequest):
        fields, withheld = asked_fields(request, found.disclosure)
        if not enough(request, found.disclosure, fields, withheld):
            near = nearest(policy, institution, request, today, ErrorReason.FIELD_NOT_GRANTED)
            return Refusal(
                ErrorReason.FIELD_NOT_GRANTED, near, withheld=withheld, grant=holding[0].id, legal_basis=basis
            )
    near = nearest(policy, institution, request, today, ErrorReason.REGION_NOT_GRANTED)
    return Refusal(ErrorReason.REGION_NOT_GRANTED, near, grant=grants[0].id, legal_basis=basis)


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
        if _offered(identity, request, policy, today) and _denied(
            identity.institution, obj, request, region, purpose, policy, today
        ):
            return Refusal(ErrorReason.DENIED_BY_RULE, legal_basis=purpose.legal_basis)
    if not has_offers(policy, identity.institution, request.context.purpose, today):
        reason = ErrorReason.PURPOSE_NOT_GRANTED
    elif _offered(identity, request, policy, today):
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
    return policy.ruling(recipient, obj, request.kind, region, purpose.id).denied_on(today)


def _offered(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, today: date) -> bool:
    return is_offered(
        policy,
        identity.institution,
        request.dataset,
        request.disclosure,
        request.kind,
        request.context.purpose,
        today,
    )
