"""What a message can hold, to the last field: every leaf has a path, and what nobody can classify is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

TIMESTAMP, DATE = "google.protobuf.Timestamp", "google.type.Date"

_SCALARS = FieldDescriptor
WRAPPERS: dict[str, int] = {
    "google.protobuf.BoolValue": _SCALARS.TYPE_BOOL,
    "google.protobuf.BytesValue": _SCALARS.TYPE_BYTES,
    "google.protobuf.DoubleValue": _SCALARS.TYPE_DOUBLE,
    "google.protobuf.FloatValue": _SCALARS.TYPE_FLOAT,
    "google.protobuf.Int32Value": _SCALARS.TYPE_INT32,
    "google.protobuf.Int64Value": _SCALARS.TYPE_INT64,
    "google.protobuf.StringValue": _SCALARS.TYPE_STRING,
    "google.protobuf.UInt32Value": _SCALARS.TYPE_UINT32,
    "google.protobuf.UInt64Value": _SCALARS.TYPE_UINT64,
}
"""Messages that hold one value or none, with the type of the value."""

_WHOLE: dict[str, tuple[tuple[str, int, int], ...]] = {
    TIMESTAMP: (("seconds", 1, _SCALARS.TYPE_INT64), ("nanos", 2, _SCALARS.TYPE_INT32)),
    DATE: (("year", 1, _SCALARS.TYPE_INT32), ("month", 2, _SCALARS.TYPE_INT32), ("day", 3, _SCALARS.TYPE_INT32)),
    **{name: (("value", 1, kind),) for name, kind in WRAPPERS.items()},
}
"""Messages that are one leaf, with the fields that make them what their names say."""

_OPEN = frozenset(
    ("google.protobuf.Any", "google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")
)


class Leaf(NamedTuple):
    """A field that holds values: the fields that lead to it, itself the last. `many`: there may be several of them."""

    path: str
    steps: tuple[FieldDescriptor, ...]
    many: bool

    @property
    def field(self) -> FieldDescriptor:
        """The field itself."""
        return self.steps[-1]


class Unclassifiable(NamedTuple):
    """A path below which nobody can say what there will be, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All leaves of a message, in the order of its fields, and what cannot be classified."""

    leaves: tuple[Leaf, ...]
    unclassifiable: tuple[Unclassifiable, ...]


def contents(message: Descriptor, without: str = "") -> Contents:
    """Walk a message to its last field; what lies at the path `without` is left to whoever walks it by itself.

    Paths are names of fields with dots between them. The entries of a map have `.key` and `.value`; a field that is
    repeated has the path that it would have if it were not.
    """
    found = tuple(_walk(message, (), False, (message.full_name,), without))
    return Contents(
        tuple(one for one in found if isinstance(one, Leaf)),
        tuple(one for one in found if isinstance(one, Unclassifiable)),
    )


def _walk(
    message: Descriptor, steps: tuple[FieldDescriptor, ...], many: bool, above: tuple[str, ...], without: str
) -> Iterator[Leaf | Unclassifiable]:
    if message.is_extendable:
        yield Unclassifiable(_path(steps), "takes extensions, which anybody may add")
    for field in message.fields:
        taken = (*steps, field)
        path, several = _path(taken), many or field.is_repeated
        inner = field.message_type
        if path == without:
            continue
        if field.type == FieldDescriptor.TYPE_GROUP:
            yield Unclassifiable(path, "is a group")
        elif inner is None:
            yield Leaf(path, taken, several)
        elif inner.full_name in _OPEN:
            yield Unclassifiable(path, f"is a {inner.full_name}, which can hold anything")
        elif inner.full_name in _WHOLE:
            if _is_what_it_says(inner):
                yield Leaf(path, taken, several)
            else:
                yield Unclassifiable(path, f"is called {inner.full_name}, and is not")
        elif inner.full_name in above:
            yield Unclassifiable(path, f"holds its own kind, {inner.full_name}, without end")
        else:
            yield from _walk(inner, taken, several, (*above, inner.full_name), without)


def _is_what_it_says(message: Descriptor) -> bool:
    said = tuple((field.name, field.number, field.type) for field in message.fields)
    return said == _WHOLE[message.full_name] and not any(field.is_repeated for field in message.fields)


def _path(steps: tuple[FieldDescriptor, ...]) -> str:
    return ".".join(step.name for step in steps)
