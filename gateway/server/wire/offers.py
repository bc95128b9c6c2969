"""Offers, from model to proto: what a caller may get, for departments and for researchers."""

from __future__ import annotations

from gateway.api.v1 import disclosure_pb2, research_service_pb2
from gateway.model.contract import DataContract, FieldSpec, IngestSpec, QualityRule, StatisticsSpec, SynthesisSpec
from gateway.model.permit import Offer
from gateway.model.treatment import Treatment, leaving_type
from gateway.policy.contracts.quality import rules_for, stated
from gateway.server.wire.receipts import KINDS, TREATMENTS
from gateway.server.wire.releases import attribution_of
from gateway.server.wire.values import FIELD_TYPES, value_of


def offer_of(offer: Offer) -> disclosure_pb2.Offer:
    """Write an offer as proto."""
    contract, disclosure = offer.contract, offer.disclosure
    return disclosure_pb2.Offer(
        dataset=contract.dataset,
        disclosure=disclosure.name,
        kind=KINDS[offer.kind],
        purpose=offer.purpose,
        legal_basis=str(offer.legal_basis),
        regions=offer.regions,
        fields=[_treatment(contract, name, treatment) for name, treatment in disclosure.fields.items()],
        lookup_keys=disclosure.lookup_keys,
        filter_fields=disclosure.filters,
        conditions=offer.conditions,
        description=disclosure.description,
        controller=contract.controller,
        steward=contract.steward,
        expires_on="" if offer.expires_on is None else offer.expires_on.isoformat(),
        title_en=contract.title_en,
        title_zh=contract.title_zh,
        dataset_description=disclosure_pb2.DatasetDescription(
            purpose=contract.description.purpose,
            usage=contract.description.usage,
            limitations=contract.description.limitations,
        ),
        freshness_hours=contract.freshness_hours,
        quality=[_quality(rule) for rule in rules_for(contract.quality, disclosure)],
        collects=_collected(contract, disclosure.ingest),
    )


def _collected(contract: DataContract, ingest: IngestSpec | None) -> list[disclosure_pb2.CollectedField]:
    fields = [] if ingest is None else [contract.fields[name] for name in ingest.fields]
    return [
        disclosure_pb2.CollectedField(
            field=field.name,
            type=FIELD_TYPES[field.type],
            required=not field.nullable or field.name == contract.region_field,
        )
        for field in fields
    ]


def _quality(rule: QualityRule) -> disclosure_pb2.QualityRule:
    return disclosure_pb2.QualityRule(
        field=rule.field,
        name=rule.name,
        dimension=rule.dimension,
        description=rule.description,
        rule=stated(rule),
        severity=rule.severity,
    )


def _treatment(contract: DataContract, name: str, treatment: Treatment) -> disclosure_pb2.FieldTreatment:
    return disclosure_pb2.FieldTreatment(
        field=name,
        treatment=TREATMENTS[treatment.kind],
        detail=str(treatment),
        type=FIELD_TYPES[leaving_type(contract.fields[name].type, treatment)],
    )


def research_dataset_of(offer: Offer) -> research_service_pb2.ResearchDataset:
    """Write an offer of kind release as a researcher sees it."""
    contract, disclosure = offer.contract, offer.disclosure
    statistics, synthesis = disclosure.statistics, disclosure.synthesis
    dataset = research_service_pb2.ResearchDataset(
        dataset=contract.dataset,
        disclosure=disclosure.name,
        description=disclosure.description,
        purpose=offer.purpose,
        regions=offer.regions,
        privacy_unit=contract.privacy_unit.kind,
        filter_fields=disclosure.filters,
        controller=contract.controller,
        steward=contract.steward,
        attribution=attribution_of(contract.attribution),
    )
    if statistics is not None:
        dataset.group_by_fields.extend(
            _group_field(contract, contract.fields[name], statistics)
            for name in dict.fromkeys((*statistics.group_by, *statistics.found_keys))
        )
        dataset.found_keys_delta = float(statistics.delta)
        dataset.value_fields.extend(_value_field(contract.fields[name]) for name in statistics.values)
        dataset.max_groups_per_unit = statistics.max_groups
        dataset.max_rows_per_group = statistics.max_rows
        dataset.max_epsilon = float(statistics.max_epsilon)
        dataset.joined_rows_per_unit = statistics.joined_rows or 0
    if synthesis is not None:
        dataset.synthesis.CopyFrom(_synthetic_offer(synthesis))
    return dataset


def _synthetic_offer(spec: SynthesisSpec) -> research_service_pb2.SyntheticOffer:
    return research_service_pb2.SyntheticOffer(
        fields=spec.fields,
        max_groups_per_unit=spec.max_groups,
        max_rows_per_group=spec.max_rows,
        max_epsilon=float(spec.max_epsilon),
        most_rows=spec.most_rows,
    )


def _group_field(contract: DataContract, field: FieldSpec, spec: StatisticsSpec) -> research_service_pb2.GroupField:
    found = field.name in spec.found_keys
    if field.name not in spec.group_by:
        return research_service_pb2.GroupField(field=field.name, found_keys=found)
    return research_service_pb2.GroupField(
        field=field.name,
        found_keys=found,
        keys=[value_of(key) for key in field.keys or ()],
        regions=contract.holds_regions(field),
        dates=field.type.is_dated,
        bins=None if field.bounds is None else _value_field(field),
    )


def _value_field(field: FieldSpec) -> research_service_pb2.ValueField:
    bounds = field.bounds
    if bounds is None:  # a contract has bounds for every field whose numbers are counted
        return research_service_pb2.ValueField(field=field.name)
    return research_service_pb2.ValueField(
        field=field.name, lower=bounds.lower, upper=bounds.upper, decimals=field.decimals
    )
