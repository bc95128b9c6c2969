"""ResearchService: statistics with differential privacy."""

from __future__ import annotations

from gateway import pipeline
from gateway.api.v1 import research_service_pb2 as pb
from gateway.model.contract import DisclosureKind
from gateway.model.party import Peer
from gateway.model.request import MarginRequest, ReleaseRequest
from gateway.server.call import Method, Reply
from gateway.server.desk import Desk, refused
from gateway.server.problem import Problem
from gateway.server.wire.offers import research_dataset_of
from gateway.server.wire.receipts import loss_of, receipt_of
from gateway.server.wire.releases import budget_of, detail_of, release_message_of
from gateway.server.wire.requests import context_of, exact_margin, query_of, release_of


class Research:
    """The handlers of ResearchService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "ListDatasets": Method(self.list_datasets),
            "GetBudget": Method(self.get_budget),
            "Estimate": Method(self.estimate),
            "CreateRelease": Method(self.create_release, release=True),
            "GetRelease": Method(self.get_release),
        }

    def list_datasets(self, peer: Peer, request: pb.ListDatasetsRequest) -> Reply:
        """What may be asked."""
        found = pipeline.describe(self._desk.ports, peer, request.purpose, "")
        return Reply(
            pb.ListDatasetsResponse(
                datasets=[
                    research_dataset_of(offer, offer.disclosure.statistics)
                    for offer in found.offers
                    if offer.kind is DisclosureKind.RELEASE and offer.disclosure.statistics is not None
                ]
            )
        )

    def get_budget(self, peer: Peer, request: pb.GetBudgetRequest) -> Reply | Problem:
        """What is left of every budget a release would be charged to."""
        outcome = pipeline.budgets(self._desk.ports, peer, context_of(request), request.dataset, request.disclosure)
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        balances, delta = outcome
        return Reply(pb.GetBudgetResponse(budgets=[budget_of(balance, delta) for balance in balances]))

    def estimate(self, peer: Peer, request: pb.EstimateRequest) -> Reply | Problem:
        """The price and the margin of error of a plan."""
        wanted: ReleaseRequest | MarginRequest
        if request.WhichOneof("target") == "margin_95":
            wanted = MarginRequest(
                context=context_of(request),
                dataset=request.plan.dataset,
                disclosure=request.plan.disclosure,
                query=query_of(request.plan),
                margin=exact_margin(request.margin_95),
            )
        else:
            wanted = release_of(request, request.epsilon)
        quote = pipeline.estimate(self._desk.ports, peer, wanted)
        if isinstance(quote, pipeline.Refused):
            return refused(quote)
        return Reply(
            pb.EstimateResponse(
                epsilon=float(quote.epsilon),
                privacy_loss=loss_of(quote.loss, quote.delta),
                details=[detail_of(plan) for plan in quote.noise],
                cells=quote.cells,
                budgets_after=[budget_of(balance, quote.delta) for balance in quote.balances_after],
                affordable=quote.affordable,
                already_released=quote.already_released,
            )
        )

    def create_release(self, peer: Peer, request: pb.CreateReleaseRequest) -> Reply | Problem:
        """Charge, then answer."""
        outcome = pipeline.release(self._desk.ports, peer, release_of(request, request.epsilon))
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        delta = self._desk.delta
        response = pb.CreateReleaseResponse(
            release=release_message_of(outcome.release, delta),
            receipt=receipt_of(outcome.receipt, delta),
            charged=outcome.paid,
        )
        return Reply(response)

    def get_release(self, peer: Peer, request: pb.GetReleaseRequest) -> Reply | Problem:
        """A release that was made before."""
        outcome = pipeline.stored_release(self._desk.ports, peer, context_of(request), request.release_id)
        if isinstance(outcome, pipeline.Refused):
            return refused(outcome)
        delta = self._desk.delta
        response = pb.GetReleaseResponse(
            release=release_message_of(outcome.release, delta), receipt=receipt_of(outcome.receipt, delta)
        )
        return Reply(response)
