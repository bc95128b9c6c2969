"""Requests are known fields and declared rules; what is wrong is said without quoting it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.api.buf.validate import validate_pb2
from gateway.api.v1 import (
    audit_service_pb2,
    case_service_pb2,
    consent_service_pb2,
    oversight_service_pb2,
    policy_service_pb2,
    research_service_pb2,
    sharing_service_pb2,
    value_pb2,
)
from gateway.model.errors import ErrorReason
from gateway.server.problem import Problem
from gateway.server.rules import DESCRIPTIONS, MAX_VALUES, problem_of, request_of

METHODS = [
    method
    for module in (
        sharing_service_pb2,
        research_service_pb2,
        audit_service_pb2,
        policy_service_pb2,
        consent_service_pb2,
        case_service_pb2,
        oversight_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
UNKNOWN = b"\xf8\x3f\x01"  # field 1023, varint 1
SECRET = "a-secret-value"


def extract() -> sharing_service_pb2.ExtractRequest:
    request = sharing_service_pb2.ExtractRequest(dataset="d", disclosure="e")
    request.context.purpose = "p"
    return request


def test_a_plain_request_has_no_problem() -> None:
    assert problem_of(extract()) is None


def test_an_unknown_field_is_found_at_every_depth() -> None:
    plain = extract()
    condition = plain.filters.add(field="f", operator=value_pb2.OPERATOR_EQUAL)
    condition.values.add(int64_value=1)
    assert problem_of(plain) is None
    for part in (plain, plain.context, condition, condition.values[0]):
        part.MergeFromString(UNKNOWN)
        problem = problem_of(plain)
        assert problem is not None and problem.reason is ErrorReason.MESSAGE_FIELD_UNKNOWN
        part.DiscardUnknownFields()
        assert problem_of(plain) is None


def with_id(request: sharing_service_pb2.ExtractRequest) -> None:
    request.context.request_id = SECRET


def with_a_short_reason(request: sharing_service_pb2.ExtractRequest) -> None:
    request.context.break_glass_reason = "九个字的理由还不够"


def with_a_long_reason(request: sharing_service_pb2.ExtractRequest) -> None:
    request.context.break_glass_reason = SECRET * 36


def with_a_field_twice(request: sharing_service_pb2.ExtractRequest) -> None:
    request.fields.extend([SECRET, SECRET])


def with_a_long_name(request: sharing_service_pb2.ExtractRequest) -> None:
    request.filters.add(field=SECRET * 10, operator=value_pb2.OPERATOR_EQUAL).values.add(bool_value=True)


def with_a_number_that_is_none(request: sharing_service_pb2.ExtractRequest) -> None:
    request.filters.add(field="f", operator=value_pb2.OPERATOR_EQUAL).values.add(double_value=float("nan"))


@pytest.mark.parametrize(
    ("spoil", "field", "description"),
    [
        (with_id, "context.request_id", "must be a UUID"),
        (with_a_short_reason, "context.break_glass_reason", "is too short"),
        (with_a_long_reason, "context.break_glass_reason", "is too long"),
        (with_a_field_twice, "fields", "must not repeat an item"),
        (with_a_long_name, "filters[0].field", "is too long"),
        (with_a_number_that_is_none, "filters[0].values[0].double_value", "must be a finite number"),
    ],
)
def test_a_violation_names_path_and_rule_and_never_the_value(
    spoil: Callable[[sharing_service_pb2.ExtractRequest], None], field: str, description: str
) -> None:
    request = extract()
    spoil(request)
    problem = problem_of(request)
    assert problem is not None and problem.reason is ErrorReason.REQUEST_INVALID
    assert [(item.field, item.description) for item in problem.violations] == [(field, description)]
    assert SECRET not in repr(problem)


def test_a_reason_of_ten_to_five_hundred_characters_is_one() -> None:
    for reason in ("", "急" * 10, "x" * 500):
        request = extract()
        request.context.break_glass_reason = reason
        assert problem_of(request) is None


def test_the_first_violation_ends_the_check() -> None:
    request = extract()
    request.filters.extend([value_pb2.Condition()] * 32)
    problem = problem_of(request)
    assert problem is not None and len(problem.violations) == 1


@pytest.mark.parametrize("conditions", [33, 120_000])
def test_a_list_that_is_too_long_is_not_looked_into(conditions: int) -> None:
    request = extract()
    request.filters.extend([value_pb2.Condition()] * conditions)
    request.filters[0].MergeFromString(UNKNOWN)
    began = time.process_time()
    problem = problem_of(request)
    assert problem is not None
    assert [(item.field, item.description) for item in problem.violations] == [("filters", "has too many items")]
    assert time.process_time() - began < 0.5  # all violations of 20,000 conditions took four seconds


def with_values(number: int) -> sharing_service_pb2.ExtractRequest:
    request = extract()
    while number > 0:
        condition = request.filters.add(field="f", operator=value_pb2.OPERATOR_IN)
        condition.values.extend([value_pb2.Value(bool_value=True)] * min(number, 256))
        number -= 256
    return request


def test_the_values_of_all_conditions_together_are_bounded() -> None:
    assert problem_of(with_values(MAX_VALUES)) is None
    problem = problem_of(with_values(MAX_VALUES + 1))
    assert problem is not None
    assert [(item.field, item.description) for item in problem.violations] == [("", "has too many values")]


def test_every_list_of_a_request_is_bounded() -> None:
    for method in METHODS:
        for kind in _messages(method.input_type, set()):
            for field in kind.fields:
                rules = field.GetOptions().Extensions[validate_pb2.field]
                assert not field.is_repeated or rules.repeated.max_items, f"{kind.full_name}.{field.name}"


def test_bytes_that_are_no_message_are_no_request() -> None:
    problem = request_of(sharing_service_pb2.ExtractRequest, b"\xff")
    assert isinstance(problem, Problem) and problem.reason is ErrorReason.REQUEST_INVALID
    assert request_of(sharing_service_pb2.ExtractRequest, extract().SerializeToString()) == extract()


@pytest.mark.parametrize(
    "request_",
    [
        sharing_service_pb2.LookupRequest(),
        sharing_service_pb2.CheckRequest(dataset="d", disclosure="e"),
        sharing_service_pb2.ConsumeRequest(dataset="d", disclosure="e"),
        research_service_pb2.CreateReleaseRequest(),
        research_service_pb2.EstimateRequest(),
        research_service_pb2.GetReleaseRequest(release_id="zz"),
        audit_service_pb2.GetReceiptRequest(receipt_id="-1"),
        policy_service_pb2.CheckPolicyRequest(),
        policy_service_pb2.ExplainRequest(dataset="d", disclosure="e", kind="steal"),
        policy_service_pb2.ProposePolicyRequest(header=policy_service_pb2.ProposalHeader()),
        policy_service_pb2.ApproveProposalRequest(proposal_id="0" * 16),
        policy_service_pb2.PublishProposalRequest(),
        policy_service_pb2.RollBackRequest(digest="0" * 64),
        policy_service_pb2.ReviewPublicationRequest(),
        policy_service_pb2.ListPublicationsRequest(count=1001),
        consent_service_pb2.RecordConsentsRequest(register="r"),
        consent_service_pb2.WithdrawConsentRequest(register="r"),
        case_service_pb2.OpenCaseRequest(register="r", number="1"),
        oversight_service_pb2.ReviewEmergencyRequest(emergency_id="e"),
        oversight_service_pb2.GetReportRequest(institution="police"),
    ],
)
def test_what_is_compulsory_is_demanded(request_: Message) -> None:
    problem = problem_of(request_)
    assert problem is not None and problem.reason is ErrorReason.REQUEST_INVALID and problem.violations


def test_every_rule_of_the_protos_has_words_of_ours() -> None:
    used: set[str] = set()
    for method in METHODS:
        for kind in _messages(method.input_type, set()):
            used.update(_rules(kind))
    assert "string.uuid" in used and "double.finite" in used
    assert used <= DESCRIPTIONS.keys()


def _messages(kind: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """Yield a message type and all that it can hold."""
    if kind.full_name in seen:
        return
    seen.add(kind.full_name)
    yield kind
    for field in kind.fields:
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None:
            yield from _messages(field.message_type, seen)


def _rules(message: Descriptor) -> Iterator[str]:
    for field in message.fields:
        yield from _names(field.GetOptions().Extensions[validate_pb2.field])
    for oneof in message.oneofs:
        if oneof.GetOptions().Extensions[validate_pb2.oneof].required:
            yield "required"


def _names(rules: Message) -> Iterator[str]:
    if getattr(rules, "required", False):
        yield "required"
    kind = rules.WhichOneof("type")
    if kind is None:
        return
    for field, value in getattr(rules, kind).ListFields():
        if field.name == "items":
            yield from _names(value)
        else:
            yield f"{kind}.{field.name}"
