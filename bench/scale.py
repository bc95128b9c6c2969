"""`scale`: what a row costs from ten thousand rows on, and the memory held, in batches of the pipeline's own size."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bench.anonymity import QUASI_IDENTIFIERS, K, Town
from bench.benchmark import Benchmark, Say
from bench.kernels import BATCH_ROWS, load, peak_bytes
from bench.measure import Json, interleave, significant, spread
from bench.pseudonyms import People, record
from gateway.kernels import layouts
from gateway.kernels.anonymity.census import Census, Demand
from gateway.kernels.text import from_matrix
from gateway.model.contract import CanonicalForm
from seeds.generator.identity import AREAS, OLDEST_DAYS
from seeds.generator.skew import TODAY_NUMBER

SMALLEST = 10_000
"""Rows of the smallest table."""

_LEAST_ROWS = 1_000_000  # a smaller table is gone through again and again, so that the clock sees it

_AREAS = np.array([int(area) for area in AREAS])
_BIRTHS = TODAY_NUMBER - 1 - np.arange(OLDEST_DAYS)
_DATES = np.array([int(str(day).replace("-", "")) for day in _BIRTHS.view("datetime64[D]")])
_SEQUENCES = 999
MOST = len(_AREAS) * OLDEST_DAYS * _SEQUENCES
"""How many people there can be: one for each area, day of birth and sequence number."""
_STRIDE = 1_000_000_007  # a prime that MOST has no part in: every person up to MOST is another


def crowd(first: int, rows: int) -> People:
    """Make so many people from the `first` on; nobody has two numbers, and no two have one."""
    numbers = np.arange(first, first + rows)
    slots, sequences = np.divmod(numbers * _STRIDE % MOST, _SEQUENCES)
    areas, days = np.divmod(slots, OLDEST_DAYS)
    seventeen = _AREAS[areas] * 10**11 + _DATES[days] * 10**3 + 1 + sequences
    phones = _written(13_000_000_000 + numbers, CanonicalForm.PHONE)
    return People(
        ids=_written(seventeen, CanonicalForm.RESIDENT_ID),
        phones=phones,
        births=pa.array(_BIRTHS[days].astype(np.int32)).cast(pa.date32()),
        eastings=pa.array(118.0 + slots * (5.0 / MOST * _SEQUENCES)),
        amounts=pa.array(slots % 100_000),
        texts=phones,
    )


def _written(numbers: npt.NDArray[np.int64], form: CanonicalForm) -> pa.StringArray:
    return from_matrix(layouts.write(numbers.astype(np.uint64), layouts.LAYOUTS[form][0]))


class Watch:
    """Adds up this process' seconds of processor time while it is entered."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.seconds -= time.process_time()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.process_time()


def records(rows: int) -> float:
    """Treat so many records, and return the seconds of it; making the people is not counted."""
    watch = Watch()
    for first in range(0, rows, BATCH_ROWS):
        those = crowd(first, min(BATCH_ROWS, rows - first))
        with watch:
            record(those)
    return watch.seconds


def census(town: Town, rows: int) -> float:
    """Count so many rows and find which may leave, and return the seconds of it; making the people is not counted."""
    watch = Watch()
    with watch:
        counted = Census(Demand(QUASI_IDENTIFIERS, K))
    for batch, tags in town.batches(rows):
        with watch:
            counted.add(batch, tags)
    with watch:
        verdicts = counted.verdicts()
    for batch, _ in town.batches(rows):
        with watch:
            verdicts.mask(batch)
    return watch.seconds


def sizes(rows: int) -> list[int]:
    """The powers of ten from SMALLEST on below so many rows, and these."""
    powers = [SMALLEST]
    while powers[-1] * 10 < rows:
        powers.append(powers[-1] * 10)
    return [power for power in powers if power < rows] + [rows]


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure both works at every size, in turns.

    Raises:
        ValueError: for more rows than there can be people.
    """
    if rows > MOST:
        raise ValueError("there cannot be so many people")
    town = Town(rows)
    works: dict[str, Callable[[int], float]] = {"record": records, "census": lambda size: census(town, size)}
    held: dict[str, dict[str, Json]] = {}
    say("warming up")
    for work in works.values():
        work(min(rows, BATCH_ROWS))

    def arm(name: str, size: int) -> Callable[[], float]:
        def nanoseconds() -> float:
            times = max(1, min(_LEAST_ROWS, 100 * rows) // size)
            spent = sum(works[name](size) for _ in range(times)) / times / size * 1e9
            # the first turn goes from small to large, and the most that was held never falls
            held.setdefault(name, {}).setdefault(f"mib_after_{size}", _most_held())
            return spent

        return nanoseconds

    figures: dict[str, Json] = {}
    for name in works:
        say(f"{name}: from {SMALLEST:,} to {rows:,} rows, {runs} times each")
        measured = interleave({f"ns_a_row_of_{size}": arm(name, size) for size in sizes(rows)}, runs)
        costs = {key: significant(spread(found).median) for key, found in measured.items()}
        dearest, cheapest = max(costs.values()), min(costs.values())
        figures[name] = {
            **costs,
            "dearest_over_cheapest": significant(dearest / cheapest, 3),
            "spread": {key: spread(found).json() for key, found in measured.items()},
        }
    those = crowd(0, min(rows, BATCH_ROWS))
    return {
        **figures,
        "rows": rows,
        "runs": runs,
        "batch_rows": BATCH_ROWS,
        "record_mib_of_a_batch": significant(peak_bytes(lambda: record(those)) / 2**20, 3),
        "process_mib": held,
        "load": load(),
    }


def _most_held() -> float:
    """MiB that the process had in memory at most."""
    return significant(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)


SCALE = Benchmark(
    name="scale",
    about="ns a record and a row of the census, from 10,000 rows on, and the memory held",
    rows=10_000_000,
    runs=3,
    run=run,
    quick=(1_000_000, 1),
)
