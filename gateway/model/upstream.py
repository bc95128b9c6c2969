"""A department's own gRPC service as the place where rows are: what is asked of it, and what its messages hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.model.values import Scalar


@dataclass(frozen=True, slots=True)
class KeyOf:
    """The subjects that are asked for, by the values of a field; one after the other where one at a time is taken."""

    field: str


@dataclass(frozen=True, slots=True)
class RegionOf:
    """The region that may be read."""


@dataclass(frozen=True, slots=True)
class SinceOf:
    """The first day or instant that may be read, of a field; not sent where nothing bounds it."""

    field: str


@dataclass(frozen=True, slots=True)
class Always:
    """The same value in every request."""

    value: Scalar


RequestValue = KeyOf | RegionOf | SinceOf | Always


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method of the service: what it is asked with, and where in its responses the records are.

    `records` is the path of a repeated message; "" where each response is a record. `left_out` are the paths of what
    a response holds besides, which the contract classifies.
    """

    name: str
    records: str
    request: Mapping[str, RequestValue]
    left_out: frozenset[str]

    @property
    def key(self) -> str | None:
        """The field by whose values subjects are asked for."""
        return next((value.field for value in self.request.values() if isinstance(value, KeyOf)), None)


@dataclass(frozen=True, slots=True)
class UpstreamSpec:
    """A service, the methods that list all records and look some up, and every field of a record.

    `server` names the connection in the gateway's settings, `service` is the full name of the service there.
    `paths` are where in a record each field of the dataset is; `left_out` are the paths of all that is not collected,
    which the contract classifies too. `copied_hours` is how old a copy of all rows may be, from which everything is
    read; None: the service is asked each time.
    """

    server: str
    service: str
    lists: MethodSpec | None
    looks_up: MethodSpec | None
    paths: Mapping[str, str]
    left_out: frozenset[str]
    copied_hours: int | None = None


def asked_in_words(spec: UpstreamSpec) -> dict[str, str]:
    """Say what is asked of a service, part by part; a part that says nothing is left out."""
    said = {
        "server": spec.server,
        "list": _in_words(spec.lists),
        "lookup": _in_words(spec.looks_up),
        "left_out": ", ".join(sorted(spec.left_out)),
        "copied_hours": "" if spec.copied_hours is None else str(spec.copied_hours),
    }
    return {part: words for part, words in said.items() if words}


def _in_words(method: MethodSpec | None) -> str:
    if method is None:
        return ""
    where = f" in {method.records}" if method.records else ""
    asked = "; ".join(f"{path}: {_asked(value)}" for path, value in method.request.items())
    beside = f", beside {', '.join(sorted(method.left_out))}" if method.left_out else ""
    return f"{method.name}({asked}){where}{beside}"


def _asked(value: RequestValue) -> str:
    match value:
        case KeyOf(field):
            return f"the {field} asked for"
        case RegionOf():
            return "the region"
        case SinceOf(field):
            return f"the first {field}"
        case Always(constant):
            return repr(constant)
