"""What AuthZEN asks, as a request of the model: subject, action, resource and context become one disclosure.

Values never come along. How many subjects are meant is told, and which fields are filtered on; the model's request
gets that many placeholders of the declared type. No decision depends on a value, so none is missed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from http import HTTPStatus

from gateway.authzen.document import Members, NotAQuestion, malformed
from gateway.model.contract import DisclosureKind, SelectBy
from gateway.model.filter import Condition, Operator
from gateway.model.request import DisclosureRequest, ReleaseRequest, RequestContext, RowsRequest, Selector
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import FieldType, Scalar
from gateway.policy.snapshot import PolicySnapshot
from gateway.server.problem import NotWellFormed
from gateway.server.wire_requests import exact_epsilon

SUBJECT_TYPE = "institution"
RESOURCE_TYPE = "disclosure"

_ID = 1024
"""Characters of an id or type that is compared and never kept."""

_NAME = 64
_TAKES: dict[DisclosureKind, frozenset[str]] = {
    DisclosureKind.LOOKUP: frozenset({"fields", "subjects"}),
    DisclosureKind.EXTRACT: frozenset({"fields", "filters"}),
    DisclosureKind.CHECK: frozenset({"subjects"}),
    DisclosureKind.CONSUME: frozenset({"subjects"}),
    DisclosureKind.RELEASE: frozenset({"filters", "statistics", "group_by", "epsilon"}),
}
"""What of a question each kind takes: the same as its gRPC method."""

_OURS = frozenset[str]().union(*_TAKES.values())

_PLACEHOLDERS: dict[FieldType, Scalar] = {
    FieldType.STRING: "",
    FieldType.INT64: 0,
    FieldType.DOUBLE: 0.0,
    FieldType.BOOL: False,
    FieldType.DATE: date(1970, 1, 1),
    FieldType.TIMESTAMP: datetime(1970, 1, 1),
}

TypeOf = Callable[[str, str], FieldType]
"""The declared type of a dataset's field; that of a string for one that nobody declared."""


def types_of(policy: PolicySnapshot) -> TypeOf:
    """Return the types that the contracts of a policy declare."""

    def type_of(dataset: str, field: str) -> FieldType:
        contract = policy.contracts.get(dataset)
        declared = None if contract is None else contract.fields.get(field)
        return FieldType.STRING if declared is None else declared.type

    return type_of


def question_of(asked: object, institution: str, type_of: TypeOf) -> DisclosureRequest:
    """Return the request that one evaluation of a verified institution stands for.

    Raises:
        NotAQuestion: 400 for what is not of the form; 403 for a subject that is not the asking institution itself:
            to answer about others would tell what they may do.
    """
    whole = Members(asked, "")
    subject, action = whole.inner("subject", required=True), whole.inner("action", required=True)
    resource = whole.inner("resource", required=True)
    subject_type, subject_id = subject.text("type", least=0, most=_ID), subject.text("id", least=0, most=_ID)
    name, resource_type = action.text("name", least=0, most=_ID), resource.text("type", least=0, most=_ID)
    target = resource.text("id", least=0, most=_ID)
    # nothing of these two is used; that they are objects is the standard's own rule
    subject.inner("properties")
    action.inner("properties")
    properties = resource.inner("properties")
    context = _context(whole.inner("context"))
    allow_partial = whole.inner("context").flag("allow_partial")
    if (subject_type, subject_id) != (SUBJECT_TYPE, institution):
        raise NotAQuestion(
            HTTPStatus.FORBIDDEN,
            "The subject must be the institution that asks: its type is institution, its id the certificate's.",
        )
    if name not in tuple(DisclosureKind):
        raise malformed("action.name", f"must be one of {', '.join(DisclosureKind)}")
    if resource_type != RESOURCE_TYPE:
        raise malformed("resource.type", f"must be {RESOURCE_TYPE}")
    kind = DisclosureKind(name)
    dataset, slash, disclosure = target.partition("/")
    if not slash or not 1 <= len(dataset) <= _NAME or not 1 <= len(disclosure) <= _NAME:
        raise malformed("resource.id", f"must be dataset/disclosure, each of 1 to {_NAME} characters")
    for part in sorted(_OURS - _TAKES[kind]):
        if properties.has(part):
            raise malformed(properties.path(part), f"is not for the action {kind}")
    filters = _filters(properties, dataset, type_of)
    if kind is DisclosureKind.RELEASE:
        return _release(properties, context, dataset, disclosure, filters)
    selector = None
    if "subjects" in _TAKES[kind]:
        selector = _selector(properties.inner("subjects", required=True), dataset, type_of)
    fields = properties.names("fields", most=256)
    return RowsRequest(context, kind, dataset, disclosure, fields, allow_partial, filters, selector)


