"""Series of a release: whether one price, one table of cells and enough memory stand behind what is published daily."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from gateway.model.contract import FieldSpec
from gateway.model.loss import pure_to_rho
from gateway.model.series import SeriesSpec
from gateway.policy.contracts.checking import Place, Wrong, check_once
from gateway.policy.contracts.shape import DisclosureShape, SeriesShape
from gateway.policy.problems import did_you_mean, shown, with_article


@dataclass(frozen=True, slots=True)
class Kept:
    """For how many days rows are kept, and within how many hours they are there; None where nothing is promised.

    `since` is the field from which the days are counted, None where the controller counts by what it will.
    """

    days: int | None = None
    freshness_hours: int | None = None
    since: str | None = None

    @property
    def lag_days(self) -> int:
        """Days after which the rows of a day are there."""
        return -(-(self.freshness_hours or 0) // 24)


FOR_EVER = Kept()


class SeriesReader:
    """Reads the series of one contract. `region` is the field of regions, `kept` how long rows are there; `wrong` takes
    a place in the gateway's block, what is wrong there, and a remedy.
    """

    def __init__(self, fields: Mapping[str, FieldSpec], region: str | None, kept: Kept, wrong: Wrong) -> None:
        self._fields, self._region, self._kept, self._wrong = fields, region, kept, wrong

    def series(self, place: Place, name: str, shape: SeriesShape, disclosure: DisclosureShape) -> SeriesSpec:
        """Return the series of a disclosure, after telling what is wrong with it."""
        check_once(shape.statistics, partial(self._wrong, (*place, "statistics")))
        check_once([one.partition(" ")[0] for one in shape.group_by], partial(self._wrong, (*place, "group_by")))
        spec = disclosure.statistics
        for index, written in enumerate(shape.statistics):
            field = written.partition("(")[2].removesuffix(")")
            if field and spec is not None and field not in spec.values:
                remedy = did_you_mean(field, spec.values, "Add it there, or sum up another.")
                message = f"{shown(field)} is not among the 'values' of the statistics"
                self._wrong((*place, "statistics", index), message, remedy)
        for index, written in enumerate(shape.group_by):
            self._check_grouping((*place, "group_by", index), written, [] if spec is None else spec.group_by)
        self._check_advances_by((*place, "advances_by"), shape.advances_by)
        self._check_price(place, shape, None if spec is None else spec.max_epsilon)
        self._check_memory(place, shape, disclosure)
        return SeriesSpec(
            name=name,
            description=shape.description,
            statistics=tuple(shape.statistics),
            group_by=tuple(shape.group_by),
            advances_by=shape.advances_by,
            first_day=shape.first_day,
            days=shape.days,
            days_per_unit=shape.days_per_unit,
            rho="" if shape.rho is None else repr(shape.rho),
            epsilon="" if shape.epsilon is None else repr(shape.epsilon),
        )

    def _check_grouping(self, place: Place, written: str, declared: list[str]) -> None:
        name, _, level = written.partition(" by ")
        field = self._fields.get(name)
        if name not in declared or field is None:
            remedy = did_you_mean(name, declared, "Add it there, or group by another.")
            self._wrong(place, f"{shown(name)} is not among the 'group_by' of the statistics", remedy)
        elif level and not (field.regions or name == self._region):
            self._wrong(place, f"'{name}' holds no regions", "Group by the field alone, if it has keys.")
        elif not level and field.keys is None:
            self._wrong(place, f"'{name}' has no keys", "Declare its keys, or group by a level of regions.")

    def _check_advances_by(self, place: Place, name: str) -> None:
        field = self._fields.get(name)
        if field is None:
            self._wrong(place, f"there is no field {shown(name)}", did_you_mean(name, self._fields, "Declare it."))
        elif not field.type.is_dated:
            message = f"'{name}' is {with_article(field.type)}, and this must be a date or a timestamp"
            self._wrong(place, message, "Name another field.")
        elif self._kept.since not in (None, name):
            # rows that go by another day would go while their days are still used
            message = f"the retention counts from '{self._kept.since}', and this series advances by '{name}'"
            remedy = f"Make '{name}' its 'element': whose rows go by another day would be given days anew."
            self._wrong(place, message, remedy)

    def _check_price(self, place: Place, shape: SeriesShape, max_epsilon: float | None) -> None:
        if (shape.rho is None) == (shape.epsilon is None):
            self._wrong(place, "a series has one price", "Write either rho or epsilon.")
            return
        key, amount, places = ("epsilon", shape.epsilon, 6) if shape.rho is None else ("rho", shape.rho, 12)
        exact = Fraction(repr(amount))
        if (exact * 10**places).denominator != 1:
            self._wrong((*place, key), f"'{key}' has more than {places} decimals", "Write fewer.")
        rho = exact if key == "rho" else pure_to_rho(exact)
        if max_epsilon is not None and rho > pure_to_rho(Fraction(repr(max_epsilon))):
            most = math.floor(float(pure_to_rho(Fraction(repr(max_epsilon)))) * 10**6) / 10**6
            limit = f"{max_epsilon:g}" if key == "epsilon" else f"{most:g}"
            message = f"'{key}' is more than max_epsilon lets a release lose, which is {limit}"
            self._wrong((*place, key), message, "Lower it, or raise max_epsilon.")

    def _check_memory(self, place: Place, shape: SeriesShape, disclosure: DisclosureShape) -> None:
        if shape.days_per_unit > shape.days:
            self._wrong((*place, "days_per_unit"), "a unit counts on more days than there are", "Lower it.")
        needed = shape.days + self._kept.lag_days + 1
        if self._kept.days is not None and self._kept.days < needed:
            # which days a unit has used is seen from its rows: they must be there until the last day is read
            self._wrong(
                (*place, "days"),
                f"rows are kept for {self._kept.days} days, and this series needs them for {needed}",
                "Lower it: whose rows are gone would count on more days than days_per_unit.",
            )
        if disclosure.consent is not None:
            self._wrong(
                place,
                "a series does not hang on consent: whoever takes it back would be given days anew",
                "Declare it in a disclosure without 'consent'.",
            )
