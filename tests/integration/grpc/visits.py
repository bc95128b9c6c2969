"""Visits of a fair, made for tests of releases: the rows, their contract, and what bounding makes of them.

Everything that a release answers is here in plain Python too: which cell a row lies in, and what each visitor may
contribute to it.
"""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
Key = Callable[[Row], Any]

GATES = ("south", "north", "east", "roof")
"""As the contract declares them. Nobody comes by the roof."""

STREETS = ("hangzhou/xihu/beishan", "hangzhou/xihu/lingyin", "hangzhou/xihu/xixi")
FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
MAX_GROUPS, MAX_ROWS = 5, 2
AMOUNT, RATING = (0, 1000), (-500, 500)
"""Bounds, in the fixed point: ratings have two decimals."""

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: fair_visits
name: Visits of a fair
version: 1.0.0
status: active
team:
  members:
    - {role: owner, username: data-bureau}
    - {role: steward, username: fair@tests.example, name: The tests}
servers:
  - {server: hub, type: local, path: fair_visits.parquet, format: parquet}
schema:
  - name: fair_visits
    properties:
      - {name: visitor, logicalType: string, classification: direct-identifier, required: true}
      - {name: gate, logicalType: string, classification: quasi-identifier}
      - {name: badge, logicalType: string, classification: quasi-identifier}
      - {name: community, logicalType: string, classification: quasi-identifier}
      - {name: next_stop, logicalType: string, classification: quasi-identifier}
      - {name: came_at, logicalType: timestamp, classification: sensitive}
      - {name: booked_on, logicalType: date, classification: sensitive}
      - {name: amount, logicalType: integer, classification: sensitive}
      - {name: rating, logicalType: number, classification: sensitive}
      - {name: age, logicalType: integer, classification: sensitive}
      - {name: takings, logicalType: integer, classification: sensitive}

customProperties:
  - property: purposeGateway
    value:
      name_zh: 展会访问记录
      collected_for: [academic-research]
      privacy_unit: {kind: visitor, field: visitor}
      region_field: community
      fields:
        gate: {keys: [south, north, east, roof]}
        next_stop: {regions: true}
        amount: {bounds: [0, 1000]}
        rating: {bounds: [-5, 5], decimals: 2}
        age: {bounds: [0, 120]}
        takings: {bounds: [0, 1000000000]}
      disclosures:
        visits:
          kind: release
          description: Visits, amounts and ratings, cut in every way.
          filters: [gate]
          statistics:
            {group_by: [gate, community, next_stop, came_at, booked_on, amount, rating], values: [amount, rating],
             max_groups: 5, max_rows: 2, max_epsilon: 10.0, slot_ms: 50, found_keys: [badge, booked_on],
             delta: 1.0e-9, joined_rows: 4}
        once:
          kind: release
          description: Each visitor in one cell, once.
          statistics:
            {group_by: [came_at, gate], values: [amount], max_groups: 1, max_rows: 1, max_epsilon: 1.0, slot_ms: 50}
        takings:
          kind: release
          description: Takings, within bounds so wide that small prices are too small for them.
          statistics:
            {group_by: [gate], values: [takings], max_groups: 5, max_rows: 2, max_epsilon: 10.0, slot_ms: 50}
"""


GUESTS = """
apiVersion: v3.1.0
kind: DataContract
id: fair_guests
name: Guests of a fair
version: 1.0.0
status: active
team:
  members:
    - {role: owner, username: data-bureau}
    - {role: steward, username: fair@tests.example, name: The tests}
servers:
  - {server: hub, type: local, path: fair_guests.parquet, format: parquet}
schema:
  - name: fair_guests
    properties:
      - {name: guest, logicalType: string, classification: direct-identifier, required: true}
      - {name: trade, logicalType: string, classification: quasi-identifier}
      - {name: home, logicalType: string, classification: quasi-identifier}
      - {name: age, logicalType: integer, classification: sensitive}
      - {name: mailing, logicalType: boolean, classification: other}
      - {name: takings, logicalType: integer, classification: sensitive}

customProperties:
  - property: purposeGateway
    value:
      name_zh: 展会来宾
      collected_for: [academic-research]
      privacy_unit: {kind: visitor, field: guest}
      region_field: home
      attribution:
        publisher: The fair
        licence: CC-BY-4.0
        citation: "The fair: guests. Tests, 2026."
        identifier: 10.1234/guests
      fields:
        trade: {keys: [buyer, seller, press]}
        age: {bounds: [0, 99]}
        takings: {bounds: [0, 1000000000]}
      disclosures:
        guests:
          kind: release
          description: Who the guests are.
          filters: [trade]
          consent: mailing
          statistics:
            {group_by: [trade, home, age], values: [age], max_groups: 1, max_rows: 1, max_epsilon: 2.0, slot_ms: 80,
             joined_rows: 1}
        stays:
          kind: release
          description: Guests who may be there several times.
          statistics: {group_by: [trade], max_groups: 1, max_rows: 3, max_epsilon: 2.0, slot_ms: 50, joined_rows: 3}
        apart:
          kind: release
          description: Guests that nothing is joined with.
          statistics: {group_by: [trade], max_groups: 1, max_rows: 1, max_epsilon: 2.0, slot_ms: 50}
        secret:
          kind: release
          description: Guests that nobody was granted.
          statistics: {group_by: [trade], max_groups: 1, max_rows: 1, max_epsilon: 2.0, slot_ms: 50, joined_rows: 1}
