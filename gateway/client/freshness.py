"""How fresh the data behind an answer are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.api.v1 import freshness_pb2
from gateway.client.times import aware


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh a dataset is: `as_of` (UTC) is when it changed last, rounded down to the hour, or beside statistics to
    the city's day. None where nothing tells, or nothing is promised.
    """

    dataset: str
    as_of: datetime | None
    promised_hours: int | None
    stale: bool | None


def freshness_from(told: freshness_pb2.DataFreshness) -> Freshness:
    """Read how fresh a dataset is."""
    return Freshness(
        dataset=told.dataset,
        as_of=aware(told.as_of) if told.HasField("as_of") else None,
        promised_hours=told.promised_hours if told.HasField("promised_hours") else None,
        stale=told.stale if told.HasField("stale") else None,
    )
