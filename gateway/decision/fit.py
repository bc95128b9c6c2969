"""Whether what a caller wrote can be put to a disclosure at all: its filters, keys and statistics."""

from __future__ import annotations

from fractions import Fraction

from gateway.model.contract import BY_KEY, OF_ONE, DataContract, DisclosureKind, DisclosureSpec, SelectBy
from gateway.model.errors import ErrorReason
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByFoundKeys
from gateway.model.measure import Currency, Price, dearest
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.request import DisclosureRequest, RowsRequest, Selector, SynthesisRequest
from gateway.model.statistics import OF_A_FIELD, StatisticsQuery
from gateway.model.values import FieldType

_NAMED_OTHERWISE = {
    SelectBy.KEY: "this disclosure takes tokens that the caller was given, and no raw keys",
    SelectBy.TOKEN: "this disclosure takes raw keys, and no tokens",
}
_FOR_BOOL = (Operator.EQUAL, Operator.IN)


def fits(request: DisclosureRequest, contract: DataContract, spec: DisclosureSpec) -> bool:
    """Tell whether the request's filters, selector and statistics are ones that the disclosure declares.

    Rows for which a release is considered instead are a new question, so that nothing of them has to fit.
    """
    if isinstance(request, RowsRequest) and spec.kind is DisclosureKind.RELEASE:
        return True
    if misfit(request, contract, spec) is not None:
        return False
    match request:
        case RowsRequest():
            return True
        case SynthesisRequest():
            return _synthesis_fits(request, spec)
        case _:
            return _statistics_fit(request.query, request.price, spec)


def misfit(request: DisclosureRequest, contract: DataContract, spec: DisclosureSpec) -> Refusal | None:
    """Return the refusal of filters or a selector that the disclosure does not declare, or None if they fit."""
    if isinstance(request, RowsRequest):
        return _filters(request.filters, "filters", contract, spec) or _selector(request.selector, contract, spec)
    if isinstance(request, SynthesisRequest):
        return _filters(request.filters, "plan.filters", contract, spec)
    return _filters(request.query.filters, "plan.filters", contract, spec)


def _filters(
    filters: tuple[Condition, ...], place: str, contract: DataContract, spec: DisclosureSpec
) -> Refusal | None:
    if not filters:
        return None
    found = [
        FieldViolation(f"{place}[{position}].{part}", rule)
        for position, condition in enumerate(filters)
        for part, rule in _broken(condition, contract, spec)
    ]
    return Refusal(ErrorReason.FILTER_NOT_ALLOWED, violations=tuple(found)) if found else None


def _broken(condition: Condition, contract: DataContract, spec: DisclosureSpec) -> list[tuple[str, str]]:
    """Return the part of a condition that breaks a rule, and the rule."""
    if condition.field not in spec.filters:
        return [("field", "is not a field that this disclosure lets callers filter on")]
    declared = contract.fields[condition.field].type
    if not condition.values or not all(declared.holds(value) for value in condition.values):
        return [("values", f"must be of type {declared}")]
    if condition.operator is not Operator.IN and len(condition.values) != 1:
        return [("values", "must be one value for this operator")]
    if declared is FieldType.BOOL and condition.operator not in _FOR_BOOL:
        return [("operator", "must be equal or in for a field of type bool")]
    return []


def _selector(selector: Selector | None, contract: DataContract, spec: DisclosureSpec) -> Refusal | None:
    if spec.kind not in BY_KEY:
        return None if selector is None else _invalid("subjects", "this kind of disclosure selects no subjects")
    if selector is None:
        return _invalid("subjects", "name the subject by a lookup key or a token")
    if spec.kind in OF_ONE and len(selector.values) != 1:
        return _invalid("subject", "must name exactly one subject")
    if selector.field not in spec.lookup_keys:
        return _invalid("subjects.field", "is not a lookup key of this disclosure")
    if selector.by not in spec.lookup_by:
        return _invalid("subjects", _NAMED_OTHERWISE[selector.by])
    declared = FieldType.STRING if selector.by is SelectBy.TOKEN else contract.fields[selector.field].type
    if not selector.values or not all(declared.holds(value) for value in selector.values):
        return _invalid("subjects.values", f"must be of type {declared}")
    return None


def _invalid(field: str, description: str) -> Refusal:
    return Refusal.of(ErrorReason.REQUEST_INVALID, field, description)


def _statistics_fit(query: StatisticsQuery, price: Price, spec: DisclosureSpec) -> bool:
    declared = spec.statistics
    if declared is None or not query.statistics:
        return False
    fields = {one.field for one in query.statistics if one.kind in OF_A_FIELD}
    found = {grouping.field for grouping in query.group_by if isinstance(grouping, ByFoundKeys)}
    return (
        found <= set(declared.found_keys)
        and {grouping.field for grouping in query.group_by} - found <= set(declared.group_by)
        and fields <= set(declared.values)
        and price.amount > 0
        and price.rho <= dearest(spec).rho
    )


def _synthesis_fits(request: SynthesisRequest, spec: DisclosureSpec) -> bool:
    declared, price = spec.synthesis, request.price
    if declared is None or not set(request.fields) <= set(declared.fields):
        return False
    return price.amount > 0 and price.rho <= Price(Currency.EPSILON, Fraction(declared.max_epsilon)).rho