"""
"""The guests, once each: what the visits are joined with."""


def write_fair(policies: Path, data: Path) -> list[Row]:
    """Add the fair to a policy folder and to a data folder, with room in the budgets of researchers."""
    (policies / "contracts" / "fair_visits.yaml").write_text(CONTRACT, "utf-8")
    (policies / "contracts" / "fair_guests.yaml").write_text(GUESTS, "utf-8")
    with (policies / "grants.csv").open("a", encoding="utf-8") as grants:
        for dataset, names in (("visits", ("visits", "once", "takings")), ("guests", ("guests", "stays", "apart"))):
            for name in names:
                grants.write(
                    f"p, g-fair-{name}, researchers, fair_{dataset}/{name}, release, hangzhou, academic-research, , "
                    "allow\n"
                )
    budgets = (policies / "budgets.yaml").read_text("utf-8")
    for old, new in (
        ("\n  vehicle: 12.0", "\n  vehicle: 12.0\n  visitor: 1000.0"),
        ("\n  zju-research: 9.0", "\n  zju-research: 1000.0"),
        ("persons:\n  default: 6.0", "persons:\n  default: 1000.0"),
    ):
        assert budgets.count(old) == 1
        budgets = budgets.replace(old, new)
    (policies / "budgets.yaml").write_text(budgets, "utf-8")
    rows = _rows()
    fields: list[pa.Field[Any]] = [
        pa.field("visitor", pa.string(), nullable=False),
        *(pa.field(name, pa.string()) for name in ("gate", "badge", "community", "next_stop")),
        pa.field("came_at", pa.timestamp("us")),
        pa.field("booked_on", pa.date32()),
        pa.field("amount", pa.int64()),
        pa.field("rating", pa.float64()),
        pa.field("age", pa.int64()),
        pa.field("takings", pa.int64()),
    ]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), data / "fair_visits.parquet")
    write_guests(GUESTS_OF_THE_FAIR, data)
    return rows


def write_guests(guests: Sequence[Row], data: Path) -> None:
    """Write the guests' table."""
    fields: list[pa.Field[Any]] = [
        pa.field("guest", pa.string(), nullable=False),
        pa.field("trade", pa.string()),
        pa.field("home", pa.string()),
        pa.field("age", pa.int64()),
        pa.field("mailing", pa.bool_()),
        pa.field("takings", pa.int64()),
    ]
    pq.write_table(pa.Table.from_pylist(list(guests), pa.schema(fields)), data / "fair_guests.parquet")


def copy_city(source: Path, target: Path) -> Path:
    """Copy the city's data, so that a table can lie beside it."""
    shutil.copytree(source, target)
    return target


def _rows() -> list[Row]:
    """Some visitors come five times, mostly by one gate, and pay much, the same each time; others once or twice."""
    rng = Random(20260101)
    rows: list[Row] = []
    for number in range(3000):
        steady = number % 3 == 0
        gate, street = rng.choice(GATES[:3]), rng.choice(STREETS)
        amount: int | None = rng.randint(600, 1000) if steady else rng.randint(-50, 500)
        rating: float | None = rng.randint(100, 520) / 100 if steady else rng.randint(-5200, 3000) / 1000
        if number % 11 == 0:
            amount = None
        if number % 13 == 0:
            rating = rng.choice([None, math.nan, math.inf])
        for _ in range(5 if steady else rng.randint(1, 2)):
            # by hours of February 2nd for many, so that an hour is not empty
            busy = rng.random() < 0.5
            day = date(2026, 2, 2) if busy else FIRST + timedelta(days=rng.randrange(90))
            moment = datetime(day.year, day.month, day.day, rng.randint(8, 19), rng.randrange(60), 59)
            rows.append(
                {
                    "visitor": f"visitor {number}",
                    "gate": rng.choice([gate, gate, gate, rng.choice(GATES[:3]), None]),
                    "badge": _badge(number),
                    "community": f"{street}/c0{rng.randint(1, 3)}"
                    if rng.random() < 0.9
                    else rng.choice(["hangzhou", None]),
                    "next_stop": None if rng.random() < 0.1 else f"{rng.choice(STREETS)}/c0{rng.randint(1, 3)}",
                    "came_at": None if rng.random() < 0.05 else moment,
                    "booked_on": None if rng.random() < 0.05 else day,
                    "amount": amount,
                    "rating": rating,
                    "age": rng.randint(1, 99),
                    "takings": 300_000 * number,
                }
            )
    return rows


