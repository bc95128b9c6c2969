"""How fresh, and how good, is what an answer is made of? Told with the answer, and the same whatever is in it."""

from __future__ import annotations

from dataclasses import replace

from gateway.model.contract import DisclosureKind
from gateway.model.freshness import DAY, HOUR, Freshness, freshness
from gateway.model.permit import Permit
from gateway.ports import BatchRegister, Clock, KeyRing, Source
from gateway.stages.fetch.quality import fetch_quality


def fetch_freshness(
    permit: Permit, source: Source, batches: BatchRegister, keys: KeyRing, clock: Clock
) -> tuple[Freshness, ...]:
    """Return it of each dataset that is read: by the hour for rows, by the day for statistics; quality by the month.

    It does not depend on what was asked for, or on whether anything was found.

    Raises:
        Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED; REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE.
    """
    unit = DAY if permit.scope.disclosure.kind is DisclosureKind.RELEASE else HOUR
    now = clock.now()
    contracts = [one.scope.contract for one in permit.each]
    return tuple(
        replace(
            freshness(one.dataset, source.changed_at(one), one.freshness_hours, unit, now),
            quality=fetch_quality(one, batches, keys, now),
        )
        for one in contracts
    )
