"""Data contracts: from the shape of a document to a contract that makes sense in itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import partial
from types import MappingProxyType
from typing import Any

from gateway.model.contract import (
    Bounds,
    CanonicalForm,
    Classification,
    DataContract,
    DisclosureSpec,
    FieldSpec,
    PrivacyUnit,
)
from gateway.model.storage import SourceKind, SourceSpec
from gateway.model.upstream import UpstreamSpec
from gateway.model.values import FieldType
from gateway.policy import dpv
from gateway.policy.contracts import promises
from gateway.policy.contracts.attribution import attribution
from gateway.policy.contracts.checking import Place
from gateway.policy.contracts.collecting import collecting
from gateway.policy.contracts.conditions import check_values
from gateway.policy.contracts.disclosures import DisclosureReader
from gateway.policy.contracts.indicators import check_apart
from gateway.policy.contracts.series import Kept
from gateway.policy.contracts.shape import BLOCK, TYPES, BlockShape, ContractShape, FieldPolicyShape, FieldShape
from gateway.policy.contracts.upstream import BLOCK as UPSTREAM
from gateway.policy.contracts.upstream import UpstreamReader, is_path
from gateway.policy.documents import Document
from gateway.policy.folder import CONTRACTS
from gateway.policy.problems import Problems, did_you_mean, shown, with_article
from gateway.policy.validation import shaped

_EXACT = 2**53
"""Up to here a double holds every integer."""
_KEY_TYPES = (FieldType.STRING, FieldType.INT64, FieldType.BOOL, FieldType.DATE)


def read_contract(document: Document, content: bytes, problems: Problems) -> DataContract | None:
    """Return the contract, or None after noting what is wrong with it. `content` is what its digest is of."""
    before = len(problems)
    shape = shaped(ContractShape, document, problems)
    at = block_place(document)
    block = None if at is None else shaped(BlockShape, document, problems, at)
    if at is None and shape is not None:
        _block_missing(document, shape, problems)
    if shape is None or block is None or at is None:
        return None
    contract = _Reader(document, shape, block, at, problems).contract(hashlib.sha256(content).hexdigest())
    return contract if len(problems) == before else None


def block_place(document: Document) -> Place | None:
    """Return where the value of the gateway's own block stands in a document, or None where there is none, or two."""
    data: Any = document.data
    written = data.get("customProperties") if isinstance(data, dict) else None
    found = [
        index
        for index, item in enumerate(written if isinstance(written, list) else ())
        if isinstance(item, dict) and item.get("property") == BLOCK and "value" in item
    ]
    return ("customProperties", found[0], "value") if len(found) == 1 else None


def _block_missing(document: Document, shape: ContractShape, problems: Problems) -> None:
    names = [item.property for item in shape.custom_properties]
    place: Place = ("customProperties",)
    message, remedy = "the gateway's own block is missing", f"Add '- property: {BLOCK}' with its value."
    if names.count(BLOCK) > 1:
        place = ("customProperties", len(names) - 1 - names[::-1].index(BLOCK))
        message, remedy = "the gateway's own block is there twice", "Keep one of them."
    else:
        for index, name in enumerate(names):
            near = did_you_mean(name, [BLOCK.casefold()], "-")
            if near != "-":
                place, remedy = ("customProperties", index, "property"), f"Did you mean '{BLOCK}'?"
    problems.add(document.file, document.line(*place), message, remedy)


