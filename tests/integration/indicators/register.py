"""A register of residents that a test writes itself, and the cockpits of a city, a district and a street."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.policy.snapshot import load
from seeds.generator.schemas import SCHEMAS

PURPOSE = "cockpit-indicators"
CITY, DISTRICT, STREET = "hangzhou", "hangzhou/xiacheng", "hangzhou/xiacheng/wulin"
COCKPITS = {"cockpit-hangzhou": CITY, "cockpit-xiacheng": DISTRICT, "cockpit-wulin": STREET}


def communities(policies: Path) -> list[str]:
    """The communities of the region tree, in order."""
    return [one.path for one in load(policies).regions.descendants(CITY) if one.level == "community"]


def write(folder: Path, people: Mapping[str, int]) -> None:
    """Register so many people in each community: the n-th of a community is always the same person."""
    rows = [
        {
            "resident_id": f"{330100_0000_0000_000 + place * 10_000 + number:017d}X",
            "name": "王伟",
            "sex": "FM"[number % 2],
            "birth_date": date(1980, 1, 1),
            "phone": "13800000000",
            "address": "x",
            "community": community,
            "firm_code": None,
        }
        for place, (community, count) in enumerate(sorted(people.items()))
        for number in range(count)
    ]
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMAS["residents"]), folder / "new")
    os.replace(folder / "new", folder / "residents.parquet")
