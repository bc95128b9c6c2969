"""The table that benchmarks read: a register of synthetic people, of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seeds.generator import SCHEMAS
from seeds.generator.city import chunks
from seeds.generator.identity import Registrar
from seeds.generator.people import settle
from seeds.generator.regions import read_regions
from seeds.generator.tables.residents import residents
from seeds.generator.town import found

FILE = "register.parquet"
COLUMNS = ("resident_id", "phone", "sex", "birth_date", "community")
"""What the benchmarks' disclosures read."""


def write_register(folder: Path, rows: int, regions: Path, seed: int = 7) -> pa.Table:
    """Write the register into a folder, one row group for each 100,000 people, and return its first chunk.

    It is the `residents` table of the seeded city without the rest of the city.
    """
    town = found(rows, seed, read_regions(regions))
    registrar = Registrar()
    first: pa.Table | None = None
    repeating: Any = ["sex", "community"]  # pyarrow takes a list, its stubs do not
    with pq.ParquetWriter(folder / FILE, SCHEMAS["residents"], use_dictionary=repeating) as writer:
        for number, ordinals in enumerate(chunks(rows)):
            table = residents(settle(town, registrar, number, ordinals.start, len(ordinals)), town)
            writer.write_table(table, row_group_size=table.num_rows)
            first = first or table
    if first is None:
        raise ValueError("a register has at least one row")
    return first
