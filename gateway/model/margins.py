"""How far answers may be from the truth of bounded contributions: as it is wanted, and as it is told before anything is
read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """The margin at 95 % that a statistic should have at the most, in its own unit.

    A mean, a variance and quantiles have no margin of their own before the data is known: it is that in a cell of so
    many `values`, spread evenly over the bounds; or, where `values` is 0, that of each of their measures.
    """

    margin: float
    values: int = 0


@dataclass(frozen=True, slots=True)
class LevelMargin:
    """The margin of a count or sum in each of the `cells` of a level of the region tree ("" where there is no tree).

    `consistent` is the largest that is left once totals are made to add up; None where there is no tree.
    """

    level: str
    cells: int
    margin: float
    consistent: float | None = None


@dataclass(frozen=True, slots=True)
class SizeMargin:
    """The margin of a mean, variance or quantile in a cell of so many values, spread evenly over the bounds."""

    values: int
    margin: float


@dataclass(frozen=True, slots=True)
class AnswerMargin:
    """The margins of one column of answers, in its own `unit`: rows, a privacy unit, a field, or its square.

    Counts and sums have `levels`, which hold whatever the data are; the other statistics have `sizes`, which are what
    they would be in cells like those.
    """

    name: str
    statistic: int
    unit: str
    levels: tuple[LevelMargin, ...] = ()
    sizes: tuple[SizeMargin, ...] = ()
