"""The shape of contracts/<dataset>.yaml: keys and types, before anything is compared with anything.

It is a document of the Open Data Contract Standard (`odcs`), narrowed to what the gateway serves, with
one block of the gateway's own among its customProperties.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.model.contract import CanonicalForm, Classification, ContractStatus, DisclosureKind, SelectBy
from gateway.model.filter import Operator
from gateway.model.region import RegionLevel
from gateway.model.values import FieldType
from gateway.policy.contracts.attribution import AttributionShape
from gateway.policy.contracts.odcs import LOGICAL_TYPES, VERSION, ObjectShape, OdcsShape, PropertyShape
from gateway.policy.contracts.odcs_parts import CustomPropertyShape, ServerShape, TeamShape
from gateway.policy.contracts.treatment_shapes import TreatmentShape
from gateway.policy.contracts.upstream import UpstreamShape
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import DatasetName, FieldName, OneOf, Shape, Slug, Text, formed

BLOCK = "purposeGateway"
"""The custom property that holds the gateway's own block."""

TYPES = {
    "string": FieldType.STRING,
    "integer": FieldType.INT64,
    "number": FieldType.DOUBLE,
    "boolean": FieldType.BOOL,
    "date": FieldType.DATE,
    "timestamp": FieldType.TIMESTAMP,
}
"""The standard's logical types that the gateway has a type for."""

MOST_FIELDS = 32
"""So many fields synthetic rows have at most: what every pair of more would cost leaves nothing of any."""

LEAST_UNITS = 5
"""No exact figure of fewer privacy units is shown, whatever a contract says."""

LiteralValue = str | int | float | bool | date
_INT64 = Field(ge=-(2**63), le=2**63 - 1)


def _served(logical_type: str) -> str:
    if logical_type not in TYPES:
        if logical_type in LOGICAL_TYPES:
            raise ValueError(f"the gateway has no type for {shown(logical_type)}. Leave the property out.")
        raise ValueError(f"{shown(logical_type)} is not a logical type. {did_you_mean(logical_type, TYPES)}".strip())
    return logical_type


class FieldShape(PropertyShape):
    """One field of the dataset."""

    name: FieldName
    logical_type: Annotated[
        str, AfterValidator(_served), Field(alias="logicalType", json_schema_extra={"enum": list(TYPES)})
    ]
    classification: Annotated[Classification, Field(strict=False)]


class TableShape(ObjectShape):
    """The dataset's one table."""

    name: DatasetName
    properties: Annotated[list[FieldShape], Field(min_length=1)]


class PrivacyUnitShape(Shape):
    """Whom differential privacy protects."""

    kind: Slug
    field: FieldName


class FieldPolicyShape(Shape):
    """What the gateway must know of a field besides what the standard says."""

    canonical: Annotated[CanonicalForm, Field(strict=False)] = CanonicalForm.TEXT
    bounds: Annotated[
        list[Annotated[int, _INT64]] | None, Field(min_length=2, max_length=2, description="lowest, highest")
    ] = None
    decimals: Annotated[
        int | None, Field(ge=0, le=6, description="of a double with bounds: so many decimals count")
    ] = None
    keys: Annotated[list[LiteralValue] | None, Field(min_length=1, max_length=10_000)] = None
    regions: Annotated[bool, Field(description="it holds paths of regions.yaml")] = False


class ConditionShape(Shape):
    """`field op value`, or `field in values`."""

    field: FieldName
    op: Annotated[Operator, Field(strict=False)]
    value: LiteralValue | None = None
    values: Annotated[list[LiteralValue] | None, Field(min_length=1)] = None


