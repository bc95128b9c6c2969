"""How a release is cut into cells: by declared keys, by places of a level, by periods, by bins of a number.

Each grouping has its cells before anything is read: from the contract, the region tree and the plan itself. The one
exception are keys that nobody declared: those are found in the data, and shown from a threshold of noised people on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from gateway.model.region import RegionLevel


class Period(StrEnum):
    """Lengths of time on the city's calendar. Weeks begin on Monday (ISO 8601)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class ByKeys:
    """By the keys that the contract declares for a field."""

    field: str

    def __str__(self) -> str:
        return self.field


@dataclass(frozen=True, slots=True)
class ByFoundKeys:
    """By the keys that are found in the data. A cell is shown only where its noised number of units is large enough."""

    field: str

    def __str__(self) -> str:
        return f"{self.field} by {FOUND_KEYS}"


@dataclass(frozen=True, slots=True)
class ByRegion:
    """By the regions of a level that lie in the region asked for; the field holds region paths."""

    field: str
    level: RegionLevel

    def __str__(self) -> str:
        return f"{self.field} by {self.level}"


@dataclass(frozen=True, slots=True)
class ByRegionTree:
    """By every region from the one asked for down to those of a level: each is counted, and noised, by itself."""

    field: str
    level: RegionLevel

    def __str__(self) -> str:
        return f"{self.field} by {self.level} and above"


@dataclass(frozen=True, slots=True)
class ByPeriod:
    """By the periods from the one that holds the day `first` to the one that holds `last`, of a date or timestamp."""

    field: str
    period: Period
    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.field} by {self.period}"


@dataclass(frozen=True, slots=True)
class ByBins:
    """By bins of a number, from its lower bound on, each `width` wide; the last one ends with the upper bound.

    Values beyond the bounds count in the outer bins.
    """

    field: str
    width: Fraction

    def __str__(self) -> str:
        return f"{self.field} by bins"


FOUND_KEYS = "found keys"
_LEVELS = "|".join(RegionLevel)
_OTHERS = "|".join((*Period, "bins", FOUND_KEYS))
WRITTEN_GROUPING = rf"[A-Za-z_][A-Za-z0-9_]*( by ((({_LEVELS})( and above)?)|{_OTHERS}))?"
"""A regular expression of groupings as they are written."""

Grouping = ByKeys | ByFoundKeys | ByRegion | ByRegionTree | ByPeriod | ByBins
"""Its text names the field and the way, in the contract's own names and without a value of the caller's."""
