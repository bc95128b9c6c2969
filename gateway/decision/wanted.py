"""What must be spent for wanted margins: the release that would have them, decided like the release itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from gateway.decision.judge import judge
from gateway.decision.price import held
from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Price, dearest
from gateway.model.party import Identity
from gateway.model.permit import FieldViolation, NearestPlan, Refusal
from gateway.model.request import MarginRequest, ReleaseRequest
from gateway.policy.snapshot import PolicySnapshot
from gateway.privacy.pricing import SMALLEST
from gateway.privacy.targets import least_weights, price_of_shares, share_wanted


def price_margin(
    identity: Identity, asked: MarginRequest, policy: PolicySnapshot, now: datetime
) -> tuple[ReleaseRequest, tuple[Fraction | None, ...]] | Refusal:
    """Turn wanted margins into the release that would have them. Charged never.

    Returns with it the share of the loss that each statistic needs, None where any margin will do.
    """
    least = Price(asked.currency, SMALLEST.written_in(asked.currency))
    floor = ReleaseRequest(asked.context, asked.dataset, asked.disclosure, asked.query, least)
    permits = judge(identity, floor, policy, now)
    if isinstance(permits, Refusal) and permits.plan is not None and permits.plan.query == asked.query:
        # the bounds are too wide for the least price: any that is enough for them will do
        floor = replace(floor, price=permits.plan.price)
        permits = judge(identity, floor, policy, now)
    if isinstance(permits, Refusal):
        instead = permits.plan
        if instead is None or instead.query == asked.query:
            return permits
        return replace(permits, plan=_repriced(identity, asked, instead, policy, now))
    permit, statistics = permits[0], asked.query.statistics
    if permit.release is None:
        raise Fault(ErrorReason.INTERNAL)
    query, contract, disclosure = permit.release.query, permit.contract, permit.disclosure
    most = Price(asked.currency, dearest(disclosure).written_in(asked.currency))
    needed = [
        None if wanted is None else share_wanted(query, place, statistics[place], wanted, most, contract)
        for place, wanted in enumerate(asked.wanted)
    ]
    known = [share for share in needed if share is not None]
    reached = len(known) == sum(wanted is not None for wanted in asked.wanted)
    price = price_of_shares([share or Fraction(0) for share in needed], statistics, asked.currency)
    if reached and price.rho <= most.rho:
        return replace(floor, price=price), tuple(needed)
    fitted = least_weights(known, statistics) if len(known) == len(statistics) else statistics
    reweighed = price_of_shares(known, fitted, asked.currency) if len(known) == len(statistics) else most
    near = replace(asked.query, statistics=fitted) if reweighed.rho <= most.rho else asked.query
    plan = NearestPlan(contract.dataset, disclosure.name, near, held(reweighed, most))
    rule = FieldViolation("margin_95", "needs more privacy loss than one release may have")
    return Refusal(ErrorReason.MARGIN_OUT_OF_REACH, violations=(rule,), plan=plan)


def _repriced(
    identity: Identity, asked: MarginRequest, plan: NearestPlan, policy: PolicySnapshot, now: datetime
) -> NearestPlan | None:
    """The nearest plan at the price of the margins that were wanted of the one that was refused."""
    wanted, statistics = asked.wanted, plan.query.statistics
    if len(statistics) != len(wanted):
        # which of them is left out is not known: the narrowest margin is wanted of all
        narrowest = min((one for one in wanted if one is not None), key=lambda one: one.margin)
        wanted = (narrowest,) * len(statistics)
    priced = price_margin(identity, replace(asked, query=plan.query, wanted=wanted), policy, now)
    return priced.plan if isinstance(priced, Refusal) else replace(plan, price=priced[0].price)
