"""Requests as callers make them, for tests of the policy."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.measure import Currency, Price
from gateway.model.permit import NearestRequest
from gateway.model.request import (
    DisclosureRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
    Selector,
)
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.policy.snapshot import PolicySnapshot


def context(purpose: str, region: str = "", case_number: str = "") -> RequestContext:
    return RequestContext(purpose, region, case_number, "request-1", b"", False)


def rows(
    kind: DisclosureKind,
    obj: str,
    purpose: str,
    region: str = "",
    *,
    fields: tuple[str, ...] = (),
    case_number: str = "",
    keys: int = 0,
) -> RowsRequest:
    dataset, _, disclosure = obj.partition("/")
    selector = Selector(SelectBy.KEY, "resident_id", ("0",) * keys) if keys else None
    return RowsRequest(context(purpose, region, case_number), kind, dataset, disclosure, fields, False, (), selector)


def release(obj: str, purpose: str, region: str = "", *, case_number: str = "", epsilon: str = "0.5") -> ReleaseRequest:
    dataset, _, disclosure = obj.partition("/")
    query = StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, None),))
    return ReleaseRequest(
        context(purpose, region, case_number), dataset, disclosure, query, Price(Currency.EPSILON, Fraction(epsilon))
    )


def applied(request: DisclosureRequest, found: NearestRequest, snapshot: PolicySnapshot) -> DisclosureRequest:
    """The request as the advice has it."""
    there = replace(request.context, region=found.region or request.context.region)
    name = found.disclosure or request.disclosure
    kind = snapshot.contracts[request.dataset].disclosures[name].kind
    if not isinstance(request, RowsRequest):
        return replace(request, context=there, disclosure=name)
    if kind is DisclosureKind.RELEASE:
        query = StatisticsQuery((), (), (Statistic(StatisticKind.COUNT, None),))
        return ReleaseRequest(there, request.dataset, name, query, Price(Currency.EPSILON, Fraction(1, 10)))
    return replace(request, context=there, disclosure=name, kind=kind, fields=found.fields or request.fields)
