"""How good the data behind an answer came in: what may be told of it with any answer, to anybody who gets one.

Of a whole month of the city, of enough rows, in few steps, and of counts with noise: see ADR 0189.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType

from gateway.model.calendar import CITY_OFFSET
from gateway.model.ingest import RowReason

STEPS = (99, 95, 90, 75, 0)
"""The percentages that are told: "at least so many of a hundred rows"."""

LEAST_ROWS = 5_000
"""Of fewer rows in a month nothing is told."""

SETTLED = timedelta(hours=1)
"""How long after its end a month is over for sure: a batch is entered a little after the instant that it bears."""


class Dimension(StrEnum):
    """What is told of. Each row that is turned away fails in one of them."""

    COMPLETE = "complete"
    VALID = "valid"
    TIMELY = "timely"
    UNIQUE = "unique"


FAILS: Mapping[RowReason, Dimension] = MappingProxyType(
    {
        RowReason.WRONG_TYPE: Dimension.VALID,
        RowReason.MISSING: Dimension.COMPLETE,
        RowReason.TOO_LONG: Dimension.VALID,
        RowReason.OUT_OF_BOUNDS: Dimension.VALID,
        RowReason.UNKNOWN_KEY: Dimension.VALID,
        RowReason.MALFORMED: Dimension.VALID,
        RowReason.UNKNOWN_REGION: Dimension.VALID,
        RowReason.OUTSIDE_REGION: Dimension.VALID,
        RowReason.IN_FUTURE: Dimension.TIMELY,
        RowReason.TOO_OLD: Dimension.TIMELY,
        RowReason.REPEATED: Dimension.UNIQUE,
        RowReason.KEPT_BEFORE: Dimension.UNIQUE,
    }
)


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the city: `day` is its first. It runs from `begins` to before `ends`, naive UTC."""

    day: date

    @property
    def begins(self) -> datetime:
        """The instant at which it begins."""
        return datetime.combine(self.day, time()) - CITY_OFFSET

    @property
    def ends(self) -> datetime:
        """The instant at which the next one begins."""
        following = (self.day + timedelta(days=31)).replace(day=1)
        return datetime.combine(following, time()) - CITY_OFFSET


def last_month(now: datetime) -> Month:
    """Return the last month of the city that is over for sure, at a naive UTC instant."""
    first = (now - SETTLED + CITY_OFFSET).date().replace(day=1)
    return Month((first - timedelta(days=1)).replace(day=1))


@dataclass(frozen=True, slots=True)
class QualityMarks:
    """Of a hundred rows that were sent in a month, so many at least were in order; `month` is its first day."""

    month: date
    at_least: Mapping[Dimension, int]


def marks(month: date, sent: int, failed: Mapping[Dimension, int]) -> QualityMarks | None:
    """Return what is told of so many rows that were sent, and failed, both with noise; None of too few."""
    if sent < LEAST_ROWS:
        return None
    return QualityMarks(month, MappingProxyType({one: _step(sent, failed[one]) for one in Dimension}))


def _step(sent: int, failed: int) -> int:
    return next((step for step in STEPS if 100 * (sent - failed) >= step * sent), 0)
