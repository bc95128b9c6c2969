"""The caller's own values, held against a disclosure that is theirs: what its noise and price come to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gateway.decision.entitlement import Entitlement
from gateway.decision.fit import misfit
from gateway.decision.mending import answerable
from gateway.decision.price import out_of_range, too_little
from gateway.decision.synthesis import settle_synthesis
from gateway.model.errors import ErrorReason
from gateway.model.grouping import ByFoundKeys, ByRegionTree
from gateway.model.measure import dearest
from gateway.model.permit import Refusal
from gateway.model.plan import SettledRelease
from gateway.model.region import RegionLevel
from gateway.model.request import DisclosureRequest, ReleaseRequest, SynthesisRequest
from gateway.model.statistics import ADDITIVE, Presentation, StatisticsQuery
from gateway.model.synthesis import SettledSynthesis
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.pricing import settle


def settle_asked(
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
        return with_plan(Refusal.of(ErrorReason.STATISTIC_NOT_DECLARED, query.place, query.rule))
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
        return Refusal.of(ErrorReason.REQUEST_INVALID, "presentation.consistent", "is for a tree of regions")
    if presentation.top is None:
        return None
    if any(isinstance(grouping, ByFoundKeys) for grouping in query.group_by):
        rule = "has no meaning among found keys: those that are not shown could be larger"
        return Refusal.of(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    if tree:
        rule = "has no meaning over a tree of regions: ask for one level"
        return Refusal.of(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    if query.statistics[0].kind not in ADDITIVE:
        rule = "is by the first statistic, which must be a count or a sum"
        return Refusal.of(ErrorReason.REQUEST_INVALID, "presentation.top", rule)
    return None


def places_of(policy: PolicySnapshot, region: str, level: RegionLevel) -> tuple[str, ...]:
    """Return the paths of the regions of a level within a region."""
    return tuple(place.path for place in policy.regions.descendants(region, level))