def _guests() -> list[Row]:
    """Most visitors, and some who never came; some do not agree to be counted."""
    rng = Random(20260102)
    return [
        {
            "guest": f"visitor {number}",
            "trade": rng.choice(["buyer", "buyer", "seller", None]),
            "home": f"{rng.choice(STREETS)}/c0{rng.randint(1, 3)}",
            "age": rng.choice([None, rng.randint(18, 120)]),
            "mailing": rng.random() < 0.9,
            "takings": 1,
        }
        for number in range(500, 3500)
    ]


GUESTS_OF_THE_FAIR = _guests()


def _badge(number: int) -> str | None:
    """Badges that many wear, one that a few wear, and some that are one visitor's alone."""
    if number % 100 == 3:
        return f"own badge of visitor {number}"
    if number % 2 == 0:
        return ("staff", "press", "crew")[number % 3]
    return "band" if number in (5, 7, 11) else None


# --- cells ---------------------------------------------------------------------------------------------------------


def within(rows: Sequence[Row], region: str = "hangzhou") -> list[Row]:
    """The rows of a region. Those that name no region are in none."""
    return [row for row in rows if f"{row['community']}/".startswith(f"{region}/")]


def at_level(field: str, depth: int) -> Key:
    """The region of a level, of paths that reach down to it."""
    return lambda row: None if row[field] is None or row[field].count("/") < depth - 1 else _above(row[field], depth)


def _above(path: str, depth: int) -> str:
    return "/".join(path.split("/")[:depth])


def in_bins(field: str, bounds: tuple[int, int], decimals: int, width: int) -> Key:
    """The lower end of the bin, in the field's own units."""

    def key(row: Row) -> Any:
        value = fixed(row[field], bounds, decimals)
        if value is None:
            return None
        edge = bounds[0] + (value - bounds[0]) // width * width
        return edge / 10**decimals if decimals else edge

    return key


def hour(row: Row) -> Any:
    """The hour of a visit."""
    return None if row["came_at"] is None else row["came_at"].replace(minute=0, second=0)


def day_of(field: str) -> Key:
    """The day of a date or timestamp."""
    return lambda row: _day(row[field])


def starting(field: str, start: Callable[[date], date]) -> Key:
    """The first day of a longer period."""
    return lambda row: None if row[field] is None else start(_day(row[field]))


def _day(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def column(table: pa.Table, name: str) -> list[Any]:
    """The values of a column."""
    return list(table[name].to_pylist())


def contributions(rows: Sequence[Row], keys: Sequence[Key]) -> dict[tuple[Any, ...], dict[str, list[Row]]]:
    """Each cell's visitors, with their rows in it. Rows with a key that is NULL are in no cell."""
    cells: dict[tuple[Any, ...], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        cell = tuple(key(row) for key in keys)
        if None not in cell:
            cells[cell][row["visitor"]].append(row)
    return cells


# --- statistics of bounded contributions -----------------------------------------------------------------------------


def fixed(value: int | float | None, bounds: tuple[int, int], decimals: int) -> int | None:
    """A value in the fixed point, within its bounds. A NaN is none; halves are rounded away from zero."""
    if value is None or math.isnan(value):
        return None
    scaled = value * 10**decimals
    if not bounds[0] < scaled < bounds[1]:
        return bounds[0] if scaled <= bounds[0] else bounds[1]
    return int(math.copysign(math.floor(abs(scaled) + 0.5), scaled))


def truth(name: str, visitors: Mapping[str, Sequence[Row]]) -> float | None:
    """A statistic of one cell, by the name of its column; None where nothing is to be averaged."""
    if name == "count":
        return sum(min(len(rows), MAX_ROWS) for rows in visitors.values())
    if name == "count_units":
        return len(visitors)
    kind, _, rest = name.removesuffix(")").partition("(")
    field, _, rank = rest.partition("; ")
    bounds, decimals = (AMOUNT, 0) if field == "amount" else (RATING, 2)
    found = [[fixed(row[field], bounds, decimals) for row in rows] for rows in visitors.values()]
    values = [present for each in found if (present := [value for value in each if value is not None])]
    unit: int = 10**decimals
    if kind == "sum":
        least, most = min(0, MAX_ROWS * bounds[0]), max(0, MAX_ROWS * bounds[1])
        return sum(min(max(sum(own), least), most) for own in values) / unit
    if not values:
        return None
    # of a visitor with more rows than count, so many with the same mean
    weights = [Fraction(min(len(own), MAX_ROWS), len(own)) for own in values]
    pairs = [(value, weight) for own, weight in zip(values, weights, strict=True) for value in own]
    total = sum(weight for _, weight in pairs)
    if kind == "quantile":
        return _quantile(pairs, Fraction(rank) * total) / unit
    mean = sum(value * weight for value, weight in pairs) / total
    if kind == "mean":
        return float(mean / unit)
    return float(sum((value - mean) ** 2 * weight for value, weight in pairs) / total / unit**2)


def _quantile(pairs: Sequence[tuple[int, Fraction]], wanted: Fraction) -> int:
    reached = Fraction(0)
    for value, weight in sorted(pairs):
        reached += weight
        if reached >= wanted:
            return value
    return max(pairs)[0]
