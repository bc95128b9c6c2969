"""The traffic police: vehicles from elsewhere that may use the passes of 非浙A急事通."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seeds.generator.canaries import Canary
from seeds.generator.categories import PROVINCES
from seeds.generator.columns import day_column
from seeds.generator.people import People
from seeds.generator.plates import OFFICES, plates
from seeds.generator.schemas import table_of
from seeds.generator.skew import TODAY_NUMBER
from seeds.generator.tables.parking import vehicles_of
from seeds.generator.town import Town

_REGISTERED = 0.6
_SINCE_DAYS = 900


def road_passes(people: People, town: Town) -> pa.Table:
    """The `road_passes` rows: most of the vehicles that park here and whose plate is not of Hangzhou's office.

    `home_province` is that of the plate's office. The table knows no trips and no region.
    """
    rng = town.chance("road_passes", people.chunk)
    all_plates = plates(vehicles_of(people), town.seed)
    local = pc.starts_with(all_plates, OFFICES[0]).to_numpy(zero_copy_only=False)
    chosen = np.flatnonzero(~local & (rng.random(len(local)) < _REGISTERED))
    plate = all_plates.take(chosen)
    # most came when the service began, and fewer each month since
    since = np.minimum(rng.exponential(_SINCE_DAYS / 4, len(chosen)), _SINCE_DAYS - 1).astype(np.int64)
    signs, names = pa.array(list(PROVINCES)), pa.array(list(PROVINCES.values()))
    columns: list[Any] = [
        plate,
        names.take(pc.index_in(pc.utf8_slice_codeunits(plate, 0, 1), value_set=signs)),
        day_column(TODAY_NUMBER - _SINCE_DAYS + since),
    ]
    return table_of("road_passes", columns)


def canary_road_passes(canary: Canary) -> list[dict[str, object]]:
    """The canary's car, whose plate is of an office that is nobody's."""
    return [{"plate": canary.plate, "home_province": PROVINCES[canary.plate[0]], "registered_on": date(2025, 8, 8)}]
