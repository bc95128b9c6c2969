"""Which of two treatments tells more about a field: a partial order.

One treatment tells at least as much as another if what the other gives could be worked out from what it gives. A token
and a generalised value tell different things, and so do two masks: neither is above the other. Of tokens alike in all
else, those that are kept longer tell more, and of randomised values those of the greater epsilon: from either the other
could be made, if not the very tokens and answers that the gateway draws. An address that names no street has none to
give, and may yet give a district: the levels of addresses are not ordered.
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction

from gateway.model.pseudonym import Renewal
from gateway.model.treatment import (
    GeneralizeAge,
    GeneralizeDate,
    GeneralizeGeohash,
    GeneralizeNumber,
    GeneralizeRegion,
    GeneralizeStep,
    Keep,
    Mask,
    Perturb,
    Precision,
    Pseudonymize,
    Treatment,
)

_DATES = (Precision.DAY, Precision.MONTH, Precision.YEAR)
_PLACES = (Precision.STREET, Precision.DISTRICT, Precision.CITY)
_RENEWALS = (None, Renewal.YEARLY, Renewal.MONTHLY, Renewal.DAILY)


class Telling(StrEnum):
    """How what a field tells changes from one treatment to another."""

    SAME = "same"
    MORE = "more"
    LESS = "less"
    OTHER = "other"


def telling(before: Treatment | None, after: Treatment | None) -> Telling:
    """Return how a field's telling changes. None: the field does not leave, and tells nothing."""
    up, down = tells_at_least(after, before), tells_at_least(before, after)
    if up and down:
        return Telling.SAME
    if up:
        return Telling.MORE
    return Telling.LESS if down else Telling.OTHER


def tells_at_least(one: Treatment | None, other: Treatment | None) -> bool:
    """Tell whether all that `other` gives of a value follows from what `one` gives of it."""
    if other is None or one == other:
        return True
    match one, other:
        case None, _:
            return False
        case Keep(), GeneralizeGeohash():
            # it tells of the longitude too, which the latitude alone does not
            return False
        case Keep(), _:
            return True
        case Pseudonymize(token, check, kept, by), Pseudonymize(other_token, other_check, renewed, other_by):
            alike = (token, check, by) == (other_token, other_check, other_by)
            return alike and _RENEWALS.index(kept) <= _RENEWALS.index(renewed)
        case Perturb(epsilon), Perturb(less):
            return Fraction(epsilon) >= Fraction(less)
        case (GeneralizeDate(fine), GeneralizeDate(coarse)):
            return _DATES.index(fine) <= _DATES.index(coarse)
        case (GeneralizeRegion(fine), GeneralizeRegion(coarse)):
            return _PLACES.index(fine) <= _PLACES.index(coarse)
        case GeneralizeNumber(width, top), GeneralizeNumber(wide, cap):
            return _steps_within(Fraction(width), _exactly(top), Fraction(wide), _exactly(cap))
        case GeneralizeStep(step, top), GeneralizeStep(wide, cap):
            return _steps_within(Fraction(step), _exactly(top), Fraction(wide), _exactly(cap))
        case GeneralizeAge(width, top), GeneralizeAge(wide, cap):
            return _steps_within(Fraction(width), _exactly(top), Fraction(wide), _exactly(cap))
        case GeneralizeGeohash(length, beside), GeneralizeGeohash(shorter, other_beside):
            return length >= shorter and beside == other_beside
        case Mask(), Mask(first, last):
            # short texts leave all starred, and the more readily the more a mask shows of long ones
            return (first, last) == (0, 0)
    return False


def _exactly(top: int | str | None) -> Fraction | None:
    return None if top is None else Fraction(top)


def _steps_within(width: Fraction, top: Fraction | None, wide: Fraction, cap: Fraction | None) -> bool:
    """Whether the wide steps are made of the narrow ones, and nothing that is capped away is told by the other."""
    if (wide / width).denominator != 1:
        return False
    if top is None:
        return True
    if cap is None:
        return False
    edge = top // width * width
    return edge // wide >= cap // wide
