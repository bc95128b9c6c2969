"""The civil affairs bureau: what volunteers of a street (武林大妈) do for whom."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import TASKS
from seeds.generator.columns import day_column, join, number_column, pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import TODAY, TODAY_NUMBER, draw, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

DAYS_AHEAD = 7
"""A task is due today or on one of the days after it, this many in all."""

_OLD_DAYS = 70 * 365
_PER_PERSON = 0.05
_OLD_WEIGHT = 12.0
_VOLUNTEERS = 30


def volunteer_tasks(people: People, town: Town) -> pa.Table:
    """The `volunteer_tasks` rows: open tasks, most of them for the old; the community is where they live.

    `volunteer` is the helper's badge: the community's number and the helper's own, of thirty, some of whom do most.
    """
    rng = town.chance("volunteer_tasks", people.chunk)
    count = int(len(people) * _PER_PERSON)
    old = people.birth_day <= TODAY_NUMBER - _OLD_DAYS
    person = draw(rng, np.where(old, _OLD_WEIGHT, 1.0), count)
    home = people.home[person]
    helper = home * 100 + draw(rng, zipf_weights(_VOLUNTEERS, 0.9), count)
    columns: list[Any] = [
        serials("VT", people.chunk, np.arange(count)),
        join("V", number_column(helper, 5)),
        people.resident_id.take(person),
        people.address.take(person),
        pick(TASKS, draw(rng, zipf_weights(len(TASKS), 0.7), count)),
        day_column(TODAY_NUMBER + draw(rng, zipf_weights(DAYS_AHEAD, 0.8), count)),
        pick(town.regions.communities, home),
    ]
    return table_of("volunteer_tasks", columns)


def canary_volunteer_tasks(canary: Canary) -> list[dict[str, object]]:
    """One task for the canary; the task itself says nothing of whom it is for."""
    return [
        {
            "task_id": canary_serial("VT", canary.number, 0),
            "volunteer": f"V9900{canary.number}",
            "resident_id": canary.resident_id,
            "address": canary.address,
            "task": TASKS[canary.number % len(TASKS)],
            "due_on": TODAY + timedelta(days=canary.number),
            "community": canary.community,
        }
    ]
