"""`anonymity`: k-anonymity over four quasi-identifiers, counted and enforced, next to other ways of counting it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from pyarrow import csv

from bench import peers
from bench.benchmark import Benchmark, Say
from bench.kernels import BATCH_ROWS, compared, cpu_of, load, peak_bytes, rates
from bench.measure import Json, interleave, significant, spread
from bench.worst_class import measure
from gateway.kernels.anonymity.census import Census, Demand, Verdicts

QUASI_IDENTIFIERS = ("birth", "sex", "street", "schooling")
K = 5

_POOL = 16  # different batches; a longer table has them again, with other people

Batch = tuple[pa.RecordBatch, bytes]


class Town:
    """Batches of people as they would leave: five years of birth, sex, street
    of 40, schooling; each person one row."""

    def __init__(self, rows: int, seed: int = 7) -> None:
        rng = np.random.default_rng(seed)
        self._batches: list[pa.RecordBatch] = []
        self._tags: list[np.ndarray[tuple[int, int], np.dtype[np.uint64]]] = []
        for start in range(0, min(rows, _POOL * BATCH_ROWS), BATCH_ROWS):
            count = min(BATCH_ROWS, rows - start)
            streets = np.minimum(rng.geometric(0.12, count), 40) - 1
            self._batches.append(
                pa.record_batch(
                    {
                        "birth": pa.array(rng.integers(388, 402, count) * 5),
                        "sex": pa.array(np.array(["F", "M"])[rng.integers(0, 2, count)]),
                        "street": pa.array(np.array([f"3301{street:05d}" for street in range(40)])[streets]),
                        "schooling": pa.array(np.array([*"ABCDEF"])[rng.choice(6, count, p=_SCHOOLING)]),
                    }
                )
            )
            self._tags.append(rng.integers(1, 2**63, (count, 2)).astype(np.uint64))

    def batches(self, rows: int) -> Iterator[Batch]:
        """Yield so many rows, every one of another person."""
        left, turn = rows, 0
        while left > 0:
            batch, tags = self._batches[turn % len(self._batches)], self._tags[turn % len(self._tags)]
            count = min(left, batch.num_rows)
            others = tags[:count] ^ np.uint64((turn // len(self._batches)) << 40)
            yield batch.slice(0, count), others.tobytes()
            left, turn = left - count, turn + 1


_SCHOOLING = (0.3, 0.3, 0.2, 0.12, 0.06, 0.02)


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure the two passes, and the others in turns with them."""
    say(f"making {rows:,} people")
    table = list(Town(rows).batches(rows))
    whole = pa.Table.from_batches([batch for batch, _ in table])
    arms: dict[str, tuple[int, Callable[[], float]]] = {
        "ours": (rows, cpu_of(lambda: _enforced(table))),
        "arrow": (rows, cpu_of(lambda: _by_arrow(whole))),
        "counted": (rows, cpu_of(lambda: _counted(table))),
    }
    leaving = _enforced(table)
    if not pa.chunked_array(leaving).equals(_by_arrow(whole)):
        raise RuntimeError("the two ways let other rows leave")
    with _pycanon(table) as pycanon:
        if pycanon is not None:
            arms["pycanon"] = (rows, pycanon)
        say(f"running {len(arms)} arms in turns, {runs} times each")
        measured = interleave({name: arm for name, (_, arm) in arms.items()}, runs)
    found = {name: rates(size, measured[name]) for name, (size, _) in arms.items()}
    verdicts = _counted(table)
    over = {"vs_arrow": compared(found["ours"], found["arrow"])}
    if "pycanon" in found:
        # pycanon says what k is, and not which rows may leave: the counting alone is the like of it
        over["counted_vs_pycanon"] = compared(found["counted"], found["pycanon"])
        over["vs_pycanon"] = compared(found["ours"], found["pycanon"])
    return {
        "rows_per_s": round(spread(found["ours"]).median),
        **{name: ratio["median"] for name, ratio in over.items()},
        "rows": rows,
        "runs": runs,
        "classes": verdicts.tally.classes,
        "share_withheld": significant((verdicts.tally.rows_withheld + 1e-9) / rows, 3),
        "load": load(),
        "peak_mib": {
            "census": significant(peak_bytes(lambda: _counted(table)) / 2**20, 3),
            "mask_of_a_batch": significant(peak_bytes(lambda: verdicts.mask(table[0][0])) / 2**20, 3),
        },
        "spread": {**{f"{name}_rows_per_s": spread(rate).json() for name, rate in found.items()}, **over},
    }


def _counted(table: list[Batch]) -> Verdicts:
    census = Census(Demand(QUASI_IDENTIFIERS, K))
    for batch, tags in table:
        census.add(batch, tags)
    return census.verdicts()


def _enforced(table: list[Batch]) -> list[pa.BooleanArray]:
    verdicts = _counted(table)
    return [verdicts.mask(batch) for batch, _ in table]


def _by_arrow(table: pa.Table) -> pa.ChunkedArray[pa.BooleanScalar]:
    """Which rows may leave, by Arrow's own grouping and join. A person has one row here, so rows are units."""
    names = list(QUASI_IDENTIFIERS)
    numbered = table.append_column("row", pa.array(np.arange(table.num_rows)))
    counts = table.group_by(names, use_threads=False).aggregate([([], "count_all")])
    joined = numbered.join(counts, names, use_threads=False).sort_by("row")
    large = np.asarray(joined.column("count_all").to_numpy()) >= K
    return pa.chunked_array([pa.array(large)])


@contextmanager
def _pycanon(table: list[Batch]) -> Iterator[Callable[[], float] | None]:
    python = peers.interpreter()
    if python is None:
        yield None
        return
    ours = measure(table, QUASI_IDENTIFIERS).k
    with TemporaryDirectory() as folder:
        file = Path(folder) / "people.csv"
        csv.write_csv(pa.Table.from_batches([batch for batch, _ in table]), str(file))
        with peers.peer(python, "anonymity", file) as run_peer:

            def timed() -> float:
                result = run_peer()
                if result.result != ours:
                    raise RuntimeError("pycanon has another k")
                return result.cpu

            yield timed


ANONYMITY = Benchmark(
    name="anonymity",
    about="rows/s counted and withheld for k-anonymity, next to other ways",
    rows=1_000_000,
    runs=3,
    run=run,
    quick=(300_000, 3),
)
