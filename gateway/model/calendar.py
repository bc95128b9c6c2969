"""The city's calendar. Instants are naive UTC; days are the city's (UTC+8, no summer time)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

CITY_OFFSET = timedelta(hours=8)


def city_day(instant: datetime) -> date:
    """Return the city's calendar day at a naive UTC instant."""
    return (instant + CITY_OFFSET).date()


def end_of_day(day: date) -> datetime:
    """Return the naive UTC instant at which a day of the city ends."""
    return datetime.combine(day + timedelta(days=1), time.min) - CITY_OFFSET
