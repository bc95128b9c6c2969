"""How fresh, and how good, the data behind an answer are: what may be told with any answer, to whoever gets one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from gateway.model.calendar import CITY_OFFSET
from gateway.model.quality import QualityMarks

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a dataset is.

    `as_of` (naive UTC) is when its data changed last, rounded down; None where nothing tells. `promised_hours` is how
    far the data may lag behind, by the contract; None where nothing is promised. `stale` tells that they lag further,
    and is None where one of the two is. `quality` is how good what came in last month was, where that is told.
    """

    dataset: str
    as_of: datetime | None
    promised_hours: int | None
    stale: bool | None
    quality: QualityMarks | None = None


def freshness(
    dataset: str, changed_at: datetime | None, promised_hours: int | None, unit: timedelta, now: datetime
) -> Freshness:
    """Return what is told of data that changed at an instant: by the hour, or the city's day, and no finer.

    What is rounded counts as its end, so that nothing is called stale that may not be.
    """
    if changed_at is None:
        return Freshness(dataset, None, promised_hours, None)
    local = changed_at + CITY_OFFSET
    start = datetime.combine(local.date(), time())
    as_of = start + (local - start) // unit * unit - CITY_OFFSET
    stale = None if promised_hours is None else as_of + unit + timedelta(hours=promised_hours) < now
    return Freshness(dataset, as_of, promised_hours, stale)
