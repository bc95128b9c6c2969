"""Makes the city: chunk by chunk, each table into its own Parquet file, one row group a chunk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seeds.generator.canaries import Canary, housed_in
from seeds.generator.columns import Ints
from seeds.generator.identity import Registrar
from seeds.generator.people import People, settle
from seeds.generator.regions import read_regions
from seeds.generator.schemas import SCHEMAS
from seeds.generator.tables import (
    care,
    enterprises,
    health,
    parcels,
    parking,
    police,
    recruiting,
    residents,
    roads,
    subsidies,
    transport,
    volunteers,
)
from seeds.generator.town import Town, found

CHUNK = 100_000
"""People made at a time. It is part of what a seed means: another value makes another city."""

FEWEST, MOST = 100, 50_000_000
"""How small and how large a city may be, in people."""

_Rows = Callable[[People, Town], pa.Table]
_CanaryRows = Callable[[Canary], list[dict[str, object]]]
_DEPARTMENTS: Mapping[str, tuple[_Rows, _CanaryRows]] = MappingProxyType(
    {
        "residents": (residents.residents, residents.canary_residents),
        "health_codes": (health.health_codes, health.canary_health_codes),
        "health_cases": (health.health_cases, health.canary_health_cases),
        "police_sightings": (police.police_sightings, police.canary_police_sightings),
        "transport_trips": (transport.transport_trips, transport.canary_transport_trips),
        "parking_stays": (parking.parking_stays, parking.canary_parking_stays),
        "subsidies": (subsidies.subsidies, subsidies.canary_subsidies),
        "parcels": (parcels.parcels, parcels.canary_parcels),
        "job_applicants": (recruiting.job_applicants, recruiting.canary_job_applicants),
        "road_passes": (roads.road_passes, roads.canary_road_passes),
        "ambulance_runs": (care.ambulance_runs, care.canary_ambulance_runs),
        "hospital_bills": (care.hospital_bills, care.canary_hospital_bills),
        "volunteer_tasks": (volunteers.volunteer_tasks, volunteers.canary_volunteer_tasks),
    }
)
# Columns of few distinct values, worth a dictionary; one of all-distinct ids only costs time.
_REPEATING = frozenset(
    {
        "sex", "community", "colour", "diagnosis", "hospital", "place", "line", "from_community",
        "to_community", "garage", "sector", "status", "district", "tier", "reason",
        "land_use", "skill", "home_province", "vehicle", "patient_condition", "insurance_class", "volunteer", "task",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class City:
    """What was made, and where it lies."""

    people: int
    seed: int
    tables: Mapping[str, Path]
    """The Parquet file of each table."""
    rows: Mapping[str, int]
    """The number of rows of each table."""
    canaries: tuple[Canary, ...]
    """The people planted in it, who must never be seen outside."""


def chunks(people: int) -> Iterator[range]:
    """The ordinals of the residents, `CHUNK` at a time."""
    for start in range(0, people, CHUNK):
        yield range(start, min(start + CHUNK, people))


def batches(people: int, seed: int, town: Town, canaries: tuple[Canary, ...]) -> Iterator[tuple[str, pa.Table]]:
    """The city's tables piece by piece: (table name, rows). Only one chunk of people exists at a time."""
    registrar = Registrar()
    employed = np.zeros(len(town.firms.sector), dtype=np.int64)
    for number, ordinals in enumerate(chunks(people)):
        guests = canaries if number == 0 else ()
        crowd = settle(town, registrar, number, ordinals.start, len(ordinals) - len(guests))
        np.add.at(employed, crowd.firm[crowd.firm >= 0], 1)
        for name, (rows, canary_rows) in _DEPARTMENTS.items():
            planted = [row for canary in guests for row in canary_rows(canary)]
            yield name, _plant(rows(crowd, town), planted)
    for number, firms in enumerate(chunks(len(employed))):
        numbers: Ints = np.arange(firms.start, firms.stop)
        planted = enterprises.canary_enterprises(canaries) if number == 0 else []
        rows_of_firms = enterprises.enterprises(town, number, numbers, employed[numbers])
        yield "enterprises", _plant(rows_of_firms, planted)


def generate(out: Path, *, people: int, seed: int = 7, regions: Path) -> City:
    """Write a city of so many `people` into the directory `out`, which is made if need be.

    The same arguments and library versions give the same bytes. Each file appears whole, under its name,
    once every table is finished; files of an earlier city there are replaced.

    Raises ValueError for a number of people outside `FEWEST`..`MOST`, a negative seed, or a regions file
    that holds no region tree.
    """
    if not FEWEST <= people <= MOST:
        raise ValueError(f"a city has from {FEWEST} to {MOST} people")
    if seed < 0:
        raise ValueError("a seed is not negative")
    tree = read_regions(regions)
    town = found(people, seed, tree)
    canaries = housed_in(tree.communities)
    out.mkdir(parents=True, exist_ok=True)
    paths = {name: out / f"{name}.parquet" for name in SCHEMAS}
    drafts = {name: out / f".{name}.parquet.partial" for name in SCHEMAS}
    counts = dict.fromkeys(SCHEMAS, 0)
    try:
        with ExitStack() as stack:
            writers = {name: stack.enter_context(_writer(drafts[name], name)) for name in SCHEMAS}
            for name, rows in batches(people, seed, town, canaries):
                if rows.num_rows:
                    writers[name].write_table(rows, row_group_size=rows.num_rows)
                    counts[name] += rows.num_rows
        for name, draft in drafts.items():
            draft.replace(paths[name])
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return City(people, seed, MappingProxyType(paths), MappingProxyType(counts), canaries)


def _writer(path: Path, table: str) -> pq.ParquetWriter:
    schema = SCHEMAS[table]
    # The stubs know the flag only, not the list of columns that pyarrow documents.
    repeating: Any = [name for name in schema.names if name in _REPEATING]
    return pq.ParquetWriter(path, schema, compression="snappy", use_dictionary=repeating)


def _plant(rows: pa.Table, planted: list[dict[str, object]]) -> pa.Table:
    """The rows with the planted ones spread evenly among them, where no limit or sample misses them all."""
    if not planted:
        return rows
    extra = pa.Table.from_pylist(planted, schema=rows.schema)
    spots = np.linspace(0, rows.num_rows, len(planted) + 2)[1:-1]
    order = np.argsort(np.concatenate([np.arange(rows.num_rows), spots]), kind="stable")
    return pa.concat_tables([rows, extra]).take(order).combine_chunks()
