"""Parts of a document of the Open Data Contract Standard (v3.1.0) that stand in several places, or beside the schema.

The standard's JSON Schema was followed definition by definition; see gateway.policy.contracts.odcs.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from gateway.policy.validation import Misplaced, OneOf, Shape

StableId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$")]
Day = str | date
Plain = str | int | float | bool | date | None
Number = int | float


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


class Extensible(Shape):
    """Whatever takes properties of whoever wrote it."""

    custom_properties: Annotated[list[CustomPropertyShape] | None, Field(alias="customProperties")] = None


class Defined(Extensible):
    """Whatever takes links to what says more, too."""

    authoritative_definitions: Annotated[list[DefinitionShape] | None, Field(alias="authoritativeDefinitions")] = None


class DescriptionShape(Defined):
    """What the data is for, how it may be used, and what it cannot tell."""

    purpose: str | None = None
    usage: str | None = None
    limitations: str | None = None


class MemberShape(Defined):
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


class TeamShape(Defined):
    """Who answers for the data."""

    id: StableId | None = None
    name: str | None = None
    description: str | None = None
    members: list[MemberShape] | None = None
    tags: list[str] | None = None


class RoleShape(Extensible):
    """A role that gives access where the data comes from. The gateway's grants are in grants.csv."""

    id: StableId | None = None
    role: str
    description: str | None = None
    access: str | None = None
    first_level_approvers: Annotated[str | None, Field(alias="firstLevelApprovers")] = None
    second_level_approvers: Annotated[str | None, Field(alias="secondLevelApprovers")] = None


class SupportShape(Extensible):
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


NEEDED: dict[str, str] = {
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
"""What a server of a type must say besides, in words divided by spaces."""

SERVER_TYPES = tuple(NEEDED)


class ServerShape(Extensible):
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
        for key in NEEDED[self.type].split():
            if key not in said:
                raise ValueError(f"a server of type {self.type} needs '{key}'. Add '{key}: …'.")
        if self.type == "sftp" and not (self.location or "").startswith("sftp://"):
            raise Misplaced("the location of an sftp server begins with sftp://. Write it out.", "location")
        return self


OPERATORS = (
    "mustBe", "mustNotBe", "mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo",
    "mustBeBetween", "mustNotBeBetween",
)  # fmt: skip
_Pair = Annotated[list[Number] | None, Field(min_length=2, max_length=2)]


class QualityShape(Defined):
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
