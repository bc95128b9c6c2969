"""What else a caller could ask: plans that cost less or have narrower margins, each decided like the request itself.

All of it follows from the policy and the plan. Nothing is proposed that `judge` would refuse.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import partial

from gateway.decision.judge import judge
from gateway.decision.settling import places_of
from gateway.decision.variants import Variant, cheaper_variants, containing
from gateway.model.alternative import Change
from gateway.model.errors import ErrorReason, Fault
from gateway.model.grouping import Period
from gateway.model.margins import AnswerMargin, LevelMargin
from gateway.model.measure import DECIMALS, Currency, Price, dearest
from gateway.model.permit import Permit, Refusal
from gateway.model.plan import AtLevel, BoundedQuery, InPeriod, SettledRelease
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import StatisticsQuery
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.margins import answer_margins, own_unit, summed_margin
from gateway.privacy.targets import least_weights, price_of_shares, share_within

MOST = 8
"""So many alternatives are told."""

_RELAXED = 2
_MOST_LARGER = 10
"""Coarser cells are told at margins that are wider in the same proportion, but never by more than this."""

_ORDER = tuple(Change)
_NO_PURE_EPSILON = "a pure epsilon: what is promised is zero-concentrated differential privacy"


@dataclass(frozen=True, slots=True)
class Option:
    """A request that would pass, and what is lost by it.

    Where the cells that were asked for are sums of its cells, those are `coarse`.
    """

    change: Change
    permit: Permit
    lost: str
    coarse: BoundedQuery | None = None

    def margins(self) -> tuple[AnswerMargin, ...]:
        """Return the margins of the answers, or of the sums that are made of them."""
        request, settled = _of(self.permit)
        own = answer_margins(settled, request.query.statistics, self.permit.contract)
        return own if self.coarse is None else _summed(self.permit, own, self.coarse)


def alternatives(
    permit: Permit, policy: PolicySnapshot, now: datetime, shares: Sequence[Fraction | None] = ()
) -> tuple[Option, ...]:
    """Return the requests that cost less than a permitted release, or have narrower margins for no more.

    Those that lose least come first, and of these the cheapest. `shares` are those that wanted margins need of the
    loss, where margins were asked for: weights may then fit them better.
    """
    request, base = _of(permit)
    found: list[tuple[Option, tuple[int, ...]]] = []
    for change, asked, kept, lost in _proposed(permit, request, base, policy, shares):
        option = _decided(change, permit, asked, lost, policy, now)
        if option is not None and is_better(change, _of(option.permit)[1], base, kept):
            found.append((option, kept))
    ranked = sorted(found, key=lambda one: (_ORDER.index(one[0].change), _of(one[0].permit)[1].loss.rho))
    return tuple(option for option, _ in ranked[:MOST])


def answered_by(permit: Permit, policy: PolicySnapshot, now: datetime) -> Iterator[Option]:
    """Yield the requests whose releases, should there be any, hold the answers: at this price or the dearest.

    Margins are those of the answers made of them.
    """
    request, base = _of(permit)
    spec, contract = permit.disclosure.statistics, permit.contract
    if spec is None:
        raise Fault(ErrorReason.INTERNAL)
    most = dearest(permit.disclosure)
    prices = dict.fromkeys((request.price, *(Price(one, most.written_in(one)) for one in Currency)))
    for query in (request.query, *containing(request.query, spec, contract)):
        for price in prices:
            if query == request.query and price == request.price:
                continue
            whole = query == request.query
            lost = "nothing" if whole else "rows of a unit, or without a key, that do not count in the finer cells"
            asked = replace(request, query=query, price=price)
            option = _decided(Change.RELEASED, permit, asked, lost, policy, now)
            if option is not None:
                yield option if whole else replace(option, coarse=base.query)


def is_better(change: Change, other: SettledRelease, base: SettledRelease, kept: Sequence[int]) -> bool:
    """Tell whether a release is charged less than another, or no more and has narrower margins in all it measures.

    Another currency is for its margins alone. `kept` are the places of its statistics in the other.
    """
    if other.loss.rho != base.loss.rho and change is not Change.CURRENCY:
        return other.loss.rho < base.loss.rho
    before = [plan.margin_95 for place in kept for plan in base.noise if plan.statistic == place]
    after = [plan.margin_95 for plan in other.noise]
    pairs = list(zip(after, before, strict=True))
    narrower = all(new <= old for new, old in pairs) and any(new < old for new, old in pairs)
    return narrower and other.loss.rho <= base.loss.rho


_MOST_WITHIN = {Period.YEAR: 12, Period.MONTH: 31, Period.WEEK: 7, Period.DAY: 24}
"""How many of the next finer periods that sums are made of lie in one."""

_Proposal = tuple[Change, ReleaseRequest, tuple[int, ...], str]


def _proposed(
    permit: Permit,
    request: ReleaseRequest,
    base: SettledRelease,
    policy: PolicySnapshot,
    shares: Sequence[Fraction | None],
) -> Iterator[_Proposal]:
    query, currency = request.query, request.price.currency
    every = tuple(range(len(query.statistics)))
    limits = tuple(tuple(plan.margin_95 for plan in base.noise if plan.statistic == place) for place in every)

    if currency is Currency.EPSILON:
        yield Change.CURRENCY, _in_rho(request, base), every, _NO_PURE_EPSILON
    known = [share for share in shares if share is not None]
    if len(known) == len(every) > 1:
        fitted = replace(query, statistics=least_weights(known, query.statistics))
        price = price_of_shares(known, fitted.statistics, currency)
        yield Change.WEIGHTS, replace(request, query=fitted, price=price), every, "margins narrower than asked for"

    wider = [[limit * _RELAXED for limit in each] for each in limits]
    price = _within(base.query, query, wider, currency)
    yield Change.MARGIN, replace(request, price=price), every, "margins are twice as wide"

    bound = partial(bind, contract=permit.contract, disclosure=permit.disclosure)
    for variant in cheaper_variants(query):
        settled = bound(variant.query, places=partial(places_of, policy, permit.scope.region))
        if isinstance(settled, Unbound):
            continue
        larger = 1.0 if variant.cells_alike or base.query.found else min(base.query.cells / settled.cells, _MOST_LARGER)
        allowed = [[limit * larger for limit in limits[place]] for place in variant.kept]
        price = _within(settled, variant.query, allowed, currency)
        yield variant.change, replace(request, query=variant.query, price=price), variant.kept, _said(variant, larger)


def _said(variant: Variant, larger: float) -> str:
    return variant.lost if larger <= 1 else f"{variant.lost}; margins are as wide against what is in a cell"


def _within(
    settled: BoundedQuery, query: StatisticsQuery, limits: Sequence[Sequence[float]], currency: Currency
) -> Price:
    shares = [
        share_within(settled, measures, allowed, currency)
        for measures, allowed in zip(settled.measures, limits, strict=True)
    ]
    return price_of_shares(shares, query.statistics, currency)


def _in_rho(request: ReleaseRequest, base: SettledRelease) -> ReleaseRequest:
    """The same charge as a price in rho, with the same part of it for every statistic."""
    statistics = request.query.statistics
    own = [
        sum((plan.loss.rho for plan in base.noise if plan.statistic == place), Fraction(0))
        for place in range(len(statistics))
    ]
    unit = 10 ** DECIMALS[Currency.RHO]
    price = Price(Currency.RHO, Fraction(math.floor(base.loss.rho * unit), unit))
    same = len({share / one.weight for share, one in zip(own, statistics, strict=True)}) == 1
    weighed = statistics if same else least_weights(own, statistics)
    return replace(request, query=replace(request.query, statistics=weighed), price=price)


def _decided(
    change: Change, permit: Permit, asked: ReleaseRequest, lost: str, policy: PolicySnapshot, now: datetime
) -> Option | None:
    outcome = judge(permit.identity, asked, policy, now)
    if isinstance(outcome, Refusal):
        return None
    # terms that registers know of are borne out for this grant
    same = next((one for one in outcome if one.scope.grant == permit.scope.grant), None)
    if same is None:
        return None
    return Option(change, same, lost)


def _summed(permit: Permit, own: tuple[AnswerMargin, ...], coarse: BoundedQuery) -> tuple[AnswerMargin, ...]:
    """The margins of the answers that are sums of this release's cells; where none are summed, its own."""
    request, fine = _of(permit)
    terms = _most_summed(fine.query, coarse)
    if any(group.tree for group in fine.query.group_by) or terms == 1:
        return own
    contract = permit.contract
    return tuple(
        replace(margin, levels=(LevelMargin("", coarse.cells, summed_margin(plan, terms, own_unit(one, contract))),))
        for margin, plan, one in zip(own, fine.noise, request.query.statistics, strict=True)
    )


def _most_summed(fine: BoundedQuery, coarse: BoundedQuery) -> int:
    """Return how many cells are summed for one, at the most."""
    terms = 1
    before = {group.field: group for group in coarse.group_by}
    for group in fine.group_by:
        old = before.get(group.field)
        if old is None:
            terms *= len(group.keys)
        elif isinstance(old.by, AtLevel) and not group.tree:
            above = Counter("/".join(str(key).split("/")[: old.by.depth]) for key in group.keys)
            terms *= max(above.values())
        elif isinstance(old.by, InPeriod) and old.by != group.by:
            terms *= _MOST_WITHIN[old.by.period]
    return terms


def _of(permit: Permit) -> tuple[ReleaseRequest, SettledRelease]:
    request, settled = permit.request, permit.release
    if not isinstance(request, ReleaseRequest) or settled is None:
        raise Fault(ErrorReason.INTERNAL)
    return request, settled
