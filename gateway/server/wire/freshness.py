"""How fresh, and how good, data are, from model to proto."""

from __future__ import annotations

from gateway.api.v1 import freshness_pb2
from gateway.model.freshness import Freshness
from gateway.model.quality import QualityMarks
from gateway.pipeline import Delivery
from gateway.server.wire.receipts import instant


def freshness_of(fresh: Freshness) -> freshness_pb2.DataFreshness:
    """Write how fresh a dataset is."""
    return freshness_pb2.DataFreshness(
        dataset=fresh.dataset,
        as_of=None if fresh.as_of is None else instant(fresh.as_of),
        promised_hours=fresh.promised_hours,
        stale=fresh.stale,
        quality=None if fresh.quality is None else _quality_of(fresh.quality),
    )


def _quality_of(told: QualityMarks) -> freshness_pb2.DataQuality:
    percent = {f"{one.value}_percent": at_least for one, at_least in told.at_least.items()}
    return freshness_pb2.DataQuality(month=told.month.isoformat(), **percent)


def freshness_with(delivery: Delivery) -> freshness_pb2.DataFreshness | None:
    """Write how fresh the one dataset is that rows are of."""
    return next(map(freshness_of, delivery.freshness), None)
