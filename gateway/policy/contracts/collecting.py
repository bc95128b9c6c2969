"""What is collected: of a dataset that rows are pushed into, every field must be one that something needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from gateway.model.contract import DataContract, DisclosureSpec, FieldSpec, IngestSpec
from gateway.model.storage import SourceKind
from gateway.model.treatment import Pseudonymize
from gateway.policy.contracts.checking import Place, Wrong, check_once
from gateway.policy.contracts.shape import BlockShape, IngestShape
from gateway.policy.problems import did_you_mean, shown, with_article

_UNNEEDED = "Remove the field, or name the others under 'fields'."


def needed_fields(contract: DataContract) -> frozenset[str]:
    """Return the fields that a contract needs: those that a disclosure gives, chooses or counts by, or asks subjects
    by, and those that rows are told apart, placed, dated or protected by.
    """
    found = {contract.privacy_unit.field, contract.region_field, contract.retention_field}
    found |= {name for name, field in contract.fields.items() if field.primary_key}
    for spec in contract.disclosures.values():
        found.update(_needed_by(spec))
    return frozenset(name for name in found if name is not None)


def collecting(contract: DataContract, block: BlockShape, wrong: Wrong) -> DataContract:
    """Return the contract with what its disclosures of kind ingest collect, after telling what is wrong with it."""
    needed = needed_fields(contract)
    settled = dict(contract.disclosures)
    for name, shape in block.disclosures.items():
        if shape.ingest is not None:
            place: Place = ("disclosures", name, "ingest")
            settled[name] = replace(settled[name], ingest=_ingest(contract, shape.ingest, needed, place, wrong))
    return replace(contract, disclosures=MappingProxyType(settled))


def _ingest(
    contract: DataContract, shape: IngestShape, needed: frozenset[str], place: Place, wrong: Wrong
) -> IngestSpec:
    fields = contract.fields
    if contract.source.kind is not SourceKind.PARQUET or not contract.source.is_folder:
        wrong(
            place,
            "rows are kept in a folder of Parquet files, and the server names something else",
            "Write 'format: parquet' and a 'path' that ends in '/', such as pushed/visits/.",
        )
    dated_by = contract.retention_field if shape.dated_by is None else shape.dated_by
    if shape.dated_by is not None:
        _check_dated((*place, "dated_by"), fields, shape.dated_by, wrong)
    chosen = list(fields) if shape.fields is None else shape.fields
    check_once(chosen, lambda *said: wrong((*place, "fields"), *said))
    for index, name in enumerate(chosen):
        at = place if shape.fields is None else (*place, "fields", index)
        if name not in fields:
            wrong(at, f"there is no field {shown(name)}", did_you_mean(name, fields, "Declare it."))
        elif name not in needed and name != dated_by:
            wrong(at, f"no disclosure needs '{name}', and what nothing needs is not collected", _UNNEEDED)
    for name, field in fields.items():
        if name not in chosen and not field.nullable:
            wrong((*place, "fields"), f"'{name}' is never missing, and is not collected", "Name it here.")
    unit, region = contract.privacy_unit.field, contract.region_field
    held_to = {name for name in (unit, region, dated_by) if name is not None and name in fields}
    for name in sorted(held_to - set(chosen)):
        if fields[name].nullable:
            wrong((*place, "fields"), f"rows are held to '{name}', and it is not collected", "Name it here.")
    return IngestSpec(tuple(name for name in fields if name in chosen), dated_by, shape.quality is not None)


def _check_dated(place: Place, fields: Mapping[str, FieldSpec], name: str, wrong: Wrong) -> None:
    field = fields.get(name)
    if field is None:
        wrong(place, f"there is no field {shown(name)}", did_you_mean(name, fields, "Declare it."))
    elif not field.type.is_dated:
        what = with_article(field.type)
        wrong(place, f"'{name}' is {what}, and rows are dated by a date or a timestamp", "Name another field.")


def _needed_by(spec: DisclosureSpec) -> Iterator[str | None]:
    """The fields that one disclosure cannot do without."""
    yield from spec.fields
    yield from (how.by for how in spec.fields.values() if isinstance(how, Pseudonymize))
    yield from (*spec.lookup_keys, *spec.filters, spec.consent_field)
    yield from (condition.field for condition in spec.predicate)
    if spec.statistics is not None:
        yield from (*spec.statistics.group_by, *spec.statistics.values, *spec.statistics.found_keys)
    if spec.synthesis is not None:
        yield from spec.synthesis.fields
    if spec.anonymity is not None:
        yield from spec.anonymity.fields
    yield from (one.advances_by for one in spec.series.values())
