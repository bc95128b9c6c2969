"""May this caller have this, for this purpose? Permits with their obligations, or a refusal, as values.

Casbin gives the static answer, which is kept; what changes with time or with the caller's words (windows, memberships,
expiry, case numbers, caps) is looked at on every request. Default deny: what nothing allows is refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from functools import partial

from gateway.decision.entitlement import Entitlement, entitlement
from gateway.decision.existence import has_offers, is_offered
from gateway.decision.fit import misfit
from gateway.decision.joining import as_one
from gateway.decision.mending import answerable
from gateway.decision.nearest import nearest
from gateway.decision.preparation import Option, asked_fields, enough, prepare
from gateway.decision.price import out_of_range, too_little
from gateway.decision.standing import open_at, unmet, unmet_by
from gateway.decision.synthesis import settle_synthesis
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason
from gateway.model.grouping import ByFoundKeys, ByRegionTree
from gateway.model.joining import divided
from gateway.model.measure import dearest
from gateway.model.party import Identity
from gateway.model.permit import FieldViolation, Joined, NearestPlan, Permit, Refusal
from gateway.model.plan import SettledRelease
from gateway.model.purpose import Purpose
from gateway.model.region import RegionLevel
from gateway.model.request import DisclosureRequest, ReleaseRequest, RowsRequest, SynthesisRequest
from gateway.model.statistics import ADDITIVE, PLAIN, JoinedDataset, Presentation, StatisticsQuery
from gateway.model.synthesis import SettledSynthesis
from gateway.model.terms import Terms
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.pricing import settle


def judge(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime
) -> tuple[Permit, ...] | Refusal:
    """Decide a request from one immutable policy snapshot.

    Returns one permit for each grant that covers the request, in the order of the file, and never none. They never
    merge: the first whose further terms the registers bear out is used alone.
    """
    held = _held(identity, request, policy, now)
    if isinstance(held, Refusal):
        return held
    found, holding = held
    under = holding[0].scope
    joined = _joined(identity, request, found, policy, now)
    if isinstance(joined, Refusal):
        return replace(joined, grant=under.grant, legal_basis=under.legal_basis)
    if joined:
        found = replace(found, contract=joined[0].contract, disclosure=joined[0].disclosure)
    settled = _settled(request, found, policy)
    if isinstance(settled, Refusal):
        return replace(settled, grant=under.grant, legal_basis=under.legal_basis)
    return tuple(_permit(identity, request, one, settled, now, other) for one in holding for other in joined or (None,))


def _held(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime
) -> tuple[Entitlement, list[Option]] | Refusal:
    """What is asked for, and the grants that cover it at this moment: never none."""
    if not request.context.purpose:
        return _refuse(ErrorReason.PURPOSE_MISSING, "context.purpose", "name the purpose of the request")
    prepared = prepare(identity.institution, request, policy, city_day(now))
    if prepared is None:
        return _why_not(identity, request, policy, now)
    holding = [one for one in prepared.options if not one.asks or _covers(one.scope.terms, request, now)]
    return (prepared.found, holding) if holding else _why_not(identity, request, policy, now)


def _covers(terms: Terms, request: DisclosureRequest, now: datetime) -> bool:
    return open_at(terms, now) and unmet_by(request, terms) is None


# --- why not ----------------------------------------------------------------------------------------------------------


def _why_not(identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime) -> Refusal:
    """Say why a request is refused, in the order in which a caller may know: first whether it is theirs at all."""
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


# --- joined with what -------------------------------------------------------------------------------------------------


def _joined(
    identity: Identity, request: DisclosureRequest, found: Entitlement, policy: PolicySnapshot, now: datetime
) -> tuple[Joined, ...] | Refusal:
    """The permits for the dataset that a release joins, decided as for statistics of it alone; () where it joins none.

    Of a dataset that this caller may not ask for, no more is told than if it were asked for by itself.
    """
    if not isinstance(request, ReleaseRequest) or request.query.join is None:
        return ()
    join = request.query.join
    other = replace(
        request, dataset=join.dataset, disclosure=join.disclosure, query=StatisticsQuery((), (), ()), presentation=PLAIN
    )
    held = _held(identity, other, policy, now)
    if isinstance(held, Refusal):
        why = FieldViolation("plan.join", "names a dataset that is refused to this request by itself")
        apart = replace(held, nearest=None, violations=(*held.violations, why))
        return replace(apart, plan=_without_join(request, join, found, policy))
    theirs, holding = held
    one = as_one((found.contract, found.disclosure), (theirs.contract, theirs.disclosure))
    if isinstance(one, str):
        refusal = _refuse(ErrorReason.STATISTIC_NOT_DECLARED, "plan.join", one)
        return replace(refusal, plan=_without_join(request, join, found, policy))
    return tuple(Joined(_permit(identity, other, option, None, now), *one) for option in holding)


def _without_join(
    request: ReleaseRequest, join: JoinedDataset, found: Entitlement, policy: PolicySnapshot
) -> NearestPlan | None:
    """The plan over the first dataset alone; None where its conditions are on the other one."""
    if divided(request.query.filters, join.dataset)[1]:
        return None
    alone, places = replace(request.query, join=None), partial(places_of, policy, found.region)
    return answerable(alone, request.price, found.contract, found.disclosure, places)


# --- what then --------------------------------------------------------------------------------------------------------


def _settled(
    request: DisclosureRequest, found: Entitlement, policy: PolicySnapshot
) -> SettledRelease | SettledSynthesis | Refusal | None:
    """Hold the caller's values against the disclosure, and settle the noise of a release; None for rows."""
    refusal = misfit(request, found.contract, found.disclosure)
    if refusal is not None:
        return refusal
    match request:
        case ReleaseRequest():
            return _settle(request, found, policy)
        case SynthesisRequest():
            places = partial(places_of, policy, found.region)
            return settle_synthesis(request, found.contract, found.disclosure, places)
        case _:
            return None


