"""What a caller may ask for, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.api.v1 import disclosure_pb2, value_pb2
from gateway.client.times import day_from
from gateway.client.words import word


@dataclass(frozen=True, slots=True)
class OfferedField:
    """A field that may leave: its `treatment` ("keep", "pseudonymize", "generalize", "mask") and its `type` after it.

    `detail` is the treatment with its parameters, such as "generalize date to month"; `type` is "string", "int64",
    "double", "bool", "date" or "timestamp".
    """

    field: str
    treatment: str
    detail: str
    type: str


@dataclass(frozen=True, slots=True)
class CollectedField:
    """A field that rows may have which are pushed, with its `type` as in `OfferedField`; `required`: in every row."""

    field: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class QualityRule:
    """What is promised of a field's quality, or, where `field` is "", of the dataset's.

    `rule` says what must be where the contract does by a metric, such as "missingValues mustBeLessThan 1 percent".
    """

    field: str
    name: str
    dimension: str
    description: str
    rule: str
    severity: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that you may ask for, for one purpose.

    `kind` is the method that gives it: "lookup", "extract", "check", "consume" or "release"; or "ingest", of which
    `collects` are the fields. Each of the `regions`
    stands for its whole subtree. `lookup_keys` name a subject, `filter_fields` are those you may filter on,
    `conditions` those of the grant, for people. `expires_on` is the last day of the purpose, None if it has no end.
    The `dataset_` texts say what the data is for, how it may be used and what it cannot tell. `freshness_hours` is how
    far it may lag behind what it describes, None if nothing is promised.
    """

    dataset: str
    disclosure: str
    kind: str
    purpose: str
    legal_basis: str
    regions: tuple[str, ...]
    fields: tuple[OfferedField, ...]
    lookup_keys: tuple[str, ...]
    filter_fields: tuple[str, ...]
    conditions: tuple[str, ...]
    description: str
    controller: str
    steward: str
    expires_on: date | None
    title_en: str
    title_zh: str
    dataset_purpose: str
    dataset_usage: str
    dataset_limitations: str
    freshness_hours: int | None
    quality: tuple[QualityRule, ...]
    collects: tuple[CollectedField, ...] = ()


def offer_from(offer: disclosure_pb2.Offer) -> Offer:
    """Read an offer."""
    return Offer(
        dataset=offer.dataset,
        disclosure=offer.disclosure,
        kind=word(disclosure_pb2.DisclosureKind.DESCRIPTOR, offer.kind),
        purpose=offer.purpose,
        legal_basis=offer.legal_basis,
        regions=tuple(offer.regions),
        fields=tuple(_field(item) for item in offer.fields),
        lookup_keys=tuple(offer.lookup_keys),
        filter_fields=tuple(offer.filter_fields),
        conditions=tuple(offer.conditions),
        description=offer.description,
        controller=offer.controller,
        steward=offer.steward,
        expires_on=day_from(offer.expires_on),
        title_en=offer.title_en,
        title_zh=offer.title_zh,
        dataset_purpose=offer.dataset_description.purpose,
        dataset_usage=offer.dataset_description.usage,
        dataset_limitations=offer.dataset_description.limitations,
        freshness_hours=offer.freshness_hours if offer.HasField("freshness_hours") else None,
        quality=tuple(_rule(item) for item in offer.quality),
        collects=tuple(
            CollectedField(item.field, word(value_pb2.FieldType.DESCRIPTOR, item.type), item.required)
            for item in offer.collects
        ),
    )


def _rule(item: disclosure_pb2.QualityRule) -> QualityRule:
    return QualityRule(item.field, item.name, item.dimension, item.description, item.rule, item.severity)


def _field(item: disclosure_pb2.FieldTreatment) -> OfferedField:
    treatment = word(disclosure_pb2.TreatmentKind.DESCRIPTOR, item.treatment)
    return OfferedField(item.field, treatment, item.detail, word(value_pb2.FieldType.DESCRIPTOR, item.type))
