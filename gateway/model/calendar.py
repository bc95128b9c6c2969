"""The city's calendar. Instants are naive UTC; days are the city's (UTC+8, no summer time)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

CITY_OFFSET = timedelta(hours=8)


def city_day(instant: datetime) -> date:
    """Return the city's calendar day at a naive UTC instant."""
    return (instant + CITY_OFFSET).date()


def end_of_day(day: date) -> datetime:
    """Return the naive UTC instant at which a day of the city ends."""
    return datetime.combine(day + timedelta(days=1), time.min) - CITY_OFFSET


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of every day in the city's time, as minutes after midnight: from `start` to before `end`."""

    start: int
    end: int

    def end_of(self, instant: datetime) -> datetime | None:
        """Return when the hours around a naive UTC instant end (naive UTC), or None if it lies outside of them."""
        local = instant + CITY_OFFSET
        if not self.start <= local.hour * 60 + local.minute < self.end:
            return None
        return datetime.combine(local.date(), time.min) + timedelta(minutes=self.end) - CITY_OFFSET

    def __str__(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.end // 60:02}:{self.end % 60:02}"
