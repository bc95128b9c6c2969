"""The planning bureau: parcels of land on offer (读地云), with those who hold the rights to them."""

from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import LAND_USES
from seeds.generator.columns import pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import TODAY_NUMBER, draw, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_PER_PERSON = 0.02
_ADULT_DAYS = 18 * 365
_YUAN_PER_M2 = np.array([9_000, 14_000, 1_100, 2_500, 700.0])
_AREAS_M2 = (200, 120_000)


def parcels(people: People, town: Town) -> pa.Table:
    """The `parcels` rows: one for fifty people. A few adults hold several; the dearest communities are the fullest."""
    rng = town.chance("parcels", people.chunk)
    adults = np.flatnonzero(people.birth_day <= TODAY_NUMBER - _ADULT_DAYS)
    count = int(len(people) * _PER_PERSON) if len(adults) else 0
    owner = adults[draw(rng, zipf_weights(max(1, len(adults)), 0.6), count)]
    lies = draw(rng, zipf_weights(len(town.regions.communities), 0.5), count)
    use = draw(rng, zipf_weights(len(LAND_USES), 0.7), count)
    area = np.clip(rng.lognormal(8.3, 1.1, count), *_AREAS_M2).astype(np.int64)
    demand = town.community_weights[lies] / town.community_weights.mean()
    price = area * _YUAN_PER_M2[use] * np.sqrt(demand) * rng.lognormal(0.0, 0.25, count)
    columns: list[Any] = [
        serials("LP", people.chunk, np.arange(count)),
        people.resident_id.take(owner),
        people.name.take(owner),
        pick(LAND_USES, use),
        pa.array(area),
        pa.array((np.ceil(price / 10_000) * 10_000).astype(np.int64)),
        pick(town.regions.districts, town.regions.district_of[lies]),
        pick(town.regions.communities, lies),
    ]
    return table_of("parcels", columns)


def canary_parcels(canary: Canary) -> list[dict[str, object]]:
    """One parcel that the canary holds."""
    return [
        {
            "parcel_id": canary_serial("LP", canary.number, 0),
            "owner_id": canary.resident_id,
            "owner_name": canary.name,
            "land_use": LAND_USES[canary.number % len(LAND_USES)],
            "area_m2": 8_000 + canary.number,
            "base_price_yuan": 18_880_000,
            "district": "/".join(canary.community.split("/")[:2]),
            "community": canary.community,
        }
    ]
