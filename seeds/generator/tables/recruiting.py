"""The job centre's online fair (云招聘): who looks for work, as what, for how much."""

from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import SKILLS
from seeds.generator.columns import pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import TODAY_NUMBER, draw, zipf_weights
from seeds.generator.town import Town

_WORKING = (18 * 365, 62 * 365)
_SEEKING = 0.2
_SEEKING_BESIDE_WORK = 0.03
_WAGE_YUAN = np.array([5_500, 9_500, 7_800, 6_200, 5_200, 6_800, 10_500, 14_500, 8_600, 9_200.0])


def job_applicants(people: People, town: Town) -> pa.Table:
    """The `job_applicants` rows, at most one a person: some of those out of work, a few of those in it.

    Whom they agreed to be shown to is not written here: the gateway keeps that in its own register.
    """
    rng = town.chance("job_applicants", people.chunk)
    age = TODAY_NUMBER - 1 - people.birth_day
    able = (age >= _WORKING[0]) & (age < _WORKING[1])
    share = np.where(people.firm < 0, _SEEKING, _SEEKING_BESIDE_WORK)
    person = np.flatnonzero(able & (rng.random(len(people)) < share))
    skill = draw(rng, zipf_weights(len(SKILLS), 0.7), len(person))
    wage = _WAGE_YUAN[skill] * rng.lognormal(0.05, 0.3, len(person))
    columns: list[Any] = [
        people.resident_id.take(person),
        people.name.take(person),
        people.phone.take(person),
        pick(SKILLS, skill),
        pa.array(np.clip(np.round(wage, -2), 2_300, 60_000).astype(np.int64)),
        pick(town.regions.communities, people.home[person]),
    ]
    return table_of("job_applicants", columns)


def canary_job_applicants(canary: Canary) -> list[dict[str, object]]:
    """The canary's application."""
    return [
        {
            "resident_id": canary.resident_id,
            "name": canary.name,
            "phone": canary.phone,
            "skill": SKILLS[canary.number % len(SKILLS)],
            "expected_wage_yuan": 8_800,
            "community": canary.community,
        }
    ]
