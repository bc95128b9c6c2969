"""What a contract says of a department's own service: methods, requests, and every field of its messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, model_validator

from gateway.model.contract import BY_KEY, OF_TOKENS, Classification, DisclosureKind, DisclosureSpec, FieldSpec
from gateway.model.upstream import Always, KeyOf, MethodSpec, RegionOf, RequestValue, SinceOf, UpstreamSpec
from gateway.policy.contracts.checking import Place, Wrong
from gateway.policy.contracts.odcs_parts import ServerShape
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import FieldName, Shape, formed

BLOCK = "upstream"
"""What the gateway's own block calls the part that is about a service."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
MessagePath = Annotated[
    str, formed(rf"^{_NAME}(\.{_NAME})*$", "Write names of the message's fields, with dots between them.", 512)
]
"""Where in a message a field is."""

MethodName = Annotated[str, formed(r"^[A-Za-z][A-Za-z0-9_]*$", "Write the method's name, without its service.", 128)]

_Classified = dict[MessagePath, Annotated[Classification, Field(strict=False)]]
_COPY = "Add 'copied_hours: …' to 'upstream': a copy stands still."


_PATH = re.compile(rf"{_NAME}(\.{_NAME})*", re.ASCII)


def is_path(text: str) -> bool:
    """Tell whether a text could be where in a message a field is."""
    return _PATH.fullmatch(text) is not None


class RequestShape(Shape):
    """What one field of a request is asked with: one of these."""

    key: Annotated[FieldName | None, Field(description="the subjects of a lookup, by this field")] = None
    region: Annotated[bool | None, Field(description="true: the region that may be read")] = None
    since: Annotated[FieldName | None, Field(description="the first date or timestamp of this field")] = None
    value: Annotated[str | int | float | bool | date | None, Field(description="this, always")] = None

    @model_validator(mode="after")
    def _one(self) -> RequestShape:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1 or self.region is False:
            raise ValueError("a field of a request is asked with one thing. Write key, region: true, since or value.")
        return self


class MethodShape(Shape):
    """A method that gives records."""

    method: MethodName
    records: Annotated[
        MessagePath | None, Field(description="the repeated message of a response; left out, each response is a record")
    ] = None
    request: dict[MessagePath, RequestShape] = Field(default_factory=dict)
    left_out: Annotated[_Classified, Field(description="what a response holds beside the records, classified")] = Field(
        default_factory=dict
    )


class UpstreamShape(Shape):
    """A department's own gRPC service: what is asked of it, and what of a record is not collected."""

    list_: Annotated[
        MethodShape | None, Field(alias="list", description="the method that gives all records, or those of a region")
    ] = None
    lookup: Annotated[MethodShape | None, Field(description="the method that gives the records of subjects")] = None
    left_out: Annotated[_Classified, Field(description="what of a record is not collected, classified")] = Field(
        default_factory=dict
    )
    copied_hours: Annotated[
        int | None,
        Field(ge=1, le=8760, description="everything is read from a copy of all rows, which is at most so old"),
    ] = None

    @model_validator(mode="after")
    def _some(self) -> UpstreamShape:
        if self.list_ is None and self.lookup is None:
            raise ValueError("no method gives the records. Add 'list: …' or 'lookup: …'.")
        if self.copied_hours is not None and self.list_ is None:
            raise ValueError("no method lists the records of a copy. Add 'list: …'.")
        return self


class UpstreamReader:
    """Reads the part of a contract that is about a service. `wrong` takes a place in the gateway's block."""

    def __init__(self, fields: Mapping[str, FieldSpec], region: str | None, wrong: Wrong) -> None:
        self._fields, self._region, self._wrong = fields, region, wrong

    def upstream(
        self,
        shape: UpstreamShape,
        server: ServerShape,
        paths: Mapping[str, str],
        disclosures: Iterable[DisclosureSpec],
    ) -> UpstreamSpec:
        """Return what is asked, after telling what is wrong with it. `paths` are where the fields are in a record."""
        by_path: dict[str, str] = {}
        for name, path in paths.items():
            if path in shape.left_out:
                self._wrong(
                    (BLOCK, "left_out", path), f"{shown(path)} is collected, as '{name}'", "Remove it here or there."
                )
            if path in by_path:
                self._wrong(
                    (BLOCK,), f"{shown(path)} is collected twice, as '{by_path[path]}' and '{name}'", "Keep one."
                )
            by_path[path] = name
        lists, looks_up = self._method("list", shape.list_), self._method("lookup", shape.lookup)
        fields, left_out = MappingProxyType(dict(paths)), frozenset(shape.left_out)
        hours = shape.copied_hours
        spec = UpstreamSpec(server.server, server.location or "", lists, looks_up, fields, left_out, hours)
        for disclosure in disclosures:
            self._check(disclosure, spec)
        return spec

    def _method(self, which: str, shape: MethodShape | None) -> MethodSpec | None:
        if shape is None:
            return None
        place: Place = (BLOCK, which, "request")
        request = {path: self._value((*place, path), one) for path, one in shape.request.items()}
        method = MethodSpec(shape.method, shape.records or "", MappingProxyType(request), frozenset(shape.left_out))
        keys = [path for path, value in request.items() if isinstance(value, KeyOf)]
        if which == "list" and keys:
            message = f"{shown(keys[0])} is asked for by a key, and a list is of all records"
            self._wrong((*place, keys[0], "key"), message, "Make the method the 'lookup'.")
        if which == "lookup" and len(keys) != 1:
            self._wrong((BLOCK, which), "a lookup asks for subjects by one key", "Write '…: {key: …}' for one field.")
        return method

    def _value(self, place: Place, shape: RequestShape) -> RequestValue:
        if shape.key is not None:
            self._declared((*place, "key"), shape.key)
            return KeyOf(shape.key)
        if shape.since is not None:
            field = self._declared((*place, "since"), shape.since)
            if field is not None and not field.type.is_dated:
                message = f"'{shape.since}' is no date or timestamp, from which rows could be asked for"
                self._wrong((*place, "since"), message, "Name another field.")
            return SinceOf(shape.since)
        if shape.region is not None:
            if self._region is None:
                self._wrong((*place, "region"), "the dataset has no region_field", "Name one, or ask without.")
            return RegionOf()
        return Always(shape.value)

    def _declared(self, place: Place, name: str) -> FieldSpec | None:
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        return field

    def _check(self, disclosure: DisclosureSpec, spec: UpstreamSpec) -> None:
        """Tell of a disclosure that a service cannot answer soundly."""
        place: Place = ("disclosures", disclosure.name)
        if spec.copied_hours is None:
            if disclosure.kind is DisclosureKind.RELEASE:
                self._wrong(place, "no statistics are made of a service's answers", _COPY)
            if disclosure.anonymity is not None:
                message = "rows of a service cannot be counted before they leave"
                self._wrong((*place, "anonymity"), message, _COPY)
            if disclosure.randomises:
                self._wrong((*place, "fields"), "rows of a service cannot be randomised once and for all", _COPY)
        if spec.lists is not None or disclosure.kind in OF_TOKENS:
            return
        if disclosure.kind is DisclosureKind.EXTRACT:
            self._wrong(place, "no method lists the records of an extract", "Add 'list: …' to 'upstream'.")
        elif disclosure.kind in BY_KEY and spec.looks_up is not None:
            for key in disclosure.lookup_keys:
                if key != spec.looks_up.key:
                    remedy = "Look up by its key, or add 'list: …' to 'upstream'."
                    self._wrong((*place, "lookup_keys"), f"no method gives records by '{key}'", remedy)
