"""Requests are known fields and declared rules; what is wrong is said without quoting it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from gateway.api.buf.validate import validate_pb2
from gateway.api.v1 import audit_service_pb2, research_service_pb2, sharing_service_pb2, value_pb2
from gateway.model.errors import ErrorReason
from gateway.server.rules import DESCRIPTIONS, has_unknown_fields, problem_of

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
    assert not has_unknown_fields(plain)
    condition = plain.filters.add(field="f", operator=value_pb2.OPERATOR_EQUAL)
    condition.values.add(int64_value=1)
    assert not has_unknown_fields(plain)
    for part in (plain, plain.context, condition, condition.values[0]):
        part.MergeFromString(UNKNOWN)
        assert has_unknown_fields(plain)
        problem = problem_of(plain)
        assert problem is not None and problem.reason is ErrorReason.MESSAGE_FIELD_UNKNOWN
        part.DiscardUnknownFields()
        assert not has_unknown_fields(plain)


def test_violations_name_path_and_rule_and_never_the_value() -> None:
    request = extract()
    request.context.request_id = SECRET
    request.fields.extend([SECRET, SECRET])
    condition = request.filters.add(field=SECRET * 10, operator=value_pb2.OPERATOR_EQUAL)
    condition.values.add(double_value=float("nan"))
    problem = problem_of(request)
    assert problem is not None and problem.reason is ErrorReason.REQUEST_INVALID
    found = {item.field: item.description for item in problem.violations}
    assert found == {
        "context.request_id": "must be a UUID",
        "fields": "must not repeat an item",
        "filters[0].field": "is too long",
        "filters[0].values[0].double_value": "must be a finite number",
    }
    assert SECRET not in repr(problem)


@pytest.mark.parametrize(
    "request_",
    [
        sharing_service_pb2.LookupRequest(),
        sharing_service_pb2.CheckRequest(dataset="d", disclosure="e"),
        research_service_pb2.CreateReleaseRequest(),
        research_service_pb2.EstimateRequest(),
        research_service_pb2.GetReleaseRequest(release_id="zz"),
        audit_service_pb2.GetReceiptRequest(receipt_id="-1"),
    ],
)
def test_what_is_compulsory_is_demanded(request_: Message) -> None:
    problem = problem_of(request_)
    assert problem is not None and problem.reason is ErrorReason.REQUEST_INVALID and problem.violations


def test_every_rule_of_the_protos_has_words_of_ours() -> None:
    used: set[str] = set()
    for module in (sharing_service_pb2, research_service_pb2, audit_service_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                used.update(_rules(method.input_type, set()))
    assert "string.uuid" in used and "double.finite" in used
    assert used <= DESCRIPTIONS.keys()


def _rules(message: Descriptor, seen: set[str]) -> Iterator[str]:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        rules = field.GetOptions().Extensions[validate_pb2.field]
        yield from _names(rules)
        if field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not None:
            yield from _rules(field.message_type, seen)
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
