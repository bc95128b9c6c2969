"""What a request must be before anything reads it: known fields only, and the rules its protos declare.

Texts about a broken rule are our own constants, chosen by the rule's id: protovalidate's may quote what was
sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from protovalidate import Validator, Violation

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
    "double.finite": "must be a finite number",
    "enum.defined_only": "must be a declared value",
    "enum.not_in": "must be given",
    "repeated.min_items": "has too few items",
    "repeated.max_items": "has too many items",
    "repeated.unique": "must not repeat an item",
}
"""The rules that our protos use, in our words. A test holds them against the protos."""

_OTHER_RULE = "breaks its declared rule"

_validator = Validator()


def problem_of(request: Message) -> Problem | None:
    """Return what is wrong with a request, or None."""
    if has_unknown_fields(request):
        return Problem(ErrorReason.MESSAGE_FIELD_UNKNOWN)
    violations = _validator.collect_violations(request)
    if not violations:
        return None
    return Problem(ErrorReason.REQUEST_INVALID, violations=tuple(_describe(violations)))


def has_unknown_fields(message: Message) -> bool:
    """Tell whether a message, or any message in it, carries a field that our protos do not declare."""
    if len(UnknownFieldSet(message)):
        return True
    return any(has_unknown_fields(child) for child in _children(message))


def _children(message: Message) -> Iterator[Message]:
    for name, repeated in _message_fields(message):
        if repeated:
            yield from getattr(message, name)
        elif message.HasField(name):
            yield getattr(message, name)


def _message_fields(message: Message) -> tuple[tuple[str, bool], ...]:
    """Return name and repeatedness of the fields that hold messages, remembered for each message type."""
    known = _by_type.get(message.DESCRIPTOR.full_name)
    if known is None:
        fields = message.DESCRIPTOR.fields
        known = tuple((f.name, f.is_repeated) for f in fields if f.type == FieldDescriptor.TYPE_MESSAGE)
        _by_type[message.DESCRIPTOR.full_name] = known
    return known


_by_type: dict[str, tuple[tuple[str, bool], ...]] = {}


def _describe(violations: Iterable[Violation]) -> Iterator[FieldViolation]:
    for violation in violations:
        proto = violation.proto
        yield FieldViolation(_path(proto.field), DESCRIPTIONS.get(proto.rule_id, _OTHER_RULE))


def _path(field: object) -> str:
    """Write a field path as "filters[0].values[1]": names are from our descriptors, subscripts positions."""
    parts: list[str] = []
    for element in getattr(field, "elements", ()):
        subscript = element.subscript
        at = f"[{subscript.value}]" if subscript is not None and subscript.field == "index" else ""
        parts.append(f"{element.field_name}{at}")
    return ".".join(parts)
