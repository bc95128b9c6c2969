"""Anonymity of an extract: what its classes are made of, and all that would let somebody out of the crowd again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import partial
from types import MappingProxyType

from gateway.model.contract import AnonymitySpec, Classification, FieldSpec
from gateway.model.treatment import Keep, Perturb, Pseudonymize, Treatment, leaving_type
from gateway.model.values import FieldType
from gateway.policy.contracts.checking import Place, Wrong, check_chosen_by, check_once
from gateway.policy.contracts.shape import AnonymityShape


class AnonymityReader:
    """Reads the anonymity of one contract's disclosures. `unit` is the field of its privacy unit, `region` that of
    regions; `wrong` takes a place in the gateway's block, what is wrong there, and a remedy.
    """

    def __init__(self, fields: Mapping[str, FieldSpec], unit: str, region: str | None, wrong: Wrong) -> None:
        self._fields, self._unit, self._region, self._wrong = fields, unit, region, wrong
        self._keys = [name for name, field in fields.items() if field.primary_key]

    def anonymity(
        self, disclosure: Place, shape: AnonymityShape, filters: Sequence[str], treatments: Mapping[str, Treatment]
    ) -> AnonymitySpec:
        """Return the anonymity of the disclosure at a place, after telling what is wrong with it."""
        place: Place = (*disclosure, "anonymity")
        check_once(shape.also, partial(self._wrong, (*place, "also")))
        for key, names in (("also", shape.also), ("l", shape.diversity), ("t", shape.closeness)):
            for index, name in enumerate(names):
                if name not in treatments:
                    at = (*place, key, index) if key == "also" else (*place, key, name)
                    self._wrong(at, f"'{name}' is not among the fields of this disclosure", "Name one that is.")
        quasi = self._quasi_identifiers(shape.also, treatments)
        if not quasi:
            self._wrong(place, "no field of this disclosure tells people apart", "Name those that do under 'also'.")
        for name in quasi:
            # a token or a drawn value is everybody's own: no two people would be alike
            if isinstance(treatments.get(name), Pseudonymize | Perturb):
                self._wrong(place, f"'{name}' leaves as a token or randomised, and nobody shares it", "Generalise it.")
            self._check_countable(place, name, treatments)
        for key, judged in (("l", shape.diversity), ("t", shape.closeness)):
            for name in judged:
                self._check_sensitive((*place, key, name), name, quasi, treatments)
        self._check_nobody_named(place, quasi, treatments)
        self._check_nobody_followed(place, quasi, treatments)
        self._check_filters((*disclosure, "filters"), filters, quasi, treatments)
        closeness = {name: Fraction(str(t)) for name, t in shape.closeness.items()}
        return AnonymitySpec(shape.k, quasi, MappingProxyType(dict(shape.diversity)), MappingProxyType(closeness))

    def _quasi_identifiers(self, also: Sequence[str], treatments: Mapping[str, Treatment]) -> tuple[str, ...]:
        classified = [
            name for name in treatments if self._fields[name].classification is Classification.QUASI_IDENTIFIER
        ]
        if self._region is not None and self._region in treatments:
            # a caller may name a region, which must not cut a class
            classified.append(self._region)
        return tuple(dict.fromkeys([*classified, *also]))

    def _check_sensitive(
        self, place: Place, name: str, quasi: Collection[str], treatments: Mapping[str, Treatment]
    ) -> None:
        if name in quasi:
            self._wrong(place, f"'{name}' tells people apart, and is the same in a whole class", "Remove it here.")
            return
        check_chosen_by(place, name, treatments, self._wrong)
        self._check_countable(place, name, treatments)

    def _check_countable(self, place: Place, name: str, treatments: Mapping[str, Treatment]) -> None:
        how = treatments.get(name)
        if how is not None and leaving_type(self._fields[name].type, how) is FieldType.TIMESTAMP:
            self._wrong(place, f"'{name}' leaves as a timestamp, to the microsecond", "Generalise it to a day or more.")

    def _check_nobody_named(self, place: Place, quasi: Collection[str], treatments: Mapping[str, Treatment]) -> None:
        for name, how in treatments.items():
            names = self._fields[name].names_people or name == self._unit or [name] == self._keys
            if not names or name in quasi or isinstance(how, Pseudonymize | Perturb):
                continue
            leaves = "as it is" if isinstance(how, Keep) else "in part"
            self._wrong(
                place,
                f"'{name}' leaves {leaves} and can say who somebody is, however many are alike in the rest",
                "Leave it out, name it under 'also', or ask for no anonymity.",
            )

    def _check_nobody_followed(self, place: Place, quasi: Collection[str], treatments: Mapping[str, Treatment]) -> None:
        for name, how in treatments.items():
            if isinstance(how, Pseudonymize) and name not in quasi and self._keys != [name]:
                self._wrong(
                    place,
                    f"the tokens of '{name}' join rows of several classes, which together can be one person's alone",
                    "Leave it out: only the primary key, of which each row has its own, may leave as a token.",
                )

    def _check_filters(
        self, place: Place, filters: Sequence[str], quasi: Collection[str], treatments: Mapping[str, Treatment]
    ) -> None:
        for index, name in enumerate(filters):
            if name in self._fields and not (name in quasi and isinstance(treatments.get(name), Keep)):
                self._wrong(
                    (*place, index),
                    f"a filter on '{name}' would cut classes, and tell of fewer people than are to be alike",
                    "Filter on fields that are kept and tell people apart, or name it under 'also'.",
                )
