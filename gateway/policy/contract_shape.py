"""The shape of contracts/<dataset>.yaml: keys and types, before anything is compared with anything."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from gateway.model.contract import (
    CanonicalForm,
    Classification,
    ContractStatus,
    DisclosureKind,
    SelectBy,
    SourceKind,
)
from gateway.model.filter import Operator
from gateway.model.values import FieldType
from gateway.policy.treatments import TreatmentShape
from gateway.policy.validation import DatasetName, FieldName, Shape, Slug, Text

Literal = str | int | float | bool | date
_INT64 = Field(ge=-(2**63), le=2**63 - 1)


class TitleShape(Shape):
    """What people read. Without `zh`, the English title stands for both."""

    en: Text
    zh: Text | None = None


class SourceShape(Shape):
    """Where the rows are."""

    kind: Annotated[SourceKind, Field(strict=False)]
    path: Annotated[str, Field(min_length=1, max_length=255, description="relative to the data folder")]


class PrivacyUnitShape(Shape):
    """Whom differential privacy protects."""

    kind: Slug
    field: FieldName


class FieldShape(Shape):
    """One field of the dataset."""

    type: Annotated[FieldType, Field(strict=False)]
    classification: Annotated[Classification, Field(strict=False)]
    nullable: bool = False
    canonical: Annotated[CanonicalForm, Field(strict=False)] = CanonicalForm.TEXT
    bounds: Annotated[
        list[Annotated[int, _INT64]] | None, Field(min_length=2, max_length=2, description="lowest, highest")
    ] = None
    keys: Annotated[list[Literal] | None, Field(min_length=1, max_length=10_000)] = None


class ConditionShape(Shape):
    """`field op value`, or `field in values`."""

    field: FieldName
    op: Annotated[Operator, Field(strict=False)]
    value: Literal | None = None
    values: Annotated[list[Literal] | None, Field(min_length=1)] = None


class StatisticsShape(Shape):
    """What a release may answer, and how it bounds each privacy unit."""

    group_by: list[FieldName] = Field(default_factory=list)
    sums: list[FieldName] = Field(default_factory=list)
    max_groups: Annotated[int, Field(ge=1, le=10_000)]
    max_rows: Annotated[int, Field(ge=1, le=10_000)]
    max_epsilon: Annotated[float, Field(gt=0, le=10)]
    slot_ms: Annotated[int, Field(ge=1, le=10_000)]


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


class ContractShape(Shape):
    """A data contract as it is written."""

    dataset: DatasetName
    status: Annotated[ContractStatus, Field(strict=False)]
    title: TitleShape
    controller: Slug
    steward: Text
    source: SourceShape
    privacy_unit: PrivacyUnitShape
    region_field: FieldName | None = None
    retention_days: Annotated[int | None, Field(ge=1)] = None
    fields: Annotated[dict[FieldName, FieldShape], Field(min_length=1)]
    disclosures: dict[Slug, DisclosureShape] = Field(default_factory=dict)
