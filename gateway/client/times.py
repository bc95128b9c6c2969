"""Instants and days of the API, in plain types. Instants are aware."""

from __future__ import annotations

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def aware(stamp: Timestamp) -> datetime:
    """Read an instant."""
    return stamp.ToDatetime(UTC)


def stamp(moment: datetime) -> Timestamp:
    """Write an instant.

    Raises:
        ValueError: it is not aware: whose midnight would it be?
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    written = Timestamp()
    written.FromDatetime(moment.astimezone(UTC))
    return written


def day_from(text: str) -> date | None:
    """Read a day of the calendar; None for ""."""
    return date.fromisoformat(text) if text else None


def day_to(day: date | None) -> str:
    """Write a day of the calendar; "" for None."""
    return "" if day is None else day.isoformat()
