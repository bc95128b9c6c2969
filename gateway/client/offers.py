"""What a caller may ask for, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.api.v1 import disclosure_pb2, value_pb2
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
class Offer:
    """One thing that you may ask for, for one purpose.

    `kind` is the method that gives it: "lookup", "extract", "check", "consume" or "release". Each of the `regions`
    stands for its whole subtree. `lookup_keys` name a subject, `filter_fields` are those you may filter on,
    `conditions` those of the grant, for people. `expires_on` is the last day of the purpose, None if it has no end.
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
        expires_on=date.fromisoformat(offer.expires_on) if offer.expires_on else None,
    )


def _field(item: disclosure_pb2.FieldTreatment) -> OfferedField:
    treatment = word(disclosure_pb2.TreatmentKind.DESCRIPTOR, item.treatment)
    return OfferedField(item.field, treatment, item.detail, word(value_pb2.FieldType.DESCRIPTOR, item.type))
