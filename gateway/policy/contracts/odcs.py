"""The shape of a document of the Open Data Contract Standard (Bitol, ODCS v3.1.0): its keys and types, all of them.

The standard's JSON Schema was followed definition by definition. What it leaves open (any text, any number of
servers) is open here; `shape` narrows it to what the gateway can serve. Documents of v3.0 fit as well, since
v3.1 only added to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.policy.contracts.odcs_parts import (
    Defined,
    DescriptionShape,
    Extensible,
    MemberShape,
    PriceShape,
    QualityShape,
    RoleShape,
    ServerShape,
    SlaShape,
    StableId,
    SupportShape,
    TeamShape,
)
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import Misplaced, OneOf

VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
VERSION = VERSIONS[-1]
"""What the gateway writes, and what a contract of a policy folder is written in."""

_ANY_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
Reference = Annotated[
    str,
    StringConstraints(
        pattern=rf"^({_ANY_NAME}\.{_ANY_NAME}|((https?://)?[A-Za-z0-9._\-/]+\.yaml#)?/?{_ANY_NAME}/[A-Za-z0-9_\-]+"
        rf"(/{_ANY_NAME}/[A-Za-z0-9_\-]+)*)$"
    ),
]


class RelationshipShape(Extensible):
    """A reference from one property to another."""

    type: Literal["foreignKey"] | None = None
    from_: Annotated[Reference | list[Reference] | None, Field(alias="from")] = None
    to: Reference | list[Reference] | None = None


_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_TIMES: dict[str, tuple[type, ...]] = {"format": (str,), **dict.fromkeys(_BOUNDS, (str, date))}
_NUMBERS: dict[str, tuple[type, ...]] = {"format": (str,), **dict.fromkeys((*_BOUNDS, "multipleOf"), (int, float))}
_ZONED: dict[str, tuple[type, ...]] = {**_TIMES, "timezone": (bool,), "defaultTimezone": (str,)}
_OPTIONS: dict[str, dict[str, tuple[type, ...]]] = {
    "string": {"minLength": (int,), "maxLength": (int,), "pattern": (str,), "format": (str,)},
    "date": _TIMES,
    "timestamp": _ZONED,
    "time": _ZONED,
    "integer": _NUMBERS,
    "number": _NUMBERS,
    "boolean": {},
    "object": {"maxProperties": (int,), "minProperties": (int,), "required": (list,)},
    "array": {"maxItems": (int,), "minItems": (int,), "uniqueItems": (bool,)},
}
LOGICAL_TYPES = tuple(_OPTIONS)


class _Element(Defined):
    id: StableId | None = None
    description: str | None = None
    business_name: Annotated[str | None, Field(alias="businessName")] = None
    physical_name: Annotated[str | None, Field(alias="physicalName")] = None
    physical_type: Annotated[str | None, Field(alias="physicalType")] = None
    tags: list[str] | None = None
    relationships: list[RelationshipShape] | None = None
    quality: list[QualityShape] | None = None


class ItemShape(_Element):
    """What an array holds, or a property of an object."""

    name: str | None = None
    logical_type: Annotated[
        Annotated[str, OneOf(LOGICAL_TYPES, "a logical type")] | None, Field(alias="logicalType")
    ] = None
    logical_type_options: Annotated[dict[str, Any] | None, Field(alias="logicalTypeOptions")] = None
    required: bool | None = None
    unique: bool | None = None
    primary_key: Annotated[bool | None, Field(alias="primaryKey")] = None
    primary_key_position: Annotated[int | None, Field(alias="primaryKeyPosition")] = None
    partitioned: bool | None = None
    partition_key_position: Annotated[int | None, Field(alias="partitionKeyPosition")] = None
    classification: str | None = None
    encrypted_name: Annotated[str | None, Field(alias="encryptedName")] = None
    transform_source_objects: Annotated[list[str] | None, Field(alias="transformSourceObjects")] = None
    transform_logic: Annotated[str | None, Field(alias="transformLogic")] = None
    transform_description: Annotated[str | None, Field(alias="transformDescription")] = None
    examples: list[Any] | None = None
    critical_data_element: Annotated[bool | None, Field(alias="criticalDataElement")] = None

    @model_validator(mode="after")
    def _suited(self) -> ItemShape:
        known = _OPTIONS.get(self.logical_type or "", {})
        for key, value in (self.logical_type_options or {}).items() if known else ():
            if key not in known:
                hint = did_you_mean(key, known)
                text = f"{shown(key)} is not an option of the logical type {self.logical_type}. {hint}".strip()
                raise Misplaced(text, "logicalTypeOptions", key)
            if type(value) not in known[key]:
                words = " or ".join(kind.__name__ for kind in known[key])
                raise Misplaced(f"the option '{key}' must be of type {words}", "logicalTypeOptions", key)
        for key, type_ in (("properties", "object"), ("items", "array")):
            if getattr(self, key, None) is not None and self.logical_type != type_:
                raise Misplaced(f"'{key}' is for the logical type {type_}. Write logicalType: {type_}.", key)
        return self


class PropertyShape(ItemShape):
    """A property of an object: a column of a table."""

    name: str
    properties: list[PropertyShape] | None = None
    items: ArrayItemShape | None = None


class ArrayItemShape(ItemShape):
    """What an array holds."""

    properties: list[PropertyShape] | None = None
    items: ArrayItemShape | None = None


PropertyShape.model_rebuild()  # now that what it names is there, for the shapes made from it elsewhere


class ObjectShape(_Element):
    """A table, or another object with properties."""

    name: str
    logical_type: Annotated[Literal["object"] | None, Field(alias="logicalType")] = None
    data_granularity_description: Annotated[str | None, Field(alias="dataGranularityDescription")] = None
    properties: Sequence[PropertyShape] | None = None


class OdcsShape(Defined):
    """A data contract of the standard."""

    api_version: Annotated[str, OneOf(VERSIONS, "a version of the standard read here"), Field(alias="apiVersion")]
    kind: Literal["DataContract"]
    id: Annotated[str, Field(min_length=1)]
    version: str
    status: str
    name: str | None = None
    tenant: str | None = None
    domain: str | None = None
    data_product: Annotated[str | None, Field(alias="dataProduct")] = None
    tags: list[str] | None = None
    description: DescriptionShape | None = None
    servers: list[ServerShape] | None = None
    schema_: Annotated[Sequence[ObjectShape] | None, Field(alias="schema")] = None
    support: list[SupportShape] | None = None
    price: PriceShape | None = None
    team: TeamShape | list[MemberShape] | None = None
    roles: list[RoleShape] | None = None
    sla_default_element: Annotated[str | None, Field(alias="slaDefaultElement")] = None
    sla_properties: Annotated[list[SlaShape] | None, Field(alias="slaProperties")] = None
    contract_created: Annotated[str | None, Field(alias="contractCreatedTs")] = None
