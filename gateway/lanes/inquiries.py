"""What is told and discloses nothing, on one page: offers, prices and margins, budgets, rehearsals, receipts, keys.

Nothing here spends, and no row and no statistic is read. What depends on a permit is decided as the disclosure itself.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.decision.alternatives import alternatives, answered_by
from gateway.decision.offers import offers
from gateway.decision.wanted import price_margin
from gateway.model.budget import Balance
from gateway.model.calendar import city_day
from gateway.model.party import Peer
from gateway.model.permit import Offer, Refusal
from gateway.model.record import Receipt
from gateway.model.request import MarginRequest, ReleaseRequest, RequestContext
from gateway.model.signing import SigningKey
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.pipeline import Ports, Refused, accounts_of, refused
from gateway.privacy.pricing import SMALLEST
from gateway.stages.admit import admit_rehearsal, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import decide
from gateway.stages.quote import Quote, quote
from gateway.stages.record.receipts import read_receipt
from gateway.stages.rehearse import Rehearsal
from gateway.stages.rehearse import rehearse as rehearse_permitted

__all__ = [
    "Description",
    "Quote",
    "Rehearsal",
    "budgets",
    "describe",
    "estimate",
    "receipt",
    "rehearse",
    "signing_keys",
]


class Description(NamedTuple):
    """What a caller may ask for, under the policy of this digest."""

    offers: tuple[Offer, ...]
    policy_digest: str


def describe(ports: Ports, peer: Peer, purpose: str, dataset: str) -> Description:
    """Tell what this caller may ask for, and for which purposes."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    today = city_day(ports.clock.now())
    return Description(offers(policy, identity.institution, today, purpose=purpose, dataset=dataset), policy.digest)


def budgets(
    ports: Ports, peer: Peer, context: RequestContext, dataset: str, disclosure: str
) -> tuple[tuple[Balance, ...], float] | Refused:
    """Tell what is left of every budget this caller's releases are charged to, and the delta they are shown at."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    counting = StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, None),))
    request = ReleaseRequest(context, dataset, disclosure, counting, SMALLEST)
    decided = decide(identity, request, policy, ports.clock)
    permit = preview(decided, ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return refused(permit, identity, request, policy, ports)
    return ports.ledger.balances(accounts_of(permit, policy, ports)), policy.budgets.delta


def estimate(ports: Ports, peer: Peer, asked: ReleaseRequest | MarginRequest) -> Quote | Refused:
    """Tell the price and the margins of a plan. Spends nothing and reads no data."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    if isinstance(asked, MarginRequest):
        priced = price_margin(identity, asked, policy, ports.clock.now())
        if isinstance(priced, Refusal):
            return Refused(priced, None)
    else:
        priced = asked, ()
    request, shares = priced
    decided = decide(identity, request, policy, ports.clock)
    permit = preview(decided, ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return refused(permit, identity, request, policy, ports)
    options = alternatives(permit, policy, permit.decided_at, shares)
    answering = answered_by(permit, policy, permit.decided_at)
    accounts, delta = accounts_of(permit, policy, ports), policy.budgets.delta
    return quote(permit, options, answering, accounts, delta, ports.ledger, ports.source, ports.keys)


def rehearse(ports: Ports, peer: Peer, request: ReleaseRequest) -> Rehearsal | Refused:
    """Answer a plan over rows made up from its contract: of the types and shape of a release, at no charge.

    It is decided like the release, and counts as a call of the grant's rate. No data, ledger, store or key is touched,
    and nothing but a refusal is recorded.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, request, policy, ports.clock)
    permit = admit_rehearsal(decided, ports.registers, ports.clock)
    if isinstance(permit, Refusal):
        return refused(permit, identity, request, policy, ports)
    return rehearse_permitted(permit, policy.regions.leaves(permit.scope.region), ports.rehearsals, ports.clock)


def signing_keys(ports: Ports, peer: Peer) -> tuple[SigningKey, ...]:
    """Tell the public keys that certificates of releases are verified with, the oldest first."""
    authenticate(peer, ports.identities, ports.clock)
    return ports.signer.signing_keys()


def receipt(ports: Ports, peer: Peer, index: int) -> Receipt | Refused:
    """Give a receipt to the institution it was written for."""
    identity = authenticate(peer, ports.identities, ports.clock)
    found = read_receipt(index, identity, ports.audit)
    return Refused(found, None) if isinstance(found, Refusal) else found
