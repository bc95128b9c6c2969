"""Quotes of plans, from model to proto: margins, bounds and alternatives."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from gateway.api.v1 import release_pb2
from gateway.api.v1 import research_service_pb2 as pb
from gateway.lanes.inquiries import Quote
from gateway.model.alternative import Alternative, Change
from gateway.model.margins import AnswerMargin
from gateway.model.plan import SettledRelease
from gateway.model.region import RegionLevel
from gateway.server.wire.plans import LEVELS_OF, plan_of
from gateway.server.wire.receipts import loss_of
from gateway.server.wire.releases import budget_of, coverage_of, measure_of, threshold_of

_CHANGES: dict[Change, pb.Change.ValueType] = {
    Change.RELEASED: pb.CHANGE_RELEASED,
    Change.CURRENCY: pb.CHANGE_CURRENCY,
    Change.WEIGHTS: pb.CHANGE_WEIGHTS,
    Change.MARGIN: pb.CHANGE_MARGIN,
    Change.LEVELS: pb.CHANGE_LEVELS,
    Change.COARSER: pb.CHANGE_COARSER,
    Change.STATISTIC: pb.CHANGE_STATISTIC,
    Change.GROUPING: pb.CHANGE_GROUPING,
}


def estimate_response_of(quote: Quote) -> pb.EstimateResponse:
    """Write a quote as proto."""
    response = pb.EstimateResponse(
        privacy_loss=loss_of(quote.settled.loss, quote.delta),
        measures=[measure_of(plan) for plan in quote.settled.noise],
        cells=quote.settled.query.cells,
        budgets_after=[budget_of(balance, quote.delta) for balance in quote.balances_after],
        affordable=quote.affordable,
        already_released=quote.already_released,
        answers=_margins_of(quote.margins),
        bounding=_bounding_of(quote.settled),
        alternatives=[_alternative_of(one, quote.delta) for one in quote.alternatives],
        threshold=threshold_of(quote.settled.threshold),
        coverage=map(coverage_of, quote.coverage),
    )
    setattr(response, quote.price.currency.value, float(quote.price.amount))
    return response


def _margins_of(margins: Iterable[AnswerMargin]) -> list[pb.AnswerMargin]:
    return [
        pb.AnswerMargin(
            name=one.name,
            statistic=one.statistic,
            unit=one.unit,
            levels=[
                pb.LevelMargin(
                    level=LEVELS_OF[RegionLevel(level.level)] if level.level else release_pb2.REGION_LEVEL_UNSPECIFIED,
                    cells=level.cells,
                    margin_95=level.margin,
                    consistent_95=level.consistent or 0.0,
                )
                for level in one.levels
            ],
            sizes=[pb.SizeMargin(values=size.values, margin_95=size.margin) for size in one.sizes],
        )
        for one in margins
    ]


def _bounding_of(settled: SettledRelease) -> pb.Bounding:
    query = settled.query
    cells = prod(len(group.keys) for group in query.group_by)
    return pb.Bounding(
        max_groups=query.max_groups,
        cells=cells,
        max_rows=query.measures[0][0].max_rows,
        least_share_of_cells=query.max_groups / cells if cells else 0.0,
    )


def _alternative_of(one: Alternative, delta: float) -> pb.Alternative:
    request = one.request
    message = pb.Alternative(
        change=_CHANGES[one.change],
        plan=plan_of(request.dataset, request.disclosure, request.query),
        privacy_loss=loss_of(one.loss, delta),
        answers=_margins_of(one.margins),
        lost=one.lost,
        affordable=one.affordable,
        already_released=one.released,
    )
    setattr(message, request.price.currency.value, float(request.price.amount))
    return message
