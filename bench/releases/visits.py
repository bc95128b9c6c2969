"""The table that statistics are made of: visits of people to places, one row a visit, of any size, made in pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.kernels import layouts
from gateway.kernels.text import from_matrix
from gateway.model.contract import CanonicalForm
from seeds.generator.skew import TODAY_NUMBER

FILE = "visits.parquet"
PLACES = tuple(f"place-{number:02d}" for number in range(100))
LARGEST = 1_000
"""Amounts lie from 0 to here; what lies above is clamped."""
BEYOND = 1_000_000
"""No amount is as large."""
MAX_PLACES = 3
MAX_VISITS = 10
"""One person counts at so many places, with so many visits at each."""
ROWS_PER_PERSON = 5

_PIECE = 1_000_000
_ROW_GROUP = 100_000
_AREA = 330_102
_SEQUENCES = 999
_BIRTHS = (TODAY_NUMBER - 1 - np.arange(36_000)).view("datetime64[D]")
_DATES = np.array([int(str(day).replace("-", "")) for day in _BIRTHS])
MOST_PERSONS = len(_DATES) * _SEQUENCES
_INVERSE_OF_GOLDEN_RATIO = 2_654_435_761  # of 2³², Knuth's multiplicative hashing


def persons_of(rows: int) -> int:
    """How many people so many visits are of."""
    return max(1, rows // ROWS_PER_PERSON)


def write_visits(folder: Path, rows: int, seed: int = 7) -> Path:
    """Write so many visits into a folder, a million at a time, and return the file.

    Half of them are of a tenth of the people. Everybody has a place to go to first, and a few others more seldom, so
    that some have more places, or more visits to one, than count; one amount in three thousand is beyond its bound.

    Raises:
        ValueError: for more people than there can be.
    """
    if persons_of(rows) > MOST_PERSONS:
        raise ValueError("there cannot be so many people")
    file = folder / FILE
    columns: dict[str, pa.DataType] = {"person": pa.string(), "place": pa.string(), "amount": pa.int64()}
    schema = pa.schema(columns)
    repeating: Any = ["place"]  # pyarrow takes a list, its stubs do not
    with pq.ParquetWriter(file, schema, use_dictionary=repeating) as writer:
        for number, first in enumerate(range(0, rows, _PIECE)):
            random = np.random.default_rng([seed, number])
            piece = _piece(random, min(_PIECE, rows - first), persons_of(rows), schema)
            writer.write_table(piece, row_group_size=_ROW_GROUP)
    return file


def _piece(random: np.random.Generator, rows: int, persons: int, schema: pa.Schema) -> pa.Table:
    often = random.random(rows) < 0.5
    who = np.where(often, random.integers(0, max(1, persons // 10), rows), random.integers(0, persons, rows))
    beyond = np.minimum(random.geometric(0.35, rows) - 1, len(PLACES) - 1)
    where = (who * _INVERSE_OF_GOLDEN_RATIO + beyond * 7) % len(PLACES)
    amounts = np.minimum(np.rint(np.exp(random.normal(3.5, 1.0, rows))), BEYOND - 1).astype(np.int64)
    return pa.table(
        [identifiers(who), pa.array(PLACES).take(pa.array(where)), pa.array(amounts)],
        schema=schema,
    )


def identifiers(numbers: npt.ArrayLike) -> pa.StringArray:
    """Resident ids of the people of these numbers, from 0 to below MOST_PERSONS; each number has another one."""
    days, sequences = np.divmod(np.asarray(numbers), _SEQUENCES)
    seventeen = _AREA * 10**11 + _DATES[days] * 10**3 + 1 + sequences
    return from_matrix(layouts.write(seventeen.astype(np.uint64), layouts.LAYOUTS[CanonicalForm.RESIDENT_ID][0]))
