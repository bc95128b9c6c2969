"""The shape of a document of the Open Data Contract Standard (Bitol, ODCS v3.1.0): its keys and types, all of them.

The standard's JSON Schema was followed definition by definition. What it leaves open (any text, any number of
servers) is open here; contract_shape narrows it to what the gateway can serve. Documents of v3.0 fit as well, since
v3.1 only added to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import Misplaced, OneOf, Shape

VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
VERSION = VERSIONS[-1]
"""What the gateway writes, and what a contract of a policy folder is written in."""

StableId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
Day = str | date
Plain = str | int | float | bool | date | None
Number = int | float
_ANY_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
Reference = Annotated[
    str,
    StringConstraints(
        pattern=rf"^({_ANY_NAME}\.{_ANY_NAME}|((https?://)?[A-Za-z0-9._\-/]+\.yaml#)?/?{_ANY_NAME}/[A-Za-z0-9_\-]+"
        rf"(/{_ANY_NAME}/[A-Za-z0-9_\-]+)*)$"
    ),
]


class CustomPropertyShape(Shape):
    """A property of whoever wrote it, in any form."""

    id: StableId | None = None
    property: str
    value: Any
    description: str | None = None


class DefinitionShape(Shape):
    """A link to what says more."""

    id: StableId | None = None
    url: str
    type: str
    description: str | None = None


class _Extensible(Shape):
    custom_properties: Annotated[list[CustomPropertyShape] | None, Field(alias="customProperties")] = None


class _Defined(_Extensible):
    authoritative_definitions: Annotated[list[DefinitionShape] | None, Field(alias="authoritativeDefinitions")] = None


class DescriptionShape(_Defined):
    """What the data is for, how it may be used, and what it cannot tell."""

    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None


class MemberShape(_Defined):
    """Somebody who answers for the data, or did until `dateOut`."""

    id: StableId | None = None
    username: str
    name: str | None = None
    description: str | None = None
    role: str | None = None
    date_in: Annotated[Day | None, Field(alias="dateIn")] = None
    date_out: Annotated[Day | None, Field(alias="dateOut")] = None
    replaced_by_username: Annotated[str | None, Field(alias="replacedByUsername")] = None
    tags: list[str] | None = None


class TeamShape(_Defined):
    """Who answers for the data."""

    id: StableId | None = None
    name: str | None = None
    description: str | None = None
    members: list[MemberShape] | None = None
    tags: list[str] | None = None


class RoleShape(_Extensible):
    """A role that gives access where the data comes from. The gateway's grants are in grants.csv."""

    id: StableId | None = None
    role: str
    description: str | None = None
    access: str | None = None
    first_level_approvers: Annotated[str | None, Field(alias="firstLevelApprovers")] = None
    second_level_approvers: Annotated[str | None, Field(alias="secondLevelApprovers")] = None


class SupportShape(_Extensible):
    """Where to ask."""

    id: StableId | None = None
    channel: str
    url: str | None = None
    description: str | None = None
    tool: str | None = None
    scope: str | None = None
    invitation_url: Annotated[str | None, Field(alias="invitationUrl")] = None


class PriceShape(Shape):
    """What the data costs."""

    id: StableId | None = None
    price_amount: Annotated[Number | None, Field(alias="priceAmount")] = None
    price_currency: Annotated[str | None, Field(alias="priceCurrency")] = None
    price_unit: Annotated[str | None, Field(alias="priceUnit")] = None


class SlaShape(Shape):
    """One promise about the data's service."""

    id: StableId | None = None
    property: str
    value: Plain
    value_ext: Annotated[Plain, Field(alias="valueExt")] = None
    unit: str | None = None
    element: str | None = None
    driver: str | None = None
    description: str | None = None
    scheduler: str | None = None
    schedule: str | None = None


# By type, what a server must say; "" stands for types that need nothing.
_SERVERS: dict[str, str] = {
    "api": "location",
    "athena": "stagingDir schema",
    "azure": "location format",
    "bigquery": "project dataset",
    "clickhouse": "host port database",
    "cloudsql": "host port database schema",
    "custom": "",
    "databricks": "catalog schema",
    "db2": "host port database",
    "denodo": "host port",
    "dremio": "host port",
    "duckdb": "database",
    "glue": "account database",
    "hive": "host database",
    "impala": "host database",
    "informix": "host database",
    "kafka": "host",
    "kinesis": "",
    "local": "path format",
    "mysql": "host port database",
    "oracle": "host port serviceName",
    "postgres": "host port database schema",
    "postgresql": "host port database schema",
    "presto": "host",
    "pubsub": "project",
    "redshift": "database schema",
    "s3": "location",
    "sftp": "location",
    "snowflake": "account database schema",
    "sqlserver": "host database schema",
    "synapse": "host port database",
    "trino": "host port catalog schema",
    "vertica": "host port database schema",
    "zen": "host database",
}
SERVER_TYPES = tuple(_SERVERS)


