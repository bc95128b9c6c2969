"""How fresh is what an answer is made of? Told with the answer, and the same whatever is in it."""

from __future__ import annotations

from gateway.model.contract import DisclosureKind
from gateway.model.freshness import DAY, HOUR, Freshness, freshness
from gateway.model.permit import Permit
from gateway.ports import Clock, Source


def fetch_freshness(permit: Permit, source: Source, clock: Clock) -> tuple[Freshness, ...]:
    """Return it of each dataset that is read: by the hour for rows, by the day for statistics.

    It does not depend on what was asked for, or on whether anything was found.

    Raises:
        Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
    """
    unit = DAY if permit.scope.disclosure.kind is DisclosureKind.RELEASE else HOUR
    now = clock.now()
    contracts = [one.scope.contract for one in permit.each]
    return tuple(freshness(one.dataset, source.changed_at(one), one.freshness_hours, unit, now) for one in contracts)