class _Reader:
    def __init__(
        self, document: Document, shape: ContractShape, block: BlockShape, at: Place, problems: Problems
    ) -> None:
        self._document, self._shape, self._block, self._at, self._problems = document, shape, block, at, problems
        self._fields: dict[str, FieldSpec] = {}

    def contract(self, digest: str) -> DataContract:
        shape, block = self._shape, self._block
        (table,) = shape.schema_
        dataset = table.name
        if f"{CONTRACTS}{dataset}.yaml" != self._document.file:
            self._wrong(("schema", 0, "name"), f"the dataset '{dataset}' is not what the file is called", "Rename one.")
        owner, steward = promises.owner_and_steward(shape, self._wrong)
        self._read_fields()
        retention = promises.retention_field(shape, self._fields, self._wrong)
        unit = block.privacy_unit.field
        days, hours = promises.retention_days(shape, self._wrong), promises.freshness_hours(shape, self._wrong)
        kept = Kept(days, hours, retention)
        reader = DisclosureReader(
            self._fields, unit, self._wrong_in_block, region=block.region_field, retention=retention, kept=kept
        )
        reader.declared(("privacy_unit", "field"), block.privacy_unit.field, FieldType.STRING, FieldType.INT64)
        if block.region_field is not None:
            reader.declared(("region_field",), block.region_field, FieldType.STRING)
        self._check_lawfulness()
        disclosures = {name: reader.disclosure(name, spec) for name, spec in block.disclosures.items()}
        check_apart(disclosures.values(), self._wrong_in_block)
        source = promises.source(shape, self._wrong)
        contract = DataContract(
            dataset=dataset,
            status=shape.status,
            title_en=shape.name,
            title_zh=block.name_zh or shape.name,
            controller=owner,
            steward=steward,
            source=source,
            privacy_unit=PrivacyUnit(block.privacy_unit.kind, block.privacy_unit.field),
            region_field=block.region_field,
            retention_days=kept.days,
            fields=MappingProxyType(self._fields),
            disclosures=MappingProxyType(disclosures),
            digest=digest,
            collected_for=tuple(block.collected_for),
            legal_bases=frozenset(block.legal_bases or ()),
            description=promises.description(shape.description),
            freshness_hours=kept.freshness_hours,
            quality=promises.quality(shape, self._wrong),
            domain=shape.domain or "",
            retention_field=retention,
            attribution=attribution(block.attribution, shape.name),
            upstream=self._upstream(source, disclosures.values()),
        )
        return collecting(contract, block, self._wrong_in_block)

    def _wrong(self, place: Place, message: str, remedy: str = "") -> None:
        self._problems.add(self._document.file, self._document.line(*place), message, remedy)

    def _wrong_in_block(self, place: Place, message: str, remedy: str = "") -> None:
        self._wrong((*self._at, *place), message, remedy)

    def _upstream(self, source: SourceSpec, disclosures: Iterable[DisclosureSpec]) -> UpstreamSpec | None:
        """What is asked of a service; None where rows are elsewhere."""
        (table,) = self._shape.schema_
        shape = self._block.upstream
        if shape is None:
            if source.kind is SourceKind.GRPC:
                self._wrong_in_block((), "nothing is said of what to ask the service", f"Add '{UPSTREAM}: …'.")
            return None
        if source.kind is not SourceKind.GRPC:
            self._wrong_in_block((UPSTREAM,), "no server is a service", "Remove it, or write a server of type api.")
            return None
        paths: dict[str, str] = {}
        for index, field in enumerate(table.properties):
            paths.setdefault(field.name, field.physical_name or field.name)
            if not is_path(paths[field.name]):
                place = ("schema", 0, "properties", index, "physicalName")
                self._wrong(place, f"{shown(paths[field.name])} is no path in a message", "Write names with dots.")
        reader = UpstreamReader(self._fields, self._block.region_field, self._wrong_in_block)
        server = next(one for one in self._shape.servers if one.type == promises.API)
        return reader.upstream(shape, server, paths, disclosures)

    def _read_fields(self) -> None:
        (table,) = self._shape.schema_
        for index, shape in enumerate(table.properties):
            at = ("schema", 0, "properties", index)
            if shape.name in self._fields:
                self._wrong((*at, "name"), f"the field '{shape.name}' is there twice", "Keep one of them.")
                continue
            if shape.physical_name not in (None, shape.name) and self._block.upstream is None:
                self._wrong(
                    (*at, "physicalName"),
                    f"the gateway reads the column '{shape.name}' under its name",
                    "Leave physicalName out, or serve a copy (gateway contract init --convert).",
                )
            if shape.primary_key and shape.required is False:
                self._wrong((*at, "required"), "a primary key is never missing", "Write required: true.")
            if shape.classification is Classification.FREE_TEXT and shape.logical_type != "string":
                message = f"only a string is free text, and '{shape.name}' is {with_article(shape.logical_type)}"
                self._wrong((*at, "classification"), message, "Classify it by what it says of a person.")
            self._fields[shape.name] = self._field(shape, self._block.fields.get(shape.name) or FieldPolicyShape())
        for name in self._block.fields:
            if name not in self._fields:
                remedy = did_you_mean(name, self._fields, "Declare it in the schema.")
                self._wrong_in_block(("fields", name), f"there is no field {shown(name)}", remedy)

    def _field(self, shape: FieldShape, policy: FieldPolicyShape) -> FieldSpec:
        name, type_ = shape.name, TYPES[shape.logical_type]

        def wrong(key: str, message: str, remedy: str = "") -> None:
            self._wrong_in_block(("fields", name, key), message, remedy)

        if policy.canonical is not CanonicalForm.TEXT and type_ is not FieldType.STRING:
            what = with_article(shape.logical_type)
            wrong("canonical", f"a canonical form is for a string, and '{name}' is {what}", "Remove it.")
        bounds = None
        if policy.bounds is not None:
            bounds = Bounds(*policy.bounds)
            if not type_.is_number:
                message = f"bounds are for a number, and '{name}' is {with_article(shape.logical_type)}"
                wrong("bounds", message, "Remove them.")
            elif bounds.lower > bounds.upper:
                wrong("bounds", "the lower bound is above the upper", "Swap them.")
        if policy.decimals is not None and (type_ is not FieldType.DOUBLE or bounds is None):
            wrong("decimals", f"decimals are for a double with bounds, and '{name}' is none", "Remove them.")
        if type_ is FieldType.DOUBLE and bounds is not None:
            if policy.decimals is None:
                wrong("bounds", f"of '{name}' it is not said how many decimals count", "Add 'decimals: …'.")
            elif max(abs(bounds.lower), abs(bounds.upper)) * 10**policy.decimals > _EXACT:
                wrong("bounds", f"the bounds of '{name}' are too far apart for its decimals", "Narrow them.")
        if policy.regions and type_ is not FieldType.STRING:
            wrong(
                "regions", f"region paths are strings, and '{name}' is {with_article(shape.logical_type)}", "Remove it."
            )
        keys = None
        if policy.keys is not None:
            keys = tuple(policy.keys)
            if type_ not in _KEY_TYPES:
                wrong("keys", f"{with_article(shape.logical_type)} cannot have keys", "Remove them.")
            else:
                check_values(keys, type_, partial(wrong, "keys"))
                if len(set(keys)) != len(keys):
                    wrong("keys", "a key is given twice", "Keep one of them.")
        nullable = not (shape.required or shape.primary_key)
        return FieldSpec(
            name,
            type_,
            shape.classification,
            nullable,
            policy.canonical,
            bounds,
            keys,
            bool(shape.primary_key),
            policy.decimals or 0,
            policy.regions,
        )

    def _check_lawfulness(self) -> None:
        for key, ids in (("collected_for", self._block.collected_for), ("legal_bases", self._block.legal_bases or [])):
            for name in sorted({name for name in ids if ids.count(name) > 1}):
                self._wrong_in_block((key,), f"'{name}' is given twice", "Keep one of them.")
        known = [dpv.PREFIX + term for term in dpv.LEGAL_BASES]
        for index, basis in enumerate(self._block.legal_bases or []):
            if basis not in known:
                remedy = did_you_mean(basis, known, "See https://w3id.org/dpv for the terms.")
                message = f"{shown(basis)} is not a legal basis of the Data Privacy Vocabulary"
                self._wrong_in_block(("legal_bases", index), message, remedy)
