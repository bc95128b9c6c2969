"""The police: who was seen where."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import PLACES
from seeds.generator.columns import pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import DAYTIME, at_hours, draw, recent_days, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_PER_PERSON = 0.5
_DAYS = 90


def police_sightings(people: People, town: Town) -> pa.Table:
    """The `police_sightings` rows; the community is the place's. A few people are seen very often."""
    rng = town.chance("police_sightings", people.chunk)
    seen = rng.poisson(_PER_PERSON * rng.gamma(0.5, 2.0, len(people)))
    person = rng.permutation(np.repeat(np.arange(len(people)), seen))
    place = draw(rng, zipf_weights(len(PLACES)), len(person))
    columns: list[Any] = [
        serials("PS", people.chunk, np.arange(len(person))),
        people.resident_id.take(person),
        pick(PLACES, place),
        pa.array(at_hours(rng, recent_days(rng, len(person), _DAYS), DAYTIME)),
        pick(town.regions.communities, town.place_community[place]),
    ]
    return table_of("police_sightings", columns)


def canary_police_sightings(canary: Canary) -> list[dict[str, object]]:
    """Two sightings of the canary, in the canary's own community."""
    return [
        {
            "sighting_id": canary_serial("PS", canary.number, row),
            "resident_id": canary.resident_id,
            "place": PLACES[row],
            "seen_at": datetime(2026, 10, 17 + row, 8 + canary.number, 45),
            "community": canary.community,
        }
        for row in (0, 1)
    ]