class ServerShape(_Extensible):
    """Where the data is. Which of the further keys a server needs depends on its type."""

    id: StableId | None = None
    server: str
    type: Annotated[str, OneOf(SERVER_TYPES, "a type of server")]
    description: str | None = None
    environment: str | None = None
    roles: list[RoleShape] | None = None
    account: str | None = None
    catalog: str | None = None
    database: str | None = None
    dataset: str | None = None
    delimiter: str | None = None
    endpoint_url: Annotated[str | None, Field(alias="endpointUrl")] = None
    format: str | None = None
    host: str | None = None
    location: str | None = None
    path: str | None = None
    port: int | None = None
    project: str | None = None
    region: str | None = None
    region_name: Annotated[str | None, Field(alias="regionName")] = None
    schema_: Annotated[str | None, Field(alias="schema")] = None
    service_name: Annotated[str | None, Field(alias="serviceName")] = None
    staging_dir: Annotated[str | None, Field(alias="stagingDir")] = None
    stream: str | None = None
    warehouse: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> ServerShape:
        said = self.model_dump(by_alias=True, exclude_none=True)
        for key in _SERVERS[self.type].split():
            if key not in said:
                raise ValueError(f"a server of type {self.type} needs '{key}'. Add '{key}: …'.")
        return self


OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
_Pair = Annotated[list[Number] | None, Field(min_length=2, max_length=2)]


class QualityShape(_Defined):
    """A rule of quality: text for people, a metric of the standard with a bound, SQL, or another engine's."""

    id: StableId | None = None
    name: str | None = None
    type: Literal["text", "library", "sql", "custom"] | None = None
    description: str | None = None
    dimension: (
        Literal["accuracy", "completeness", "conformity", "consistency", "coverage", "timeliness", "uniqueness"] | None
    ) = None
    business_impact: Annotated[str | None, Field(alias="businessImpact")] = None
    severity: str | None = None
    method: str | None = None
    scheduler: str | None = None
    schedule: str | None = None
    tags: list[str] | None = None
    unit: str | None = None
    metric: Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"] | None = None
    rule: str | None = None
    arguments: dict[str, Any] | None = None
    must_be: Annotated[Any, Field(alias="mustBe")] = None
    must_not_be: Annotated[Any, Field(alias="mustNotBe")] = None
    must_be_greater_than: Annotated[Number | None, Field(alias="mustBeGreaterThan")] = None
    must_be_greater_or_equal_to: Annotated[Number | None, Field(alias="mustBeGreaterOrEqualTo")] = None
    must_be_less_than: Annotated[Number | None, Field(alias="mustBeLessThan")] = None
    must_be_less_or_equal_to: Annotated[Number | None, Field(alias="mustBeLessOrEqualTo")] = None
    must_be_between: Annotated[_Pair, Field(alias="mustBeBetween")] = None
    must_not_be_between: Annotated[_Pair, Field(alias="mustNotBeBetween")] = None
    query: str | None = None
    engine: str | None = None
    implementation: str | dict[str, Any] | None = None

    @property
    def operators(self) -> list[tuple[str, Any]]:
        """The comparisons that the rule makes, by the standard's words."""
        fields = type(self).model_fields
        said = {field.alias: getattr(self, name) for name, field in fields.items() if name in self.model_fields_set}
        return [(operator, said[operator]) for operator in OPERATORS if operator in said]

    @model_validator(mode="after")
    def _whole(self) -> QualityShape:
        bounds = len(self.operators)
        if self.type == "sql" and self.query is None:
            raise ValueError("a rule of type sql needs 'query'. Add 'query: …'.")
        if self.type == "custom" and (self.engine is None or self.implementation is None):
            raise ValueError("a rule of type custom needs 'engine' and 'implementation'. Add both.")
        if self.type == "library" and self.metric is None:
            raise ValueError("a rule of type library needs 'metric'. Add 'metric: …', or write type: text.")
        if self.metric is not None and self.type != "text" and bounds != 1:
            raise ValueError("a metric is held against one bound. Write one of mustBe, mustBeLessThan and so on.")
        if self.type == "sql" and bounds != 1:
            raise ValueError("what a query gives is held against one bound. Write one of mustBe, mustBeLessThan …")
        if self.metric is None and self.type not in ("sql", "custom") and bounds:
            raise ValueError("a bound without a metric says nothing. Add 'metric: …'.")
        for key in ("query",) if self.type != "sql" else ():
            if getattr(self, key) is not None:
                raise ValueError(f"'{key}' is for a rule of type sql. Write type: sql.")
        if self.type != "custom" and (self.engine is not None or self.implementation is not None):
            raise ValueError("'engine' and 'implementation' are for a rule of type custom. Write type: custom.")
        if self.metric is None and (self.rule is not None or self.arguments is not None):
            raise ValueError("'arguments' belong to a metric. Add 'metric: …'.")
        return self


class RelationshipShape(_Extensible):
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


class _Element(_Defined):
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


class OdcsShape(_Defined):
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