def _context(given: Members) -> RequestContext:
    """Read why and where. The id goes to the record alone: what counts nothing need not be told from a retry."""
    return RequestContext(
        purpose=given.optional_text("purpose", most=128),
        region=given.optional_text("region", most=256),
        case_number=given.optional_text("case_number", most=64),
        request_id=_request_id(given),
        body_digest=b"",
        caller_gave_id=False,
        break_glass_reason=given.optional_text("break_glass_reason", least=10, most=500),
    )


def _request_id(given: Members) -> str:
    written = given.optional_text("request_id", most=36)
    if not written:
        return str(uuid.uuid4())
    try:
        read = uuid.UUID(written)
    except ValueError:
        read = None
    if read is None or str(read) != written.lower():
        raise malformed(given.path("request_id"), "must be a UUID")
    return str(read)


def _selector(subjects: Members, dataset: str, type_of: TypeOf) -> Selector:
    field = subjects.text("field", most=_NAME)
    by = SelectBy(subjects.choice("by", SelectBy, SelectBy.KEY))
    count = subjects.integer("count", least=1, most=100)
    declared = FieldType.STRING if by is SelectBy.TOKEN else type_of(dataset, field)
    return Selector(by, field, (_PLACEHOLDERS[declared],) * count)


def _filters(properties: Members, dataset: str, type_of: TypeOf) -> tuple[Condition, ...]:
    read = []
    for number, item in enumerate(properties.items("filters", most=32)):
        condition = Members(item, f"{properties.path('filters')}[{number}]")
        field = condition.text("field", most=_NAME)
        operator = Operator(condition.choice("operator", Operator, Operator.EQUAL))
        read.append(Condition(field, operator, (_PLACEHOLDERS[type_of(dataset, field)],)))
    return tuple(read)


def _release(
    properties: Members, context: RequestContext, dataset: str, disclosure: str, filters: tuple[Condition, ...]
) -> ReleaseRequest:
    statistics = tuple(map(_statistic, properties.names("statistics", most=16, longest=_NAME + len("sum()"))))
    if not statistics:
        raise malformed(properties.path("statistics"), "must name at least one statistic")
    query = StatisticsQuery(filters, properties.names("group_by", most=8), statistics)
    try:
        epsilon = exact_epsilon(properties.number("epsilon"))
    except NotWellFormed:
        raise malformed(properties.path("epsilon"), "must be above zero, with at most six decimals") from None
    return ReleaseRequest(context, dataset, disclosure, query, epsilon)


def _statistic(written: str) -> Statistic:
    name, bracket, rest = written.partition("(")
    if not bracket and name in (StatisticKind.COUNT, StatisticKind.COUNT_UNITS):
        return Statistic(StatisticKind(name), None)
    if name == StatisticKind.SUM and rest.endswith(")") and 1 <= len(rest) - 1 <= _NAME:
        return Statistic(StatisticKind.SUM, rest[:-1])
    raise malformed("resource.properties.statistics", "must hold count, count_units or sum(field)")
