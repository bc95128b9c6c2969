"""Indicators: whether their figures add up over regions, and tell no more together than each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from gateway.model.contract import DisclosureSpec, FieldSpec
from gateway.model.filter import Condition, Operator
from gateway.model.indicator import IndicatorSpec
from gateway.policy.contracts.checking import Place, Wrong, check_once
from gateway.policy.contracts.shape import IndicatorShape
from gateway.policy.problems import did_you_mean, shown

_MOST_KEYS = 64


class IndicatorReader:
    """Reads the indicators of one contract. `unit` is the field of its privacy unit, `region` that of regions; `wrong`
    takes a place in the gateway's block, what is wrong there, and a remedy.
    """

    def __init__(self, fields: Mapping[str, FieldSpec], unit: str, region: str | None, wrong: Wrong) -> None:
        self._fields, self._unit, self._region, self._wrong = fields, unit, region, wrong

    def indicator(self, place: Place, shape: IndicatorShape) -> IndicatorSpec:
        """Return the indicator of a disclosure, after telling what is wrong with it."""
        check_once(shape.statistics, partial(self._wrong, (*place, "statistics")))
        check_once(shape.group_by, partial(self._wrong, (*place, "group_by")))
        if self._region is None:
            self._wrong(place, "the dataset has no regions to add figures up over", "Declare its 'region_field'.")
        for index, written in enumerate(shape.statistics):
            name = written.partition("(")[2].removesuffix(")")
            if name:
                self._check_summed((*place, "statistics", index), name)
        keys = 1
        for index, name in enumerate(shape.group_by):
            keys *= self._check_keyed((*place, "group_by", index), name)
        if keys > _MOST_KEYS:
            self._wrong((*place, "group_by"), f"there are more than {_MOST_KEYS} combinations of keys", "Take fewer.")
        return IndicatorSpec(
            statistics=tuple(shape.statistics),
            group_by=tuple(shape.group_by),
            level=shape.level,
            least_units=shape.least_units,
            dominance_percent=shape.dominance_percent,
            refresh_seconds=shape.refresh_seconds,
        )

    def _check_summed(self, place: Place, name: str) -> None:
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        elif not field.type.is_number or field.bounds is None:
            self._wrong(place, f"'{name}' has no bounds to add up within", "Declare its bounds.")
        elif field.bounds.lower < 0:
            # what one takes from a total another could hide: who gives most of it could not be told
            self._wrong(place, f"'{name}' may be below zero", "Add up numbers that are not.")

    def _check_keyed(self, place: Place, name: str) -> int:
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        elif field.names_people or name == self._unit:
            self._wrong(place, f"'{name}' says who somebody is, and must not be grouped by", "Remove it.")
        elif not field.keys or name == self._region:
            self._wrong(place, f"'{name}' has no keys", "Declare its keys, or remove it: regions are there anyway.")
        return len((field and field.keys) or (None,))


def check_apart(disclosures: Iterable[DisclosureSpec], wrong: Wrong) -> None:
    """Tell of indicators that are about some of the same rows: the difference of their figures would not be guarded."""
    before: list[DisclosureSpec] = []
    for one in disclosures:
        if one.indicator is None:
            continue
        for other in before:
            if not _apart(one.predicate, other.predicate):
                wrong(
                    ("disclosures", one.name, "indicator"),
                    f"its rows may be those of the indicator '{other.name}', and differences would tell of few",
                    "Show both as one, grouped by what they differ in, or give both a 'predicate' on one field "
                    "with other values (eq or in).",
                )
        before.append(one)


def _apart(one: Iterable[Condition], other: Iterable[Condition]) -> bool:
    """Whether no row meets both: some field must have one of these values, and one of those, and none is both."""
    chosen = (Operator.EQUAL, Operator.IN)
    return any(
        first.field == second.field
        and {first.operator, second.operator} <= set(chosen)
        and not set(first.values) & set(second.values)
        for first in one
        for second in other
    )
