"""May this caller have this, for this purpose? Permits with their obligations, or a refusal, as values.

Casbin gives the static answer, which is kept; what changes with time or with the caller's words (windows, memberships,
expiry, case numbers, caps) is looked at on every request. Default deny: what nothing allows is refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

from gateway.decision.entitlement import Entitlement
from gateway.decision.joining import as_one
from gateway.decision.mending import answerable
from gateway.decision.preparation import Option, prepare
from gateway.decision.settling import places_of, settle_asked
from gateway.decision.standing import open_at, unmet_by
from gateway.decision.why_not import why_not
from gateway.model.calendar import city_day
from gateway.model.errors import ErrorReason
from gateway.model.joining import divided
from gateway.model.party import Identity
from gateway.model.permit import FieldViolation, Joined, NearestPlan, Permit, Refusal
from gateway.model.plan import SettledRelease
from gateway.model.request import DisclosureRequest, ReleaseRequest
from gateway.model.statistics import PLAIN, JoinedDataset, StatisticsQuery
from gateway.model.synthesis import SettledSynthesis
from gateway.model.terms import Terms
from gateway.policy.snapshot import PolicySnapshot


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
    settled = settle_asked(request, found, policy)
    if isinstance(settled, Refusal):
        return replace(settled, grant=under.grant, legal_basis=under.legal_basis)
    return tuple(_permit(identity, request, one, settled, now, other) for one in holding for other in joined or (None,))


def _held(
    identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime
) -> tuple[Entitlement, list[Option]] | Refusal:
    """What is asked for, and the grants that cover it at this moment: never none."""
    if not request.context.purpose:
        return Refusal.of(ErrorReason.PURPOSE_MISSING, "context.purpose", "name the purpose of the request")
    prepared = prepare(identity.institution, request, policy, city_day(now))
    if prepared is None:
        return why_not(identity, request, policy, now)
    holding = [one for one in prepared.options if not one.asks or _covers(one.scope.terms, request, now)]
    return (prepared.found, holding) if holding else why_not(identity, request, policy, now)


def _covers(terms: Terms, request: DisclosureRequest, now: datetime) -> bool:
    return open_at(terms, now) and unmet_by(request, terms) is None


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
        refusal = Refusal.of(ErrorReason.STATISTIC_NOT_DECLARED, "plan.join", one)
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
