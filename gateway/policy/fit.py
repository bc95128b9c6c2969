"""Whether what a caller wrote can be put to a disclosure at all: its filters, keys and statistics."""

from __future__ import annotations

from fractions import Fraction

from gateway.model.contract import DataContract, DisclosureKind, DisclosureSpec
from gateway.model.filter import Condition, Operator
from gateway.model.request import DisclosureRequest, RowsRequest, SelectBy
from gateway.model.statistics import StatisticKind, StatisticsQuery
from gateway.model.values import FieldType

_BY_KEY = (DisclosureKind.LOOKUP, DisclosureKind.CHECK)
_FOR_BOOL = (Operator.EQUAL, Operator.IN)


def fits(request: DisclosureRequest, contract: DataContract, spec: DisclosureSpec) -> bool:
    """Tell whether the request's filters, selector and statistics are ones that the disclosure declares.

    Rows for which a release is considered instead are a new question, so that nothing of them has to fit.
    """
    if isinstance(request, RowsRequest):
        if spec.kind is DisclosureKind.RELEASE:
            return True
        return _filters_fit(request.filters, contract, spec) and _selector_fits(request, contract, spec)
    return _statistics_fit(request.query, request.epsilon, contract, spec)


def _filters_fit(filters: tuple[Condition, ...], contract: DataContract, spec: DisclosureSpec) -> bool:
    return all(
        condition.field in spec.filters
        and bool(condition.values)
        and all(contract.fields[condition.field].type.holds(value) for value in condition.values)
        and (condition.operator is Operator.IN or len(condition.values) == 1)
        and (contract.fields[condition.field].type is not FieldType.BOOL or condition.operator in _FOR_BOOL)
        for condition in filters
    )


def _selector_fits(request: RowsRequest, contract: DataContract, spec: DisclosureSpec) -> bool:
    selector = request.selector
    if spec.kind not in _BY_KEY:
        return selector is None
    if selector is None or selector.field not in spec.lookup_keys or not selector.values:
        return False
    if spec.kind is DisclosureKind.CHECK and len(selector.values) != 1:
        return False
    type_ = FieldType.STRING if selector.by is SelectBy.TOKEN else contract.fields[selector.field].type
    return all(type_.holds(value) for value in selector.values)


def _statistics_fit(query: StatisticsQuery, epsilon: Fraction, contract: DataContract, spec: DisclosureSpec) -> bool:
    declared = spec.statistics
    if declared is None or not query.statistics:
        return False
    sums = {one.field for one in query.statistics if one.kind is StatisticKind.SUM}
    return (
        _filters_fit(query.filters, contract, spec)
        and set(query.group_by) <= set(declared.group_by)
        and sums <= set(declared.sums)
        and 0 < epsilon <= Fraction(declared.max_epsilon)
    )
