"""The parking office: stays in public garages. It knows plates, not people."""

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import GARAGES
from seeds.generator.columns import Ints, pick
from seeds.generator.people import People
from seeds.generator.plates import plates
from seeds.generator.schemas import table_of
from seeds.generator.skew import DAYTIME, TODAY_NUMBER, at_hours, draw, recent_days, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_VEHICLES_PER_PERSON = 0.25
_STAYS_PER_VEHICLE = 1.2
_DAYS = 14
_SECOND = 1_000_000
_HALF_HOUR = 1_800 * _SECOND
_FEN_PER_HALF_HOUR = 250
_DAY_CAP_FEN = 6_000


def vehicles_of(people: People) -> Ints:
    """The numbers of the vehicles that belong to such a chunk of people: see `plates`."""
    first = int(people.first * _VEHICLES_PER_PERSON)
    return np.arange(first, first + int(len(people) * _VEHICLES_PER_PERSON))


def parking_stays(people: People, town: Town) -> pa.Table:
    """The `parking_stays` rows of about as many vehicles as belong to such a chunk of people.

    `fee_fen` is in fen (1/100 yuan), counted so far for a vehicle still inside, whose `left_at` is NULL.
    """
    rng = town.chance("parking_stays", people.chunk)
    vehicles = vehicles_of(people)
    stays = rng.poisson(_STAYS_PER_VEHICLE * rng.gamma(1.0, 1.0, len(vehicles)))
    vehicle = rng.permutation(np.repeat(vehicles, stays))
    count = len(vehicle)
    garage = draw(rng, zipf_weights(len(GARAGES)), count)
    entered = at_hours(rng, recent_days(rng, count, _DAYS), DAYTIME)
    minutes = np.clip(rng.lognormal(4.6, 0.9, count), 5, 4_320)
    stay = (minutes * 60).astype(np.int64) * _SECOND
    now = np.int64(TODAY_NUMBER) * 86_400 * _SECOND
    left = entered.view(np.int64) + stay
    inside = left >= now
    billed = np.minimum(left, now) - entered.view(np.int64)
    days, rest = np.divmod(billed, 86_400 * _SECOND)
    fee = np.minimum(-(-rest // _HALF_HOUR) * _FEN_PER_HALF_HOUR, _DAY_CAP_FEN) + days * _DAY_CAP_FEN
    columns: list[Any] = [
        serials("PK", people.chunk, np.arange(count)),
        plates(vehicle, town.seed),
        pick(GARAGES, garage),
        pa.array(entered),
        pa.array(left.view("datetime64[us]"), mask=inside),
        pa.array(fee),
        pick(town.regions.communities, town.garage_community[garage]),
    ]
    return table_of("parking_stays", columns)


def canary_parking_stays(canary: Canary) -> list[dict[str, object]]:
    """One finished stay of the canary's car, and one that goes on."""
    return [
        {
            "stay_id": canary_serial("PK", canary.number, row),
            "plate": canary.plate,
            "garage": GARAGES[row],
            "entered_at": datetime(2026, 10, 30 + row, 20, canary.number),
            "left_at": None if row else datetime(2026, 10, 30, 22, canary.number),
            "fee_fen": 1_000 + 1_000 * row,
            "community": canary.community,
        }
        for row in (0, 1)
    ]
