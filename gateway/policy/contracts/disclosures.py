"""Disclosures of a contract: whether their parts fit together and suit the fields."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from types import MappingProxyType

from gateway.model.contract import (
    BY_KEY,
    OF_TOKENS,
    Classification,
    DisclosureKind,
    DisclosureSpec,
    FieldSpec,
    SelectBy,
    StatisticsSpec,
    SynthesisSpec,
)
from gateway.model.plan import FOUND_TYPES
from gateway.model.treatment import Keep, Perturb, Pseudonymize, Treatment
from gateway.model.values import FieldType
from gateway.policy.contracts.anonymity import AnonymityReader
from gateway.policy.contracts.checking import Place, Wrong, check_chosen_by, check_once
from gateway.policy.contracts.conditions import to_condition
from gateway.policy.contracts.indicators import IndicatorReader
from gateway.policy.contracts.series import FOR_EVER, Kept, SeriesReader
from gateway.policy.contracts.shape import DisclosureShape, StatisticsShape, SynthesisShape
from gateway.policy.contracts.treatments import to_treatment
from gateway.policy.problems import did_you_mean, shown, with_article
from gateway.policy.validation import split_remedy

_GROUPED = "Declare its keys or bounds, or that it holds regions."
_NOT_PERTURBED = "Choose another treatment, or make the disclosure an extract."


class DisclosureReader:
    """Reads the disclosures of one contract. `unit` is the field of its privacy unit, `region` that of regions and
    `retention` that of retention, by which rows are chosen; `kept` tells how long rows are there; `wrong` takes a place
    in the gateway's block, what is wrong there, and a remedy.
    """

    def __init__(
        self,
        fields: Mapping[str, FieldSpec],
        unit: str,
        wrong: Wrong,
        *,
        region: str | None = None,
        retention: str | None = None,
        kept: Kept = FOR_EVER,
    ) -> None:
        self._fields, self._unit, self._region, self._wrong = fields, unit, region, wrong
        self._choosing = [name for name in (region, retention) if name is not None]
        self._crowds = AnonymityReader(fields, unit, region, wrong)
        self._indicators = IndicatorReader(fields, unit, region, wrong)
        self._series = SeriesReader(fields, region, kept, wrong)

    def declared(self, place: Place, name: str, *types: FieldType) -> FieldSpec | None:
        """Return the field of this name, or None after telling that there is none; tell if its type is another."""
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        elif types and field.type not in types:
            wanted = " or ".join(map(with_article, types))
            self._wrong(
                place, f"'{name}' is {with_article(field.type)}, and this must be {wanted}", "Name another field."
            )
        return field

    def disclosure(self, name: str, shape: DisclosureShape) -> DisclosureSpec:
        """Return the disclosure, after telling what is wrong with it."""
        place = ("disclosures", name)

        def wrong(key: str, message: str, remedy: str = "") -> None:
            self._wrong((*place, key), message, remedy)

        _check_parts(shape, wrong)
        treatments: dict[str, Treatment] = {}
        for field, treatment in shape.fields.items():
            spec = self.declared((*place, "fields", field), field)
            if spec is not None:
                try:
                    treatments[field] = to_treatment(treatment, spec, self._fields)
                except ValueError as error:
                    self._wrong((*place, "fields", field), *split_remedy(str(error)))
        for field, how in treatments.items():
            if isinstance(how, Pseudonymize) and isinstance(treatments.get(how.by or ""), Perturb):
                message = f"'{how.by}' leaves randomised, and the tokens that it renews would tell its value"
                self._wrong((*place, "fields", field), message, "Renew them by another field, or by none.")
        for field in self._choosing:
            check_chosen_by((*place, "fields", field), field, treatments, self._wrong)
        if shape.kind is not DisclosureKind.EXTRACT:
            for field, how in treatments.items():
                if isinstance(how, Perturb):
                    self._wrong((*place, "fields", field), f"only an extract can perturb '{field}'", _NOT_PERTURBED)
        check_once(shape.lookup_keys, partial(wrong, "lookup_keys"))
        check_once(shape.lookup_by, partial(wrong, "lookup_by"))
        check_once(shape.filters, partial(wrong, "filters"))
        for index, key_field in enumerate(shape.lookup_keys):
            self._lookup_key((*place, "lookup_keys", index), key_field, shape)
        for index, filtered in enumerate(shape.filters):
            spec = self.declared((*place, "filters", index), filtered)
            if spec is not None:
                self._check_filter((*place, "filters", index), spec, shape, treatments.get(filtered))
        predicate = []
        for index, condition in enumerate(shape.predicate):
            at: Place = (*place, "predicate", index)
            spec = self.declared((*at, "field"), condition.field)
            check_chosen_by((*at, "field"), condition.field, treatments, self._wrong)
            if spec is not None:
                predicate.append(to_condition(condition, spec, partial(self._wrong, at)))
        if shape.consent is not None:
            self.declared((*place, "consent"), shape.consent, FieldType.BOOL)
            check_chosen_by((*place, "consent"), shape.consent, treatments, self._wrong)
        statistics = None
        if shape.statistics is not None:
            statistics = self._statistics((*place, "statistics"), shape.statistics)
        synthesis = None
        if shape.synthesis is not None:
            synthesis = self._synthesis((*place, "synthesis"), shape.synthesis)
        indicator = None
        if shape.indicator is not None:
            indicator = self._indicators.indicator((*place, "indicator"), shape.indicator)
        anonymity = None
        if shape.anonymity is not None:
            anonymity = self._crowds.anonymity(place, shape.anonymity, shape.filters, treatments)
        series = {
            written: self._series.series((*place, "series", written), written, one, shape)
            for written, one in shape.series.items()
        }
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
            anonymity=anonymity,
            synthesis=synthesis,
            indicator=indicator,
            series=MappingProxyType(series),
        )

    def _lookup_key(self, place: Place, name: str, shape: DisclosureShape) -> None:
        field = self.declared(place, name, FieldType.STRING, FieldType.INT64)
        if field is not None and field.type is FieldType.INT64 and SelectBy.TOKEN in shape.lookup_by:
            self._wrong(place, f"'{name}' is an int64, and only a string has tokens", "Look up by key alone.")

    def _check_filter(
        self, place: Place, field: FieldSpec, shape: DisclosureShape, treatment: Treatment | None
    ) -> None:
        # whoever filters on a field learns it: rows may be narrowed by what they show as it is, or by what says
        # nothing of a person; a noised statistic by anything but who somebody is
        if shape.kind is DisclosureKind.RELEASE:
            unit = self._unit
            if field.names_people or field.name == unit:
                self._wrong(place, f"'{field.name}' says who somebody is, and must not be filtered on", "Remove it.")
        elif isinstance(treatment, Perturb):
            check_chosen_by(place, field.name, {field.name: treatment}, self._wrong)
        elif field.classification is not Classification.OTHER and not isinstance(treatment, Keep):
            self._wrong(
                place,
                f"'{field.name}' does not leave as it is, and a filter on it would tell it",
                "Filter on fields that are kept.",
            )

    def _statistics(self, place: Place, shape: StatisticsShape) -> StatisticsSpec:
        check_once(shape.group_by, partial(self._wrong, (*place, "group_by")))
        check_once(shape.values, partial(self._wrong, (*place, "values")))
        for index, name in enumerate(shape.group_by):
            field = self.declared((*place, "group_by", index), name)
            if field is not None and not self._groups(field):
                self._wrong((*place, "group_by", index), f"'{name}' has nothing to group by", _GROUPED)
        for index, name in enumerate(shape.values):
            at = (*place, "values", index)
            field = self.declared(at, name, FieldType.INT64, FieldType.DOUBLE)
            if field is None or not field.type.is_number:
                continue
            if field.bounds is None:
                self._wrong(at, f"'{name}' has no bounds to count within", "Declare its bounds.")
            elif not field.adds_up(shape.max_rows):
                self._wrong(at, f"a sum of '{name}' could overflow", "Lower max_rows or narrow its bounds.")
        self._check_found(place, shape)
        return StatisticsSpec(
            group_by=tuple(shape.group_by),
            values=tuple(shape.values),
            max_groups=shape.max_groups,
            max_rows=shape.max_rows,
            max_epsilon=_decimal(shape.max_epsilon),
            slot_ms=shape.slot_ms,
            found_keys=tuple(shape.found_keys),
            delta="0" if shape.delta is None else repr(shape.delta),
            joined_rows=shape.joined_rows,
        )

    def _check_found(self, place: Place, shape: StatisticsShape) -> None:
        """Tell what is wrong with fields whose keys are found in the data."""
        check_once(shape.found_keys, partial(self._wrong, (*place, "found_keys")))
        for index, name in enumerate(shape.found_keys):
            at = (*place, "found_keys", index)
            field = self.declared(at, name, *sorted(FOUND_TYPES))
            if field is not None and (field.names_people or name == self._unit):
                self._wrong(at, f"'{name}' says who somebody is, and its values must not be shown", "Remove it.")
        if shape.found_keys and shape.delta is None:
            self._wrong(place, "keys that are found in the data need a 'delta'", "Add one, as 'delta: 1.0e-8'.")
        if shape.delta is not None and not shape.found_keys:
            self._wrong((*place, "delta"), "no field has keys that are found in the data", "Remove it, or name some.")

    def _synthesis(self, place: Place, shape: SynthesisShape) -> SynthesisSpec:
        check_once(shape.fields, partial(self._wrong, (*place, "fields")))
        for index, name in enumerate(shape.fields):
            at = (*place, "fields", index)
            field = self.declared(at, name)
            if field is None:
                continue
            bounds = field.fixed_bounds
            if self._holds_regions(field):
                if shape.level is None:
                    self._wrong(at, f"'{name}' holds regions, and none of a level is said", "Write 'level: district'.")
            elif field.name == self._unit or field.names_people:
                self._wrong(at, f"'{name}' says who somebody is, and must not be made up", "Remove it.")
            elif not field.keys and field.type is not FieldType.BOOL and (bounds is None or not field.type.is_number):
                self._wrong(at, f"'{name}' has no cells to count", "Declare its keys or bounds, or leave it out.")
            elif bounds is not None and not field.keys and bounds.upper - bounds.lower >= 2**53:
                self._wrong(at, f"the bounds of '{name}' are too far apart to make bins of", "Narrow its bounds.")
        return SynthesisSpec(
            fields=tuple(name for name in self._fields if name in shape.fields),
            bins=shape.bins,
            level=shape.level,
            max_groups=shape.max_groups,
            max_rows=shape.max_rows,
            max_epsilon=_decimal(shape.max_epsilon),
            most_rows=shape.most_rows,
            slot_ms=shape.slot_ms,
        )

    def _holds_regions(self, field: FieldSpec) -> bool:
        return field.regions or field.name == self._region

    def _groups(self, field: FieldSpec) -> bool:
        """Whether the field has cells that are known before anything is read."""
        return bool(field.keys or field.bounds or field.type.is_dated or self._holds_regions(field))


def _decimal(number: float) -> str:
    return str(int(number)) if math.floor(number) == number else repr(float(number))


_ROWS = (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT, DisclosureKind.CHECK, DisclosureKind.CONSUME)
_NEEDED: Mapping[str, Collection[DisclosureKind]] = {
    "fields": (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT),
    "lookup_keys": BY_KEY,
    "lookup_by": BY_KEY,
    "predicate": (DisclosureKind.CHECK,),
    "indicator": (DisclosureKind.INDICATOR,),
    "waive_noise": (*_ROWS, DisclosureKind.INDICATOR),
    "ingest": (DisclosureKind.INGEST,),
}
_REMEDIES = {
    "ingest": "Add 'ingest: {}' for all fields that are declared, or name some.",
    "waive_noise": "Say why what leaves is exact.",
    "lookup_by": "Write [token] (pseudonyms that the caller was given), [key] (raw values) or [key, token].",
}
_ALLOWED: Mapping[str, Collection[DisclosureKind]] = {
    **_NEEDED,
    "fields": _ROWS,
    "predicate": (DisclosureKind.CHECK, DisclosureKind.EXTRACT, DisclosureKind.CONSUME, DisclosureKind.INDICATOR),
    "max_rows": (DisclosureKind.LOOKUP, DisclosureKind.EXTRACT, DisclosureKind.INGEST),
    "filters": (*_ROWS, DisclosureKind.RELEASE),
    "consent": (*_ROWS, DisclosureKind.RELEASE),
    "anonymity": (DisclosureKind.EXTRACT,),
    "statistics": (DisclosureKind.RELEASE,),
    "synthesis": (DisclosureKind.RELEASE,),
    "series": (DisclosureKind.RELEASE,),
}


def _check_parts(shape: DisclosureShape, wrong: Wrong) -> None:
    for key, kinds in _NEEDED.items():
        if shape.kind in kinds and not getattr(shape, key):
            wrong("", f"a disclosure of kind {shape.kind} needs '{key}'", _REMEDIES.get(key, f"Add '{key}: …'."))
    if shape.kind is DisclosureKind.RELEASE and not (shape.statistics or shape.synthesis):
        wrong("", f"a disclosure of kind {shape.kind} needs 'statistics'", "Add 'statistics: …', or 'synthesis: …'.")
    elif shape.kind is DisclosureKind.RELEASE and shape.series and not shape.statistics:
        wrong("series", "there are no 'statistics' to publish day after day", "Add 'statistics: …'.")
    for key, kinds in _ALLOWED.items():
        if shape.kind not in kinds and getattr(shape, key):
            wrong(key, f"a disclosure of kind {shape.kind} has no '{key}'", "Remove it.")
    if shape.kind in OF_TOKENS and SelectBy.KEY in shape.lookup_by:
        wrong("lookup_by", f"a disclosure of kind {shape.kind} takes tokens, and no raw values", "Write [token].")
