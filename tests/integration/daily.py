"""A cockpit's series over payments that a test writes itself, and what they truly come to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from gateway.model.calendar import CITY_OFFSET
from seeds.generator.schemas import SCHEMAS
from tests.integration.site import utc_now

DISTRICTS = tuple(f"hangzhou/{name}" for name in ("xiacheng", "shangcheng", "gongshu", "xihu", "binjiang"))
PURPOSE, BUREAU = "public-statistics", "data-bureau"


def noon(day: date) -> datetime:
    """Noon of a day in the city, naive UTC: far from any midnight."""
    return datetime.combine(day, time(12)) - CITY_OFFSET


TODAY = (utc_now() + CITY_OFFSET).date() + timedelta(days=1)
"""The day on which tests put the clock: far enough from now, so that no midnight comes between."""

FIRST = TODAY - timedelta(days=10)
"""The first day of series: nine are over and their rows due, since payments are promised within a day."""


def day(number: int) -> date:
    """A day of the series."""
    return FIRST + timedelta(days=number - 1)


def ahead() -> timedelta:
    """What the clock must be put forward by to stand at noon of `TODAY`."""
    return noon(TODAY) - utc_now()


@dataclass(frozen=True)
class Payment:
    """One row: who was paid how much, on which day, where."""

    unit: int
    day: date | None
    amount: int
    district: int = 0


@dataclass
class Payments:
    """The file of payments, and the truth that a series is to come near to."""

    folder: Path
    rows: list[Payment] = field(default_factory=list)

    def write(self, rows: Iterable[Payment]) -> None:
        """Put these rows in place of those that are there."""
        self.rows = list(rows)
        written = [
            {
                "application_id": f"SB-{place}",
                "resident_id": f"{33010000000000000 + row.unit}X",
                "firm_code": "91330100MA00000001",
                "eligible": True,
                "tier": "A",
                "monthly_wage_yuan": 5_000,
                "amount_yuan": row.amount,
                "paid_on": row.day,
                "sector": "retail",
                "district": DISTRICTS[row.district],
                "community": f"{DISTRICTS[row.district]}/wulin/c01",
            }
            for place, row in enumerate(self.rows)
        ]
        self.folder.mkdir(exist_ok=True)
        new = self.folder / "new"
        pq.write_table(pa.Table.from_pylist(written, SCHEMAS["subsidies"]), new)
        os.replace(new, self.folder / "subsidies.parquet")


def units_of(rows: Sequence[Payment]) -> list[int]:
    """The units, in the order of their first rows."""
    return list(dict.fromkeys(row.unit for row in rows))


def true_days(
    rows: Sequence[Payment], days: int, days_per_unit: int, max_rows: int = 1
) -> dict[tuple[int, int], tuple[int, int]]:
    """What the days come to: of each unit its first days, by brute force. Every unit is paid in one district a day."""
    found: dict[tuple[int, int], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for unit in units_of(rows):
        own = [row for row in rows if row.unit == unit and row.day is not None and row.day >= FIRST]
        used = sorted({row.day for row in own if row.day is not None})[:days_per_unit]
        for paid in used:
            number = (paid - FIRST).days + 1
            if number > days:
                continue
            there = [row for row in own if row.day == paid]
            amount = min(sum(min(max(row.amount, 0), 20_000) for row in there), max_rows * 20_000)
            count, total = found[number, there[0].district]
            found[number, there[0].district] = (count + min(len(there), max_rows), total + amount)
    return found


def series(**changed: Any) -> dict[str, Any]:
    """A declaration of a series, as a contract has it."""
    whole: dict[str, Any] = {
        "description": "What was paid, for the cockpit.",
        "statistics": ["count", "sum(amount_yuan)"],
        "group_by": ["district"],
        "advances_by": "paid_on",
        "first_day": FIRST,
        "days": 12,
        "days_per_unit": 2,
        "rho": 2.0,
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not None}


class _Plain(yaml.SafeDumper):
    """Writes out what is there twice: a policy has no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def declare(policies: Path, declared: dict[str, dict[str, Any]], *, slot_ms: int = 20) -> None:
    """Write series into the contract of payments, in place of its own, with caps that bear them."""
    file = policies / "contracts" / "subsidies.yaml"
    contract = yaml.safe_load(file.read_text())
    (block,) = (one["value"] for one in contract["customProperties"])
    disclosure = block["disclosures"]["paid-by-day"]
    disclosure["series"] = declared
    disclosure["statistics"] |= {"max_epsilon": 10.0, "slot_ms": slot_ms}
    file.write_text(yaml.dump(contract, Dumper=_Plain, allow_unicode=True, sort_keys=False))
    budgets = policies / "budgets.yaml"
    caps = yaml.safe_load(budgets.read_text())
    caps["lifetime"]["resident"] = caps["datasets"]["subsidies"] = caps["recipients"][BUREAU] = 100.0
    caps["persons"]["default"] = 100.0
    budgets.write_text(yaml.dump(caps, Dumper=_Plain, sort_keys=False))
