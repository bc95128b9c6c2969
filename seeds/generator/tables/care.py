"""The health commission's other tables: ambulances on their way, and bills of hospitals."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import CONDITIONS, HOSPITALS, INSURANCE_CLASSES, TREATED
from seeds.generator.columns import Ints, day_column, join, number_column, pick
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import DAYTIME, TODAY_NUMBER, Floats, at_hours, draw, recent_days, zipf_weights
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_RUNS_PER_PERSON = 0.01
_RUN_DAYS = 30
_VEHICLES_PER_CHUNK = 40
_BILLS_PER_PERSON = 0.2
_BILL_DAYS = 90
_ADULT_DAYS = 18 * 365
_YEAR_DAYS = 365
_EMPLOYEE, _RESIDENT, _CHILD, _SELF_PAID = range(len(INSURANCE_CLASSES))
_SELF_PAYING = 0.04


def ambulance_runs(people: People, town: Town) -> pa.Table:
    """The `ambulance_runs` rows of the last 30 days; the community is where the call came from.

    The old are fetched far more often than the young. `route` lists road segments from there to a hospital.
    """
    rng = town.chance("ambulance_runs", people.chunk)
    count = int(len(people) * _RUNS_PER_PERSON)
    patient = draw(rng, _frailty(people) ** 2, count)
    home = people.home[patient]
    vehicle = people.chunk * _VEHICLES_PER_CHUNK + rng.integers(0, _VEHICLES_PER_CHUNK, count)
    columns: list[Any] = [
        serials("AR", people.chunk, np.arange(count)),
        join("浙AD", number_column(vehicle + 1, 5)),
        _routes(rng, home, draw(rng, zipf_weights(len(HOSPITALS), 0.8), count)),
        pa.array(at_hours(rng, recent_days(rng, count, _RUN_DAYS), np.sqrt(DAYTIME + 8))),
        people.resident_id.take(patient),
        pick(CONDITIONS, draw(rng, zipf_weights(len(CONDITIONS), 0.6), count)),
        pick(town.regions.communities, home),
    ]
    return table_of("ambulance_runs", columns)


def hospital_bills(people: People, town: Town) -> pa.Table:
    """The `hospital_bills` rows of the last 90 days; the community is where the patient lives.

    A few patients have many bills. The class follows from age and employment; `amount_fen` is in fen (1/100 yuan).
    """
    rng = town.chance("hospital_bills", people.chunk)
    frailty = _frailty(people)
    rate = _BILLS_PER_PERSON * frailty / frailty.mean()
    bills = rng.poisson(rate * rng.gamma(1.0, 1.0, len(people)))
    patient = rng.permutation(np.repeat(np.arange(len(people)), bills))
    count = len(patient)
    young = people.birth_day[patient] > TODAY_NUMBER - _ADULT_DAYS
    insured = np.where(people.firm[patient] >= 0, _EMPLOYEE, np.where(young, _CHILD, _RESIDENT))
    amount = np.clip(rng.lognormal(10.2, 1.3, count), 600, 20_000_000).astype(np.int64)
    columns: list[Any] = [
        serials("HB", people.chunk, np.arange(count)),
        people.resident_id.take(patient),
        pick(HOSPITALS, draw(rng, zipf_weights(len(HOSPITALS), 0.8), count)),
        day_column(recent_days(rng, count, _BILL_DAYS)),
        pick(TREATED, draw(rng, zipf_weights(len(TREATED), 0.8), count)),
        pick(INSURANCE_CLASSES, np.where(rng.random(count) < _SELF_PAYING, _SELF_PAID, insured)),
        pa.array(amount),
        pick(town.regions.communities, people.home[patient]),
    ]
    return table_of("hospital_bills", columns)


def _frailty(people: People) -> Floats:
    """How much care each person needs, beside a grown-up of twenty."""
    years = (TODAY_NUMBER - people.birth_day) / _YEAR_DAYS
    frailty: Floats = 1.0 + (np.maximum(years - 20.0, 0.0) / 25.0) ** 2
    return frailty


def _routes(rng: np.random.Generator, home: Ints, hospital: Ints) -> pa.StringArray:
    """Five segments: two near the call, one on the way, two near the hospital."""
    near = [number_column(100 * home + rng.integers(0, 60, len(home)), 4, "S") for _ in range(2)]
    way = number_column(9_000 + rng.integers(0, 400, len(home)), 4, "S")
    last = [number_column(9_500 + 10 * hospital + step, 4, "S") for step in range(2)]
    return join(near[0], "-", near[1], "-", way, "-", last[0], "-", last[1])


def canary_ambulance_runs(canary: Canary) -> list[dict[str, object]]:
    """One run that fetched the canary."""
    return [
        {
            "run_id": canary_serial("AR", canary.number, 0),
            "vehicle": f"浙AD{canary.number:05d}",
            "route": f"S000{canary.number}-S9088-S9500-S9501",
            "dispatched_at": datetime(2026, 10, 30, 6 + canary.number, 8),
            "patient_id": canary.resident_id,
            "patient_condition": canary.diagnosis,
            "community": canary.community,
        }
    ]


def canary_hospital_bills(canary: Canary) -> list[dict[str, object]]:
    """The canary's bill, with the diagnosis on it."""
    return [
        {
            "bill_id": canary_serial("HB", canary.number, 0),
            "resident_id": canary.resident_id,
            "hospital": HOSPITALS[0],
            "billed_on": date(2026, 10, 20 + canary.number),
            "diagnosis": canary.diagnosis,
            "insurance_class": INSURANCE_CLASSES[_EMPLOYEE],
            "amount_fen": 188_800 + canary.number,
            "community": canary.community,
        }
    ]