class StatisticsShape(Shape):
    """What a release may answer, and how it bounds each privacy unit."""

    group_by: list[FieldName] = Field(default_factory=list)
    values: list[FieldName] = Field(default_factory=list)
    max_groups: Annotated[int, Field(ge=1, le=10_000)]
    max_rows: Annotated[int, Field(ge=1, le=10_000)]
    max_epsilon: Annotated[float, Field(gt=0, le=10)]
    slot_ms: Annotated[int, Field(ge=1, le=10_000)]
    found_keys: Annotated[
        list[FieldName],
        Field(description="fields whose keys nobody declared: found ones are shown from a threshold on"),
    ] = Field(default_factory=list)
    delta: Annotated[
        float | None, Field(gt=0, le=1e-5, description="what each release that shows found keys spends of delta")
    ] = None
    joined_rows: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="rows of a unit that take part in a join with another dataset, at most"),
    ] = None


class SynthesisShape(Shape):
    """What synthetic rows may be made of, and how each privacy unit is bounded in the counts behind them."""

    fields: Annotated[
        list[FieldName],
        Field(
            min_length=1, max_length=MOST_FIELDS, description="fields with keys, bounds or regions, or true or false"
        ),
    ]
    bins: Annotated[int, Field(ge=2, le=100, description="bins of a number, at most")] = 20
    level: Annotated[
        RegionLevel | None, Field(strict=False, description="of fields that hold regions: how coarse they are counted")
    ] = None
    max_groups: Annotated[int, Field(ge=1, le=10_000, description="cells of a unit in each count")]
    max_rows: Annotated[int, Field(ge=1, le=10_000, description="rows of a unit in a cell")]
    max_epsilon: Annotated[float, Field(gt=0, le=10, description="of all counts of an extract together")]
    most_rows: Annotated[int, Field(ge=1, le=10_000_000, description="rows of an extract, at most")]
    slot_ms: Annotated[int, Field(ge=1, le=60_000)]


class AnonymityShape(Shape):
    """How many people must share what a row says, for it to leave."""

    k: Annotated[int, Field(ge=2, le=10_000, description="privacy units that are alike in all quasi-identifiers")]
    also: Annotated[
        list[FieldName], Field(description="fields that tell people apart besides those classified quasi-identifier")
    ] = Field(default_factory=list)
    diversity: Annotated[
        dict[FieldName, Annotated[int, Field(ge=2, le=10_000)]],
        Field(
            alias="l",
            description="how many different values of a sensitive field the people of a class have at least",
        ),
    ] = Field(default_factory=dict)
    closeness: Annotated[
        dict[FieldName, Annotated[float, Field(gt=0, lt=1)]],
        Field(
            alias="t", description="how far a sensitive field's distribution in a class may be from the whole answer's"
        ),
    ] = Field(default_factory=dict)


class SeriesShape(Shape):
    """Statistics that are published day after day up to a horizon, for one price."""

    description: Text
    statistics: Annotated[
        list[
            Annotated[
                str,
                formed(
                    r"^(count|count_units|sum\([A-Za-z_][A-Za-z0-9_]*\))$", "Write count, count_units or sum(field)."
                ),
            ]
        ],
        Field(min_length=1, max_length=8),
    ]
    group_by: Annotated[
        list[
            Annotated[
                str,
                formed(
                    r"^[A-Za-z_][A-Za-z0-9_]*( by (city|district|street|community))?$",
                    "Write a field with keys, or a field with regions and its level, such as 'community by district'.",
                ),
            ]
        ],
        Field(max_length=8),
    ] = Field(default_factory=list)
    advances_by: Annotated[FieldName, Field(description="the date or timestamp on whose day a row counts")]
    first_day: date
    days: Annotated[int, Field(ge=1, le=3660, description="the horizon")]
    days_per_unit: Annotated[int, Field(ge=1, le=3660, description="the first days on which a privacy unit counts")]
    rho: Annotated[float | None, Field(gt=0, le=100, description="the price of the whole series")] = None
    epsilon: Annotated[float | None, Field(gt=0, le=10, description="the price, as pure differential privacy")] = None


