"""The human resources bureau: wage subsidies applied for by employees of the city's firms."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from seeds.generator.canaries import Canary
from seeds.generator.categories import FIRM_STATUSES, SECTORS, TIERS
from seeds.generator.columns import day_column, pick
from seeds.generator.firm_code import firm_codes
from seeds.generator.people import People
from seeds.generator.schemas import table_of
from seeds.generator.skew import recent_days
from seeds.generator.tables.serials import canary_serial, serials
from seeds.generator.town import Town

_APPLY = 0.12
_AGAIN = 0.08
_PAID = 0.85
_DAYS = 240
_CEILING_YUAN = 20_000
_WAGE_YUAN = np.array([5200, 6800, 13500, 6500, 4800, 6200, 15000, 8200, 9000, 8000, 6000, 4500.0])
_TIER_LIMITS_YUAN = np.array([5_500, 9_000])  # tier A below the first, B below the second, else C
_WAGE_LIMIT_YUAN = 15_000
_TIER_YUAN = np.array([2_000, 1_200, 700.0])


def subsidies(people: People, town: Town) -> pa.Table:
    """The `subsidies` rows; some people apply twice. Sector, district and community are the firm's.

    `amount_yuan` is 0 to 20,000, and 0 for whoever is not eligible; `paid_on` is NULL until it is paid.
    """
    rng = town.chance("subsidies", people.chunk)
    once = np.flatnonzero((people.firm >= 0) & (rng.random(len(people)) < _APPLY))
    person = rng.permutation(np.concatenate([once, once[rng.random(len(once)) < _AGAIN]]))
    count = len(person)
    firm = people.firm[person]
    sector, home = town.firms.sector[firm], town.firms.community[firm]
    wage = (np.clip(_WAGE_YUAN[sector] * rng.lognormal(0.0, 0.45, count), 2_280, 200_000)).astype(np.int64)
    closed = town.firms.status[firm] == FIRM_STATUSES.index("closed")
    eligible = ~closed & (wage < _WAGE_LIMIT_YUAN) & (rng.random(count) < 0.95)
    tier = np.where(eligible, np.searchsorted(_TIER_LIMITS_YUAN, wage, side="right"), TIERS.index("none"))
    full = _TIER_YUAN[tier.clip(max=2)] * rng.lognormal(0.0, 0.7, count)
    amount = np.where(eligible, np.clip(np.round(full, -2), 100, _CEILING_YUAN), 0).astype(np.int64)
    unpaid = ~eligible | (rng.random(count) >= _PAID)
    columns: list[Any] = [
        serials("SB", people.chunk, np.arange(count)),
        people.resident_id.take(person),
        firm_codes(firm, town.seed),
        pa.array(eligible),
        pick(TIERS, tier),
        pa.array(wage),
        pa.array(amount),
        day_column(recent_days(rng, count, _DAYS), unpaid),
        pick(SECTORS, sector),
        pick(town.regions.districts, town.regions.district_of[home]),
        pick(town.regions.communities, home),
    ]
    return table_of("subsidies", columns)


def canary_subsidies(canary: Canary) -> list[dict[str, object]]:
    """The canary's application; the canaries' firm pays in each canary's own community."""
    return [
        {
            "application_id": canary_serial("SB", canary.number, 0),
            "resident_id": canary.resident_id,
            "firm_code": canary.firm_code,
            "eligible": canary.number != 1,
            "tier": "none" if canary.number == 1 else TIERS[canary.number % 3],
            "monthly_wage_yuan": 8_800 + canary.number,
            "amount_yuan": 0 if canary.number == 1 else 1_888,
            "paid_on": None if canary.number == 1 else date(2026, 8, 8),
            "sector": "information",
            "district": "/".join(canary.community.split("/")[:2]),
            "community": canary.community,
        }
    ]
