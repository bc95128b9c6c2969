"""ResearchService: statistics with differential privacy."""

from __future__ import annotations

from collections.abc import Hashable

from gateway import pipeline
from gateway.api.v1 import release_pb2
from gateway.api.v1 import research_service_pb2 as pb
from gateway.lanes import inquiries
from gateway.model.contract import DisclosureKind
from gateway.model.margins import Wanted
from gateway.model.measure import Currency
from gateway.model.memo import Memo
from gateway.model.party import Peer
from gateway.model.request import MarginRequest, ReleaseRequest
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Reply
from gateway.server.problem import Problem
from gateway.server.wire.freshness import freshness_of
from gateway.server.wire.offers import research_dataset_of
from gateway.server.wire.plans import exact_margin, exact_price, presentation_of, query_of, wanted_margins
from gateway.server.wire.quotes import estimate_response_of
from gateway.server.wire.receipts import receipt_of
from gateway.server.wire.releases import budget_of, release_message_of, signing_key_of
from gateway.server.wire.requests import context_of

_REMEMBERED = 64
_SMALL = 1_000
"""Cells of a release that is remembered as it was written: the same is asked for again and again."""


class Research:
    """The handlers of ResearchService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._written = Memo[Hashable, release_pb2.Release](_REMEMBERED)
        self.methods = {
            "ListDatasets": Method(self.list_datasets),
            "GetBudget": Method(self.get_budget),
            "Estimate": Method(self.estimate, release=True),
            # it computes like a release, and so is counted and kept apart as one
            "Rehearse": Method(self.rehearse, release=True),
            "CreateRelease": Method(self.create_release, release=True),
            "GetRelease": Method(self.get_release),
            "GetSigningKeys": Method(self.get_signing_keys),
        }

    def list_datasets(self, peer: Peer, request: pb.ListDatasetsRequest) -> Reply:
        """What may be asked."""
        found = inquiries.describe(self._desk.ports, peer, request.purpose, "")
        return Reply(
            pb.ListDatasetsResponse(
                datasets=[research_dataset_of(offer) for offer in found.offers if offer.kind is DisclosureKind.RELEASE]
            )
        )

    def get_budget(self, peer: Peer, request: pb.GetBudgetRequest) -> Reply | Problem:
        """What is left of every budget a release would be charged to."""
        outcome = inquiries.budgets(self._desk.ports, peer, context_of(request), request.dataset, request.disclosure)
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        balances, delta = outcome
        return Reply(pb.GetBudgetResponse(budgets=[budget_of(balance, delta) for balance in balances]))

    def estimate(self, peer: Peer, request: pb.EstimateRequest) -> Reply | Problem:
        """The price and the margin of error of a plan."""
        quote = inquiries.estimate(self._desk.ports, peer, _estimated(request))
        if isinstance(quote, pipeline.Refused):
            return refused(quote)
        return Reply(estimate_response_of(quote))

    def rehearse(self, peer: Peer, request: pb.RehearseRequest) -> Reply | Problem:
        """The same plan over made up rows."""
        outcome = inquiries.rehearse(self._desk.ports, peer, _asked(request))
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        message = release_message_of(outcome, self._desk.delta)
        return Reply(pb.RehearseResponse(release=message, rows=outcome.rows))

    def create_release(self, peer: Peer, request: pb.CreateReleaseRequest) -> Reply | Problem:
        """Charge, then answer."""
        outcome = pipeline.release(self._desk.ports, peer, _asked(request))
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        delta = self._desk.delta
        response = pb.CreateReleaseResponse(
            release=self._write(outcome),
            receipt=receipt_of(outcome.receipt, delta),
            charged=outcome.paid,
            freshness=map(freshness_of, outcome.freshness),
        )
        return Reply(response)

    def get_release(self, peer: Peer, request: pb.GetReleaseRequest) -> Reply | Problem:
        """A release that was made before."""
        outcome = pipeline.stored_release(
            self._desk.ports,
            peer,
            context_of(request),
            request.release_id,
            presentation_of(request.presentation),
        )
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        delta = self._desk.delta
        response = pb.GetReleaseResponse(release=self._write(outcome), receipt=receipt_of(outcome.receipt, delta))
        return Reply(response)

    def _write(self, delivery: pipeline.ReleaseDelivery) -> release_pb2.Release:
        """Write a release as proto, which nobody changes. A caller's words for the question are part of it."""
        delta = self._desk.delta
        if len(delivery.shown.cells) > _SMALL:
            return release_message_of(delivery, delta)
        question = (delivery.release, delivery.query, delivery.presentation, delta)
        known = self._written.get(question)
        if known is None:
            known = release_message_of(delivery, delta)
            self._written.put(question, known)
        return known

    def get_signing_keys(self, peer: Peer, _: pb.GetSigningKeysRequest) -> Reply:
        """The public keys that certificates are verified with."""
        keys = inquiries.signing_keys(self._desk.ports, peer)
        return Reply(pb.GetSigningKeysResponse(keys=map(signing_key_of, keys)))


def _asked(request: pb.CreateReleaseRequest | pb.RehearseRequest) -> ReleaseRequest:
    in_rho = request.WhichOneof("price") == "rho"
    return ReleaseRequest(
        context=context_of(request),
        dataset=request.plan.dataset,
        disclosure=request.plan.disclosure,
        query=query_of(request.plan),
        price=exact_price(Currency.RHO, request.rho) if in_rho else exact_price(Currency.EPSILON, request.epsilon),
        presentation=presentation_of(request.presentation),
    )


def _estimated(request: pb.EstimateRequest) -> ReleaseRequest | MarginRequest:
    context, plan, query = context_of(request), request.plan, query_of(request.plan)
    match request.WhichOneof("target"):
        case "margin_95":
            margin, currency = exact_margin(request.margin_95, "margin_95"), Currency.EPSILON
            wanted: tuple[Wanted | None, ...] = (Wanted(margin),) * len(query.statistics)
        case "margin_95_rho":
            margin, currency = exact_margin(request.margin_95_rho, "margin_95_rho"), Currency.RHO
            wanted = (Wanted(margin),) * len(query.statistics)
        case "margins":
            wanted = wanted_margins(request.margins, len(query.statistics))
            currency = Currency.RHO if request.margins.in_rho else Currency.EPSILON
        case "rho":
            return ReleaseRequest(context, plan.dataset, plan.disclosure, query, exact_price(Currency.RHO, request.rho))
        case _:
            price = exact_price(Currency.EPSILON, request.epsilon)
            return ReleaseRequest(context, plan.dataset, plan.disclosure, query, price)
    return MarginRequest(context, plan.dataset, plan.disclosure, query, wanted, currency)
