"""What a service is asked: requests made of a plan's scope, which narrow what comes back and vouch for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.adapters.upstream.agreement import PAGE, Agreement, Method, step_at
from gateway.model.calendar import CITY_OFFSET
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.plan import RowScope
from gateway.model.upstream import Always, KeyOf, RegionOf, RequestValue, SinceOf
from gateway.model.values import Scalar

_LOWER = frozenset((Operator.GREATER, Operator.GREATER_OR_EQUAL, Operator.EQUAL))


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """One call: the method, its request, and the scope that what comes back is held to."""

    method: Method
    request: Message
    scope: RowScope

    @property
    def about_one(self) -> bool:
        """Whether it is about the subjects of a lookup: that there is nothing to be found is then an answer."""
        return self.method.spec.key is not None

    def turn_to(self, page: str) -> None:
        """Ask for another page."""
        _put(self.request, PAGE, page)


def questions(agreement: Agreement, scope: RowScope) -> Iterator[Question]:
    """Return the calls that together give all rows in scope, each with the part of it that its answers are held to.

    Raises:
        Fault: INTERNAL if no method can be asked; SOURCE_SCHEMA_CHANGED if a value does not go into the request.
    """
    method, keys = _method(agreement, scope)
    spec = method.spec
    place = next((path for path, value in spec.request.items() if isinstance(value, KeyOf)), None)
    field = None if place is None else step_at(method.request, place)
    if field is None:
        yield Question(method, _request(method, scope, ()), scope)
    elif field.is_repeated:
        if keys:
            yield Question(method, _request(method, scope, keys), scope)
    else:
        for key in keys:
            # what is asked for one subject answers for that one alone
            own = Condition(spec.key or "", Operator.IN, (key,))
            yield Question(method, _request(method, scope, (key,)), replace(scope, conditions=(*scope.conditions, own)))


def _method(agreement: Agreement, scope: RowScope) -> tuple[Method, tuple[Scalar, ...]]:
    looks_up = agreement.looks_up
    if looks_up is not None:
        for condition in scope.conditions:
            if condition.field == looks_up.spec.key and condition.operator in (Operator.IN, Operator.EQUAL):
                # a NULL equals nothing
                return looks_up, tuple(value for value in condition.values if value is not None)
    if agreement.lists is None:
        raise Fault(ErrorReason.INTERNAL)
    return agreement.lists, ()


def _request(method: Method, scope: RowScope, keys: tuple[Scalar, ...]) -> Message:
    request = GetMessageClass(method.request)()
    try:
        for path, value in method.spec.request.items():
            for sent in _sent(value, scope, keys):
                _put(request, path, sent)
    except (TypeError, ValueError):
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED) from None
    return request


def _sent(value: RequestValue, scope: RowScope, keys: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    match value:
        case KeyOf():
            return keys
        case RegionOf():
            return () if scope.region is None else (scope.region,)
        case SinceOf(field):
            bounds = [one.values[0] for one in scope.conditions if one.field == field and one.operator in _LOWER]
            # whichever: the gateway applies them all again
            return tuple(bounds[:1])
        case Always(constant):
            return (constant,)


def _put(message: Message, path: str, value: Scalar) -> None:
    *way, last = path.split(".")
    inner: Any = message
    for name in way:
        inner = getattr(inner, name)
    field = inner.DESCRIPTOR.fields_by_name[last]
    if field.is_repeated:
        getattr(inner, last).append(value)
    elif field.enum_type is not None:
        setattr(inner, last, field.enum_type.values_by_name[value].number)
    elif field.message_type is None:
        setattr(inner, last, value)
    elif isinstance(value, datetime):
        getattr(inner, last).FromDatetime((value - CITY_OFFSET).replace(tzinfo=UTC))
    elif isinstance(value, date):
        day = getattr(inner, last)
        day.year, day.month, day.day = value.year, value.month, value.day
    else:
        raise TypeError("no such value can be sent")
