"""What a request must be before anything reads it: of bounded size, of known fields, and as its protos declare.

Sizes come first, and the first broken rule ends the check: what a request costs is bounded by what a good one may
cost. Texts about a broken rule are our own constants, chosen by the rule's id: protovalidate's may quote what was
sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet
from protovalidate import Validator, Violation

from gateway.api.buf.validate import validate_pb2
from gateway.api.v1 import value_pb2
from gateway.model.errors import ErrorReason
from gateway.model.permit import FieldViolation
from gateway.server.problem import Problem

DESCRIPTIONS: dict[str, str] = {
    "required": "must be given",
    "string.min_len": "is too short",
    "string.max_len": "is too long",
    "string.max_bytes": "is too long",
    "string.uuid": "must be a UUID",
    "string.pattern": "is not of the declared form",
    "bytes.len": "is not of the declared length",
    "bytes.max_len": "is too long",
    "double.finite": "must be a finite number",
    "uint32.lte": "is too large",
    "enum.defined_only": "must be a declared value",
    "enum.not_in": "must be given",
    "repeated.min_items": "has too few items",
    "repeated.max_items": "has too many items",
    "repeated.unique": "must not repeat an item",
}
"""The rules that our protos use, in our words. A test holds them against the protos."""

MAX_VALUES = 1024
"""Values that one request may carry, in all its conditions and keys together."""

_OTHER_RULE = "breaks its declared rule"

_MALFORMED = Problem(
    ErrorReason.REQUEST_INVALID, violations=(FieldViolation("", "the bytes are not a message of this type"),)
)

_validator = Validator()


def request_of(kind: type[Message], data: bytes) -> Message | Problem:
    """Return the request that the bytes are, or what is wrong with it."""
    try:
        request = kind.FromString(data)
    except DecodeError:
        return _MALFORMED
    return problem_of(request) or request


def problem_of(request: Message) -> Problem | None:
    """Return the first thing that is wrong with a request, or None."""
    values = 0
    for path, part in _parts(request, ""):
        if len(UnknownFieldSet(part)):
            return Problem(ErrorReason.MESSAGE_FIELD_UNKNOWN)
        for field in _lists(part.DESCRIPTOR):
            if len(getattr(part, field.name)) > field.most:
                return _broken(path + field.name, DESCRIPTIONS["repeated.max_items"])
        values += isinstance(part, value_pb2.Value)
        if values > MAX_VALUES:
            return _broken("", "has too many values")
    for violation in _validator.collect_violations(request, fail_fast=True):
        return _broken(*_describe(violation))
    return None


def _broken(path: str, description: str) -> Problem:
    return Problem(ErrorReason.REQUEST_INVALID, violations=(FieldViolation(path, description),))


def _parts(message: Message, path: str) -> Iterator[tuple[str, Message]]:
    """Yield a message and all messages in it, each after the one that holds it, with the path of its fields."""
    yield path, message
    for name, repeated in _message_fields(message.DESCRIPTOR):
        if repeated:
            for number, item in enumerate(getattr(message, name)):
                yield from _parts(item, f"{path}{name}[{number}].")
        elif message.HasField(name):
            yield from _parts(getattr(message, name), f"{path}{name}.")


@cache
def _message_fields(kind: Descriptor) -> tuple[tuple[str, bool], ...]:
    """Return name and repeatedness of the fields that hold messages."""
    return tuple((field.name, field.is_repeated) for field in kind.fields if field.type == FieldDescriptor.TYPE_MESSAGE)


class _List(NamedTuple):
    name: str
    most: int


@cache
def _lists(kind: Descriptor) -> tuple[_List, ...]:
    """Return the repeated fields with the number of items that their protos allow; a list without one holds none."""
    return tuple(
        _List(field.name, field.GetOptions().Extensions[validate_pb2.field].repeated.max_items)
        for field in kind.fields
        if field.is_repeated
    )


def _describe(violation: Violation) -> tuple[str, str]:
    proto = violation.proto
    return _path(proto.field), DESCRIPTIONS.get(proto.rule_id, _OTHER_RULE)


def _path(field: object) -> str:
    """Write a field path as "filters[0].values[1]": names are from our descriptors, subscripts positions."""
    parts: list[str] = []
    for element in getattr(field, "elements", ()):
        subscript = element.subscript
        at = f"[{subscript.value}]" if subscript is not None and subscript.field == "index" else ""
        parts.append(f"{element.field_name}{at}")
    return ".".join(parts)
