"""What AuthZEN asks, as a request of the model: subject, action, resource and context become one disclosure.

Values never come along. How many subjects are meant is told, and which fields are filtered on; the model's request
gets that many placeholders of the declared type. No decision depends on a value, so none is missed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from http import HTTPStatus

from gateway.authzen.document import Members, NotAQuestion, malformed
from gateway.decision.placeholders import condition, grouping, statistic, subjects
from gateway.model.contract import DataContract, DisclosureKind, SelectBy
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import WRITTEN_GROUPING
from gateway.model.measure import Currency, Price
from gateway.model.request import (
    DisclosureRequest,
    ReleaseRequest,
    RequestContext,
    RowsRequest,
    Selector,
    SynthesisRequest,
)
from gateway.model.statistics import WRITTEN_STATISTIC, StatisticsQuery
from gateway.server.wire.plans import exact_price

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
    DisclosureKind.INDICATOR: frozenset(),
}
"""What of a question each kind takes: the same as its gRPC method."""

_SYNTHETIC = frozenset({"filters", "fields", "epsilon"})
"""What a release takes that asks for synthetic rows: fields, and no statistics."""

_OURS = frozenset[str]().union(*_TAKES.values())

_MOST_SUBJECTS = {DisclosureKind.CHECK: 1, DisclosureKind.CONSUME: 1}

_STATISTIC = re.compile(WRITTEN_STATISTIC, re.ASCII)
_GROUPING = re.compile(WRITTEN_GROUPING, re.ASCII)
_ASKED = "count, count_units, and sum, mean, variance or quantiles of (field)"


def question_of(asked: object, institution: str, contracts: Mapping[str, DataContract]) -> DisclosureRequest:
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
    surroundings = whole.inner("context")
    context, allow_partial = _context(surroundings), surroundings.flag("allow_partial")
    if (subject_type, subject_id) != (SUBJECT_TYPE, institution):
        raise NotAQuestion(
            HTTPStatus.FORBIDDEN,
            "The subject must be the institution that asks: its type is institution, its id the certificate's.",
        )
    if name not in tuple(_TAKES):
        # what takes officers' signatures, and tokens that must be the caller's own, is not answered by a yes or no
        raise malformed("action.name", f"must be one of {', '.join(_TAKES)}")
    if resource_type != RESOURCE_TYPE:
        raise malformed("resource.type", f"must be {RESOURCE_TYPE}")
    kind = DisclosureKind(name)
    dataset, slash, disclosure = target.partition("/")
    if not slash or not 1 <= len(dataset) <= _NAME or not 1 <= len(disclosure) <= _NAME:
        raise malformed("resource.id", f"must be dataset/disclosure, each of 1 to {_NAME} characters")
    made_up = kind is DisclosureKind.RELEASE and properties.has("fields") and not properties.has("statistics")
    for part in sorted(_OURS - (_SYNTHETIC if made_up else _TAKES[kind])):
        if properties.has(part):
            raise malformed(properties.path(part), f"is not for the action {kind}")
    contract = contracts.get(dataset)
    filters = _filters(properties, contract)
    if made_up:
        fields = properties.names("fields", most=256)
        return SynthesisRequest(context, dataset, disclosure, fields, filters, _price(properties))
    if kind is DisclosureKind.RELEASE:
        return _release(properties, context, dataset, disclosure, filters)
    selector = None
    if "subjects" in _TAKES[kind]:
        selector = _selector(properties.inner("subjects", required=True), contract, _MOST_SUBJECTS.get(kind, 100))
    fields = properties.names("fields", most=256)
    return RowsRequest(context, kind, dataset, disclosure, fields, allow_partial, filters, selector)


def _context(given: Members) -> RequestContext:
    """Read why and where. The id goes to the record alone: what counts nothing need not be told from a retry.

    No glass is broken here: an emergency must stand in the register of emergencies before it opens anything, and
    nothing that counts nothing enters it there.
    """
    if given.has("break_glass_reason"):
        raise malformed(given.path("break_glass_reason"), "is not taken here: break the glass by a call over gRPC")
    return RequestContext(
        purpose=given.optional_text("purpose", most=128),
        region=given.optional_text("region", most=256),
        case_number=given.optional_text("case_number", most=64),
        request_id=_request_id(given),
        body_digest=b"",
        caller_gave_id=False,
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


def _selector(named: Members, contract: DataContract | None, most: int) -> Selector:
    field = named.text("field", most=_NAME)
    by = SelectBy(named.choice("by", SelectBy, SelectBy.KEY))
    return subjects(contract, by, field, named.integer("count", least=1, most=most))


def _filters(properties: Members, contract: DataContract | None) -> tuple[Condition, ...]:
    read = []
    for number, item in enumerate(properties.items("filters", most=32)):
        given = Members(item, f"{properties.path('filters')}[{number}]")
        operator = Operator(given.choice("operator", Operator, Operator.EQUAL))
        read.append(condition(contract, given.text("field", most=_NAME), operator))
    return tuple(read)


def _release(
    properties: Members, context: RequestContext, dataset: str, disclosure: str, filters: tuple[Condition, ...]
) -> ReleaseRequest:
    statistics = properties.names("statistics", most=16, longest=_NAME + len("quantiles()"))
    if not statistics or not all(map(_STATISTIC.fullmatch, statistics)):
        raise malformed(properties.path("statistics"), f"must hold one or more of {_ASKED}")
    groups = properties.names("group_by", most=8, longest=_NAME + len(" by community and above"))
    if not all(map(_GROUPING.fullmatch, groups)):
        rule = "must hold fields, each alone or 'by' a level, a period, bins or found keys"
        raise malformed(properties.path("group_by"), rule)
    query = StatisticsQuery(filters, tuple(map(grouping, groups)), tuple(map(statistic, statistics)))
    return ReleaseRequest(context, dataset, disclosure, query, _price(properties))


def _price(properties: Members) -> Price:
    price = exact_price(Currency.EPSILON, properties.number("epsilon"))
    if not price.is_written:
        raise malformed(properties.path("epsilon"), "must be above zero, with at most six decimals")
    return price
