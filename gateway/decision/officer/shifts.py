"""What changes from one policy to another in fields, terms and the other parts of a disclosure, and which way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import TypeVar

from gateway.decision.officer.coarseness import Telling, telling
from gateway.model.calendar import Hours
from gateway.model.contract import DisclosureSpec, StatisticsSpec, SynthesisSpec
from gateway.model.indicator import IndicatorSpec
from gateway.model.meter import Allowance
from gateway.model.series import SeriesSpec
from gateway.model.terms import Terms
from gateway.model.treatment import Treatment
from gateway.policy.contracts.conditions import in_words
from gateway.policy.writing import term_list

_Ordered = TypeVar("_Ordered", date, timedelta, int)


@dataclass(frozen=True, slots=True)
class FieldShift:
    """How a field left before and leaves after, in words; "" where it does not."""

    field: str
    before: str
    after: str
    telling: Telling

    @property
    def exposed(self) -> bool:
        """Whether something is told of the field that was not told before."""
        return self.telling in (Telling.MORE, Telling.OTHER)


@dataclass(frozen=True, slots=True)
class PartShift:
    """One part of a policy, before and after, in words; "" where it is not there. `telling`: more if it lets more out.

    `subject` is what the part belongs to: a disclosure, a purpose, an account, a rule.
    """

    subject: str
    part: str
    before: str
    after: str
    telling: Telling


def field_shifts(before: Mapping[str, Treatment], after: Mapping[str, Treatment]) -> tuple[FieldShift, ...]:
    """Return the fields that leave otherwise than before, in the order of the newer contract."""
    shifts = (
        FieldShift(
            name,
            str(before[name]) if name in before else "",
            str(after[name]) if name in after else "",
            telling(before.get(name), after.get(name)),
        )
        for name in dict.fromkeys([*after, *before])
    )
    return tuple(shift for shift in shifts if shift.telling is not Telling.SAME)


def spec_shifts(subject: str, before: DisclosureSpec, after: DisclosureSpec) -> tuple[PartShift, ...]:
    """Return what changes in a disclosure besides its fields."""
    found = [
        _sets(subject, "filters", before.filters, after.filters),
        _sets(subject, "lookup_keys", before.lookup_keys, after.lookup_keys),
        _sets(subject, "lookup_by", sorted(before.lookup_by), sorted(after.lookup_by)),
        cap_shift(subject, "max_rows", before.max_rows, after.max_rows),
        _conditions(subject, before, after),
        # whose consent is asked is less than all
        _plain(subject, "consent", before.consent_field, after.consent_field, _fewer),
        *_statistics(subject, before.statistics, after.statistics),
        *_synthesis(subject, before.synthesis, after.synthesis),
        *_series(subject, before.series, after.series),
        *_indicator(subject, before.indicator, after.indicator),
    ]
    return tuple(shift for shift in found if shift is not None)


def terms_shift(subject: str, before: Iterable[Terms], after: Iterable[Terms]) -> PartShift | None:
    """Return how the terms of alternative grants change, any one of which is enough; None if they do not."""
    old, new = list(dict.fromkeys(before)), list(dict.fromkeys(after))
    if set(old) == set(new):
        return None
    looser = any(not any(as_loose(known, term) for known in old) for term in new)
    tighter = any(not any(as_loose(left, term) for left in new) for term in old)
    way = Telling.OTHER if looser and tighter else Telling.MORE if looser else Telling.LESS if tighter else Telling.SAME
    return PartShift(subject, "terms", _alternatives(old), _alternatives(new), way)


def as_loose(one: Terms, other: Terms) -> bool:
    """Tell whether all that holds under `other` holds under `one` as well."""
    return (
        _at_most(one.valid_from, other.valid_from)
        and _at_least(one.valid_until, other.valid_until)
        and _as_long(one.hours, other.hours)
        and one.case_pattern in (None, other.case_pattern)
        and one.case_register in (None, other.case_register)
        and one.consent in (None, other.consent)
        and _as_often(one.quota, other.quota)
        and _as_often(one.rate, other.rate)
        and _as_often(one.subjects, other.subjects)
        and (other.single or not one.single)
        and _at_least(one.break_glass, other.break_glass)
        and _at_least(one.max_rows, other.max_rows)
        and _at_least(one.max_keys, other.max_keys)
    )


def cap_shift(subject: str, part: str, before: float | None, after: float | None) -> PartShift | None:
    """Return how a cap changes; without one, nothing is capped."""
    if before == after:
        return None
    higher = after is None or (before is not None and after > before)
    return PartShift(subject, part, _shown(before), _shown(after), Telling.MORE if higher else Telling.LESS)


def _as_long(one: Hours | None, other: Hours | None) -> bool:
    return one is None or (other is not None and one.start <= other.start and other.end <= one.end)


def _at_most(one: _Ordered | None, other: _Ordered | None) -> bool:
    return one is None or (other is not None and one <= other)


def _at_least(one: _Ordered | None, other: _Ordered | None) -> bool:
    return one is None or (other is not None and one >= other)


def _as_often(one: Allowance | None, other: Allowance | None) -> bool:
    if one is None or other is None:
        return one is None
    return one.period is other.period and one.limit >= other.limit


def _alternatives(terms: Iterable[Terms]) -> str:
    return " or ".join(";".join(term_list(one)) or "no terms" for one in terms)


def _sets(subject: str, part: str, before: Iterable[str], after: Iterable[str]) -> PartShift | None:
    old, new = list(before), list(after)
    if set(old) == set(new):
        return None
    way = Telling.MORE if set(old) < set(new) else Telling.LESS if set(new) < set(old) else Telling.OTHER
    return PartShift(subject, part, ", ".join(old), ", ".join(new), way)


def _plain(
    subject: str, part: str, before: str | None, after: str | None, way: Callable[[str | None, str | None], Telling]
) -> PartShift | None:
    return None if before == after else PartShift(subject, part, before or "", after or "", way(before, after))


def _fewer(before: str | None, after: str | None) -> Telling:
    return Telling.LESS if before is None else Telling.MORE if after is None else Telling.OTHER


def _conditions(subject: str, before: DisclosureSpec, after: DisclosureSpec) -> PartShift | None:
    old, new = set(before.predicate), set(after.predicate)
    if old == new:
        return None
    way = Telling.LESS if old < new else Telling.MORE if new < old else Telling.OTHER
    return PartShift(subject, "predicate", in_words(before.predicate), in_words(after.predicate), way)


def _statistics(
    subject: str, before: StatisticsSpec | None, after: StatisticsSpec | None
) -> Iterator[PartShift | None]:
    if before is None or after is None:
        return
    yield _sets(subject, "group_by", before.group_by, after.group_by)
    yield _sets(subject, "values", before.values, after.values)
    yield cap_shift(subject, "max_groups", before.max_groups, after.max_groups)
    yield cap_shift(subject, "max_rows of a unit", before.max_rows, after.max_rows)
    yield cap_shift(subject, "max_epsilon", float(Fraction(before.max_epsilon)), float(Fraction(after.max_epsilon)))


def _synthesis(subject: str, before: SynthesisSpec | None, after: SynthesisSpec | None) -> Iterator[PartShift | None]:
    yield _sets(subject, "synthesis", () if before is None else before.fields, () if after is None else after.fields)
    if before is None or after is None:
        return
    yield cap_shift(subject, "synthesis: max_groups", before.max_groups, after.max_groups)
    yield cap_shift(subject, "synthesis: max_rows of a unit", before.max_rows, after.max_rows)
    least, most = float(Fraction(before.max_epsilon)), float(Fraction(after.max_epsilon))
    yield cap_shift(subject, "synthesis: max_epsilon", least, most)
    yield cap_shift(subject, "synthesis: most_rows", before.most_rows, after.most_rows)


def _series(
    subject: str, before: Mapping[str, SeriesSpec], after: Mapping[str, SeriesSpec]
) -> Iterator[PartShift | None]:
    """A series that is changed is another one: what was paid for the old is spent, and the new is paid for anew."""
    for name in dict.fromkeys([*before, *after]):
        was, now = before.get(name), after.get(name)
        if was != now:
            way = Telling.MORE if was is None else Telling.LESS if now is None else Telling.OTHER
            yield PartShift(subject, f"series {name}", str(was or ""), str(now or ""), way)


def _indicator(subject: str, before: IndicatorSpec | None, after: IndicatorSpec | None) -> Iterator[PartShift | None]:
    """What a figure must rest on, and how often it is looked at. What it is of: see `begun_anew`."""
    if before is None or after is None:
        return
    for part, was, now in (
        ("least_units", before.least_units, after.least_units),
        ("dominance_percent", before.dominance_percent, after.dominance_percent),
    ):
        if was != now:
            yield PartShift(subject, part, str(was), str(now), Telling.MORE if now < was else Telling.LESS)
    if before.refresh_seconds != after.refresh_seconds:
        seconds = str(before.refresh_seconds), str(after.refresh_seconds)
        yield PartShift(subject, "refresh_seconds", *seconds, Telling.SAME)


def _shown(cap: float | None) -> str:
    return "" if cap is None else f"{cap:g}"
