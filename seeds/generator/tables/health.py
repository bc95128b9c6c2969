"""The health commission: a health code for everybody, and the places that confirmed cases visited."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seeds.generator.canaries import Canary
from seeds.generator.categories import COLOURS, DIAGNOSES, HOSPITALS, PLACES
from seeds.generator.columns import day_column, join, pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import DAYTIME, TODAY_NUMBER, at_hours, draw, recent_days, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_ROUTINE = ("健康打卡正常", "核酸检测阴性", "已完成疫苗接种", "外省返杭已满十四日")
_RED_DAYS = 21
_VISITS = (20, 27, 22, 15, 10, 6)
_CONSENT = 0.7


def health_codes(people: People, town: Town) -> pa.Table:
    """The `health_codes` rows: red for recent cases, yellow or red for some who met one, else green."""
    rng = town.chance("health_codes", people.chunk)
    count = len(people)
    ill = people.diagnosed >= TODAY_NUMBER - _RED_DAYS
    colour = np.where(ill, 2, draw(rng, (970, 26, 4), count))
    place = pick(PLACES, draw(rng, zipf_weights(len(PLACES)), count))
    routine = pick(_ROUTINE, draw(rng, (80, 12, 6, 2), count))
    met = join("与确诊病例在", place, "同时段停留，居家健康监测")
    close = join("密切接触者：", place, "，集中隔离")
    reason = pc.choose(pa.array(colour + ill), routine, met, close, pick(("本人为确诊病例",), colour * 0))
    columns: list[Any] = [
        people.resident_id,
        pick(COLOURS, colour),
        day_column(recent_days(rng, count, 14)),
        reason,
        pick(town.regions.communities, people.home),
    ]
    return table_of("health_codes", columns)


def health_cases(people: People, town: Town) -> pa.Table:
    """The `health_cases` rows: one to six visits for each case, in the two weeks before the diagnosis.

    The community is the one the place lies in.
    """
    rng = town.chance("health_cases", people.chunk)
    cases = np.flatnonzero(people.diagnosed >= 0)
    visits = 1 + draw(rng, _VISITS, len(cases))
    case = np.repeat(np.arange(len(cases)), visits)
    person = cases[case]
    diagnosed = people.diagnosed[person]
    diagnosis = draw(rng, zipf_weights(len(DIAGNOSES)), len(cases))[case]
    hospital = draw(rng, zipf_weights(len(HOSPITALS), 0.8), len(cases))[case]
    consented = (rng.random(len(cases)) < _CONSENT)[case]
    place = draw(rng, zipf_weights(len(PLACES)), len(case))
    visited = at_hours(rng, diagnosed - rng.integers(1, 15, len(case)), DAYTIME)
    columns: list[Any] = [
        serials("HC", people.chunk, case),
        people.resident_id.take(person),
        pick(DIAGNOSES, diagnosis),
        day_column(diagnosed),
        pick(HOSPITALS, hospital),
        pick(PLACES, place),
        pa.array(visited),
        pick(town.regions.communities, town.place_community[place]),
        pa.array(consented),
    ]
    return table_of("health_cases", columns)


def canary_health_codes(canary: Canary) -> list[dict[str, object]]:
    """The canary's health code, with a reason that names them."""
    return [
        {
            "resident_id": canary.resident_id,
            "colour": COLOURS[canary.number % len(COLOURS)],
            "assessed_on": date(2026, 10, 30),
            "reason": canary.reason,
            "community": canary.community,
        }
    ]


def canary_health_cases(canary: Canary) -> list[dict[str, object]]:
    """The canary's case: two visits."""
    return [
        {
            "case_id": canary_serial("HC", canary.number, 0),
            "resident_id": canary.resident_id,
            "diagnosis": canary.diagnosis,
            "diagnosed_on": date(2026, 10, 20),
            "hospital": HOSPITALS[0],
            "place": PLACES[visit],
            "visited_at": datetime(2026, 10, 17 + visit, 8 + canary.number, 30),
            "community": canary.community,
            "consented": canary.consented,
        }
        for visit in (0, 1)
    ]
