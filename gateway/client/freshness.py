"""How fresh, and how good, the data behind an answer are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gateway.api.v1 import freshness_pb2
from gateway.client.times import aware


@dataclass(frozen=True, slots=True)
class DataQuality:
    """Of a hundred rows that were sent for a dataset in a month (its first day), so many at least were in order."""

    month: date
    complete_percent: int
    valid_percent: int
    timely_percent: int
    unique_percent: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a dataset is: `as_of` (UTC) is when it changed last, rounded down to the hour, or beside statistics to
    the city's day. None where nothing tells, or nothing is promised. `quality` is how good what was sent last month
    was, where that is told.
    """

    dataset: str
    as_of: datetime | None
    promised_hours: int | None
    stale: bool | None
    quality: DataQuality | None = None


def freshness_from(told: freshness_pb2.DataFreshness) -> Freshness:
    """Read how fresh a dataset is."""
    return Freshness(
        dataset=told.dataset,
        as_of=aware(told.as_of) if told.HasField("as_of") else None,
        promised_hours=told.promised_hours if told.HasField("promised_hours") else None,
        stale=told.stale if told.HasField("stale") else None,
        quality=_quality(told.quality) if told.HasField("quality") else None,
    )


def _quality(told: freshness_pb2.DataQuality) -> DataQuality:
    return DataQuality(
        month=date.fromisoformat(told.month),
        complete_percent=told.complete_percent,
        valid_percent=told.valid_percent,
        timely_percent=told.timely_percent,
        unique_percent=told.unique_percent,
    )