def _settle(request: ReleaseRequest, found: Entitlement, policy: PolicySnapshot) -> SettledRelease | Refusal:
    contract, disclosure = found.contract, found.disclosure
    places = partial(places_of, policy, found.region)

    def with_plan(refusal: Refusal) -> Refusal:
        return replace(refusal, plan=answerable(request.query, request.price, contract, disclosure, places))

    query = bind(request.query, contract, disclosure, places)
    if isinstance(query, Unbound):
        return with_plan(_refuse(ErrorReason.STATISTIC_NOT_DECLARED, query.place, query.rule))
    unfit = _unfit(request.presentation, request.query)
    if unfit is not None:
        return unfit
    unaffordable = out_of_range(request.price, dearest(disclosure))
    if unaffordable is not None:
        return with_plan(unaffordable)
    return settle(query, request.query.statistics, request.price, contract) or with_plan(too_little(request.price))


def _unfit(presentation: Presentation, query: StatisticsQuery) -> Refusal | None:
    tree = any(isinstance(grouping, ByRegionTree) for grouping in query.group_by)
    if presentation.consistent and not tree:
        return _refuse(ErrorReason.REQUEST_INVALID, "presentation.consistent", "is for a tree of regions")
    if presentation.top is None:
        return None
    if any(isinstance(grouping, ByFoundKeys) for grouping in query.group_by):
        rule = "has no meaning among found keys: those that are not shown could be larger"
        return _refuse(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    if tree:
        rule = "has no meaning over a tree of regions: ask for one level"
        return _refuse(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    if query.statistics[0].kind not in ADDITIVE:
        rule = "is by the first statistic, which must be a count or a sum"
        return _refuse(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    return None


def places_of(policy: PolicySnapshot, region: str, level: RegionLevel) -> tuple[str, ...]:
    """Return the paths of the regions of a level within a region."""
    return tuple(place.path for place in policy.regions.descendants(region, level))


def _permit(
    identity: Identity,
    request: DisclosureRequest,
    option: Option,
    settled: SettledRelease | SettledSynthesis | None,
    now: datetime,
    joined: Joined | None = None,
) -> Permit:
    scope, until = option.scope, identity.valid_until
    if joined is not None:
        until = min(until, joined.permit.valid_until)
    hours = scope.terms.hours
    if option.ends is not None and option.ends < until:
        until = option.ends
    if hours is not None:
        until = min(until, hours.end_of(now) or now)
    case_number = request.context.case_number if scope.terms.needs_case else ""
    permit = Permit(identity, request, scope, until, now, case_number)
    if isinstance(settled, SettledSynthesis):
        return replace(permit, synthesis=settled)
    return replace(permit, release=settled, joined=joined)


def _refuse(reason: ErrorReason, field: str, description: str) -> Refusal:
    return Refusal(reason, violations=(FieldViolation(field, description),))
