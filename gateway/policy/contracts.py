"""Data contracts: from the shape of a document to a contract that makes sense in itself."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import PurePosixPath
from types import MappingProxyType

from gateway.model.contract import (
    Bounds,
    CanonicalForm,
    Classification,
    DataContract,
    DisclosureKind,
    DisclosureSpec,
    FieldSpec,
    PrivacyUnit,
    SelectBy,
    SourceSpec,
    StatisticsSpec,
)
from gateway.model.treatment import Keep, Treatment
from gateway.model.values import FieldType
from gateway.policy.conditions import check_values, to_condition
from gateway.policy.contract_shape import ContractShape, DisclosureShape, FieldShape, StatisticsShape
from gateway.policy.documents import Document
from gateway.policy.folder import CONTRACTS
from gateway.policy.problems import Problems, did_you_mean, shown
from gateway.policy.treatments import to_treatment
from gateway.policy.validation import shaped, split_remedy

MAX_CELLS = 10_000
_MAX_UNITS = 2**31
_KEY_TYPES = (FieldType.STRING, FieldType.INT64, FieldType.BOOL, FieldType.DATE)
_UNSAFE_IN_PATHS = set('\\:*?[]{}"<>|%$~')

Wrong = Callable[..., None]


def read_contract(document: Document, content: bytes, problems: Problems) -> DataContract | None:
    """Return the contract, or None after noting what is wrong with it. `content` is what its digest is of."""
    shape = shaped(ContractShape, document, problems)
    if shape is None:
        return None
    before = len(problems)
    contract = _Reader(document, shape, problems).contract(hashlib.sha256(content).hexdigest())
    return contract if len(problems) == before else None


class _Reader:
    def __init__(self, document: Document, shape: ContractShape, problems: Problems) -> None:
        self._document, self._shape, self._problems = document, shape, problems
        self._fields: dict[str, FieldSpec] = {}

    def contract(self, digest: str) -> DataContract:
        shape = self._shape
        if f"{CONTRACTS}{shape.dataset}.yaml" != self._document.file:
            self._wrong(("dataset",), f"the dataset '{shape.dataset}' is not what the file is called", "Rename one.")
        _check_path(shape.source.path, partial(self._wrong, ("source", "path")))
        for name, field in shape.fields.items():
            self._fields[name] = self._field(name, field)
        self._declared(("privacy_unit", "field"), shape.privacy_unit.field, FieldType.STRING, FieldType.INT64)
        if shape.region_field is not None:
            self._declared(("region_field",), shape.region_field, FieldType.STRING)
        disclosures = {name: self._disclosure(name, spec) for name, spec in shape.disclosures.items()}
        return DataContract(
            dataset=shape.dataset,
            status=shape.status,
            title_en=shape.title.en,
            title_zh=shape.title.zh or shape.title.en,
            controller=shape.controller,
            steward=shape.steward,
            source=SourceSpec(shape.source.kind, shape.source.path),
            privacy_unit=PrivacyUnit(shape.privacy_unit.kind, shape.privacy_unit.field),
            region_field=shape.region_field,
            retention_days=shape.retention_days,
            fields=MappingProxyType(self._fields),
            disclosures=MappingProxyType(disclosures),
            digest=digest,
        )

    def _wrong(self, place: tuple[str | int, ...], message: str, remedy: str = "") -> None:
        self._problems.add(self._document.file, self._document.line(*place), message, remedy)

    def _declared(self, place: tuple[str | int, ...], name: str, *types: FieldType) -> FieldSpec | None:
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        elif types and field.type not in types:
            self._wrong(place, f"'{name}' is a {field.type}, and this must be a {' or '.join(types)}")
        return field

    def _field(self, name: str, shape: FieldShape) -> FieldSpec:
        place = ("fields", name)
        if shape.canonical is not CanonicalForm.TEXT and shape.type is not FieldType.STRING:
            self._wrong((*place, "canonical"), f"the canonical form '{shape.canonical}' is for a string")
        bounds = None
        if shape.bounds is not None:
            bounds = Bounds(*shape.bounds)
            if shape.type is not FieldType.INT64:
                self._wrong((*place, "bounds"), f"bounds are for an int64, and '{name}' is a {shape.type}")
            elif bounds.lower > bounds.upper:
                self._wrong((*place, "bounds"), "the lower bound is above the upper", "Swap them.")
        keys = None
        if shape.keys is not None:
            keys = tuple(shape.keys)
            if shape.type not in _KEY_TYPES:
                self._wrong((*place, "keys"), f"a {shape.type} cannot have keys")
            else:
                check_values(keys, shape.type, partial(self._wrong, (*place, "keys")))
                if len(set(keys)) != len(keys):
                    self._wrong((*place, "keys"), "a key is given twice", "Keep one of them.")
        return FieldSpec(name, shape.type, shape.classification, shape.nullable, shape.canonical, bounds, keys)

    def _disclosure(self, name: str, shape: DisclosureShape) -> DisclosureSpec:
        place = ("disclosures", name)

        def wrong(key: str, message: str, remedy: str = "") -> None:
            self._wrong((*place, key), message, remedy)

        _check_parts(shape, wrong)
        treatments: dict[str, Treatment] = {}
        for field, treatment in shape.fields.items():
            spec = self._declared((*place, "fields", field), field)
            if spec is not None:
                try:
                    treatments[field] = to_treatment(treatment, spec)
                except ValueError as error:
                    self._wrong((*place, "fields", field), *split_remedy(str(error)))
        _check_once(shape.lookup_keys, partial(wrong, "lookup_keys"))
        _check_once(shape.lookup_by, partial(wrong, "lookup_by"))
        _check_once(shape.filters, partial(wrong, "filters"))
        for index, key_field in enumerate(shape.lookup_keys):
            self._lookup_key((*place, "lookup_keys", index), key_field, shape)
        for index, filtered in enumerate(shape.filters):
            spec = self._declared((*place, "filters", index), filtered)
            if spec is not None:
                self._check_filter((*place, "filters", index), spec, shape, treatments.get(filtered))
        predicate = []
        for index, condition in enumerate(shape.predicate):
            at: tuple[str | int, ...] = (*place, "predicate", index)
            spec = self._declared((*at, "field"), condition.field)
            if spec is not None:
                predicate.append(to_condition(condition, spec, partial(self._wrong, at)))
        if shape.consent is not None:
            self._declared((*place, "consent"), shape.consent, FieldType.BOOL)
        statistics = None
        if shape.statistics is not None:
            statistics = self._statistics((*place, "statistics"), shape.statistics)
        ordered = {field: treatments[field] for field in self._fields if field in treatments}
        return DisclosureSpec(
            name=name,
            kind=shape.kind,
            description=shape.description,
            fields=MappingProxyType(ordered),
            lookup_keys=tuple(shape.lookup_keys),
            lookup_by=frozenset(shape.lookup_by),
            filters=tuple(shape.filters),
            predicate=tuple(condition for condition in predicate if condition is not None),
            consent_field=shape.consent,
            max_rows=shape.max_rows,
            waive_noise=shape.waive_noise or "",
            statistics=statistics,
        )

    def _lookup_key(self, place: tuple[str | int, ...], name: str, shape: DisclosureShape) -> None:
        field = self._declared(place, name, FieldType.STRING, FieldType.INT64)
        if field is not None and field.type is FieldType.INT64 and SelectBy.TOKEN in shape.lookup_by:
            self._wrong(place, f"'{name}' is an int64, and only a string has tokens", "Look up by key alone.")

    def _check_filter(
        self, place: tuple[str | int, ...], field: FieldSpec, shape: DisclosureShape, treatment: Treatment | None
    ) -> None:
        # whoever filters on a field learns it: rows may be narrowed by what they show as it is, or by what says
        # nothing of a person; a noised statistic by anything but who somebody is
        if shape.kind is DisclosureKind.RELEASE:
            unit = self._shape.privacy_unit.field
            if field.classification is Classification.DIRECT_IDENTIFIER or field.name == unit:
                self._wrong(place, f"'{field.name}' says who somebody is, and must not be filtered on")
        elif field.classification is not Classification.OTHER and not isinstance(treatment, Keep):
            self._wrong(
                place,
                f"'{field.name}' does not leave as it is, and a filter on it would tell it",
                "Filter on fields that are kept.",
            )

    def _statistics(self, place: tuple[str | int, ...], shape: StatisticsShape) -> StatisticsSpec:
        _check_once(shape.group_by, partial(self._wrong, (*place, "group_by")))
        _check_once(shape.sums, partial(self._wrong, (*place, "sums")))
        cells = 1
        for index, name in enumerate(shape.group_by):
            field = self._declared((*place, "group_by", index), name)
            if field is not None and field.keys is None:
                self._wrong((*place, "group_by", index), f"'{name}' has no keys to group by", "Declare its keys.")
            elif field is not None and field.keys is not None:
                cells *= len(field.keys)
        if cells > MAX_CELLS:
            self._wrong((*place, "group_by"), f"{cells} cells are more than {MAX_CELLS}", "Group by less.")
        for index, name in enumerate(shape.sums):
            at = (*place, "sums", index)
            field = self._declared(at, name, FieldType.INT64)
            if field is None or field.type is not FieldType.INT64:
                continue
            if field.bounds is None:
                self._wrong(at, f"'{name}' has no bounds to sum within", "Declare its bounds.")
            elif shape.max_rows * max(abs(field.bounds.lower), abs(field.bounds.upper)) * _MAX_UNITS >= 2**63:
                self._wrong(at, f"a sum of '{name}' could overflow", "Lower max_rows or narrow its bounds.")
        return StatisticsSpec(
            group_by=tuple(shape.group_by),
            sums=tuple(shape.sums),
            max_groups=shape.max_groups,
            max_rows=shape.max_rows,
            max_epsilon=_decimal(shape.max_epsilon),
            slot_ms=shape.slot_ms,
        )


def _decimal(number: float) -> str:
    return str(int(number)) if math.floor(number) == number else repr(float(number))


def _check_once(names: Iterable[str], wrong: Callable[[str], None]) -> None:
    listed = list(names)
    for name in sorted({name for name in listed if listed.count(name) > 1}):
        wrong(f"'{name}' is given twice")


_ROWS = (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT, DisclosureKind.CHECK)
_BY_KEY = (DisclosureKind.LOOKUP, DisclosureKind.CHECK)
_NEEDED: Mapping[str, tuple[DisclosureKind, ...]] = {
    "fields": (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT),
    "lookup_keys": _BY_KEY,
    "lookup_by": _BY_KEY,
    "predicate": (DisclosureKind.CHECK,),
    "waive_noise": _ROWS,
    "statistics": (DisclosureKind.RELEASE,),
}
_REMEDIES = {
    "waive_noise": "Say why the rows leave without noise.",
    "lookup_by": "Write [token] (pseudonyms that the caller was given), [key] (raw values) or [key, token].",
}
_ALLOWED: Mapping[str, tuple[DisclosureKind, ...]] = {
    **_NEEDED,
    "fields": _ROWS,
    "predicate": (DisclosureKind.CHECK, DisclosureKind.EXTRACT),
    "max_rows": (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT),
}


def _check_parts(shape: DisclosureShape, wrong: Wrong) -> None:
    for key, kinds in _NEEDED.items():
        if shape.kind in kinds and not getattr(shape, key):
            wrong("", f"a disclosure of kind {shape.kind} needs '{key}'", _REMEDIES.get(key, f"Add '{key}: …'."))
    for key, kinds in _ALLOWED.items():
        if shape.kind not in kinds and getattr(shape, key):
            wrong(key, f"a disclosure of kind {shape.kind} has no '{key}'", "Remove it.")


def _check_path(path: str, wrong: Callable[[str], None]) -> None:
    parts = PurePosixPath(path).parts
    if path.startswith("/") or ".." in parts or not path.isprintable() or _UNSAFE_IN_PATHS & set(path):
        wrong(f"{shown(path)} is not a plain path inside the data folder")
