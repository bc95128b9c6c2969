"""The transport bureau: trips by metro, bus and water bus."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import LINES
from seeds.generator.columns import pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import RUSH_HOURS, at_hours, draw, recent_days, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_PER_PERSON = 1.0
_DAYS = 30
_COMMUTING = 0.6


def transport_trips(people: People, town: Town) -> pa.Table:
    """The `transport_trips` rows: commutes between home and work, and errands to busy communities.

    The community is the one the trip starts in.
    """
    rng = town.chance("transport_trips", people.chunk)
    trips = rng.poisson(_PER_PERSON * rng.gamma(1.0, 1.0, len(people)))
    person = rng.permutation(np.repeat(np.arange(len(people)), trips))
    count = len(person)
    home, firm = people.home[person], people.firm[person]
    errand = draw(rng, town.community_weights, count)
    commutes = (firm >= 0) & (rng.random(count) < _COMMUTING)
    away = np.where(commutes, town.firms.community[firm.clip(min=0)], errand)
    outward = rng.random(count) < 0.5
    start, end = np.where(outward, home, away), np.where(outward, away, home)
    line = (draw(rng, zipf_weights(len(LINES)), count) + start % 3) % len(LINES)
    origin = pick(town.regions.communities, start)
    columns: list[Any] = [
        serials("TT", people.chunk, np.arange(count)),
        people.resident_id.take(person),
        pick(LINES, line),
        pa.array(at_hours(rng, recent_days(rng, count, _DAYS), RUSH_HOURS)),
        origin,
        pick(town.regions.communities, end),
        origin,
    ]
    return table_of("transport_trips", columns)


def canary_transport_trips(canary: Canary) -> list[dict[str, object]]:
    """The canary leaves home in the morning and comes back in the evening, within one community."""
    return [
        {
            "trip_id": canary_serial("TT", canary.number, row),
            "resident_id": canary.resident_id,
            "line": LINES[0],
            "boarded_at": datetime(2026, 10, 29, 8 + 10 * row, canary.number),
            "from_community": canary.community,
            "to_community": canary.community,
            "community": canary.community,
        }
        for row in (0, 1)
    ]