class IndicatorShape(Shape):
    """Exact figures over the region tree, and what each must rest on."""

    statistics: Annotated[
        list[
            Annotated[
                str,
                Field(pattern=r"^(count|count_units|sum\([A-Za-z_][A-Za-z0-9_]*\))$"),
            ]
        ],
        Field(min_length=1, max_length=8, description="count, count_units, sum(field)"),
    ]
    group_by: Annotated[list[FieldName], Field(max_length=2, description="fields with keys")] = Field(
        default_factory=list
    )
    level: Annotated[RegionLevel, Field(strict=False, description="the smallest regions with figures of their own")]
    least_units: Annotated[int, Field(ge=LEAST_UNITS, le=32, description="privacy units that a shown figure rests on")]
    dominance_percent: Annotated[
        int, Field(ge=1, le=100, description="of the largest contribution, so much is left without the two largest")
    ] = 10
    refresh_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60


class IngestShape(Shape):
    """What is collected, and what dates it."""

    fields: Annotated[
        list[FieldName] | None,
        Field(min_length=1, description="the fields that are collected; without them, all that are declared"),
    ] = None
    dated_by: Annotated[
        FieldName | None,
        Field(description="the date or timestamp of what a row tells of; without it, that of retention"),
    ] = None
    quality: Annotated[
        Literal["monthly"] | None,
        Field(description="how good what was sent in the last month is travels with every answer, in steps"),
    ] = None


class DisclosureShape(Shape):
    """One named disclosure."""

    kind: Annotated[DisclosureKind, Field(strict=False)]
    description: Text
    fields: dict[FieldName, TreatmentShape] = Field(default_factory=dict)
    lookup_keys: list[FieldName] = Field(default_factory=list)
    lookup_by: Annotated[
        list[Annotated[SelectBy, Field(strict=False)]], Field(description="key: the raw value; token: a pseudonym")
    ] = Field(default_factory=list)
    filters: list[FieldName] = Field(default_factory=list)
    predicate: list[ConditionShape] = Field(default_factory=list)
    consent: FieldName | None = None
    max_rows: Annotated[int | None, Field(ge=1)] = None
    waive_noise: Text | None = None
    statistics: StatisticsShape | None = None
    synthesis: SynthesisShape | None = None
    anonymity: AnonymityShape | None = None
    indicator: IndicatorShape | None = None
    series: dict[Slug, SeriesShape] = Field(default_factory=dict)
    ingest: IngestShape | None = None


class BlockShape(Shape):
    """The gateway's own block: what the standard has no word for."""

    name_zh: Annotated[Text | None, Field(description="the name in Chinese; without it the English stands")] = None
    collected_for: Annotated[
        list[Slug], Field(min_length=1, description="the purposes of purposes.yaml that the data was collected for")
    ]
    legal_bases: Annotated[
        list[str] | None,
        Field(min_length=1, description="W3C DPV identifiers; uses with another legal basis are refused"),
    ] = None
    privacy_unit: PrivacyUnitShape
    region_field: FieldName | None = None
    attribution: Annotated[
        AttributionShape | None, Field(description="licence, publisher, citation and identifier, for open data")
    ] = None
    upstream: Annotated[
        UpstreamShape | None, Field(description="what is asked of a server of type api, and what is not collected")
    ] = None
    fields: dict[FieldName, FieldPolicyShape] = Field(default_factory=dict)
    disclosures: dict[Slug, DisclosureShape] = Field(default_factory=dict)


class ContractShape(OdcsShape):
    """A data contract as it is written."""

    api_version: Annotated[
        str,
        OneOf([VERSION], "the version of the standard that contracts are written in"),
        Field(alias="apiVersion"),
    ]
    kind: Literal["DataContract"]
    name: Text
    status: Annotated[ContractStatus, Field(strict=False)]
    team: TeamShape
    servers: Annotated[list[ServerShape], Field(min_length=1)]
    schema_: Annotated[list[TableShape], Field(alias="schema", min_length=1, max_length=1)]
    custom_properties: Annotated[list[CustomPropertyShape], Field(alias="customProperties")]
