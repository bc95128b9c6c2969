"""A contract over the department's service, and the same over a file, field for field."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gateway.model.contract import DataContract
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.upstream import Always, KeyOf, MethodSpec, RegionOf, SinceOf, UpstreamSpec
from gateway.model.values import FieldType
from tests.contracts import plain_contract, plain_fields
from tests.integration.upstream.department import REGISTRY

TYPES = {
    "number": FieldType.STRING,
    "colour": FieldType.STRING,
    "assessed_on": FieldType.DATE,
    "assessed_at": FieldType.TIMESTAMP,
    "reason": FieldType.STRING,
    "community": FieldType.STRING,
    "nickname": FieldType.STRING,
    "score": FieldType.INT64,
    "weight": FieldType.DOUBLE,
    "consents": FieldType.BOOL,
    "visits": FieldType.INT64,
}
PATHS = {**{name: name for name in TYPES}, "number": "person.number"}
LEFT_OUT = frozenset(
    (
        "person.name",
        "case_number",
        "contacts.name",
        "contacts.colour",
        "marks.key",
        "marks.value.text",
        "languages",
        "photo",
    )
)
LISTS = MethodSpec(
    "ListCodes",
    "codes",
    MappingProxyType({"region": RegionOf(), "since": SinceOf("assessed_on"), "view": Always("VIEW_FULL")}),
    frozenset(),
)
PAGES = MethodSpec("PageCodes", "codes", MappingProxyType({}), frozenset({"total"}))
LOOKS_UP = MethodSpec("GetCodes", "codes", MappingProxyType({"numbers": KeyOf("number")}), frozenset())
GETS_ONE = MethodSpec("GetCode", "", MappingProxyType({"key.number": KeyOf("number")}), frozenset())
SPEC = UpstreamSpec("health", REGISTRY, LISTS, LOOKS_UP, MappingProxyType(PATHS), LEFT_OUT)


def contract(spec: UpstreamSpec = SPEC, **changed: Any) -> DataContract:
    """The contract over the service."""
    service = SourceSpec(SourceKind.GRPC, REGISTRY)
    made = plain_contract("codes", service, plain_fields(TYPES), unit="number", region="community", upstream=spec)
    made = replace(made, **changed)
    return replace(made, digest=repr(made))


def without(*paths: str) -> DataContract:
    """The contract, silent on some paths that it left out."""
    return contract(replace(SPEC, left_out=LEFT_OUT - set(paths)))


def over_file(path: str) -> DataContract:
    """The same fields in a Parquet file."""
    return contract(source=SourceSpec(SourceKind.PARQUET, path), upstream=None)
