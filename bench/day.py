"""`day`: a city's day of records in one extract, end to end, and what a record costs from a million of them on.

Everything is on, as in `extract`. The people are all different (`bench.scale.crowd`); one dataset for each
size. The client is a process of its own that keeps nothing, so that its memory is its own too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import gateway.client as gw
from bench.benchmark import Benchmark, Say
from bench.deployment import DATASET, DEPARTMENT, PURPOSE, deployed
from bench.kernels import load
from bench.measure import Json, significant, spread
from bench.processes import peak_rss_mib
from bench.register import FILE
from bench.scale import crowd
from bench.stream import StreamRun, run_stream
from seeds.generator import SCHEMAS
from seeds.generator.regions import read_regions
from tests.integration.site import ROOT, Site

SMALLEST = 1_000_000
ENGINE_MIB = 512
"""The engine's memory. The process holds batches on their way, libraries and what the allocator keeps besides."""

WARM = 5
"""Streams before those that count, of all sizes but the largest: the first ones of a process pay for its memory."""

_GROUP = 100_000


def write_crowd(folder: Path, rows: int, regions: Path) -> pa.Table:
    """Write so many different people into a folder, one row group for each 100,000, and return the first of them."""
    communities = pa.array(list(read_regions(regions).communities))
    repeating: Any = ["sex", "community", "name", "address"]  # pyarrow takes a list, its stubs do not
    first: pa.Table | None = None
    with pq.ParquetWriter(folder / FILE, _SCHEMA, use_dictionary=repeating) as writer:
        for start in range(0, rows, _GROUP):
            table = _people(start, min(_GROUP, rows - start), communities)
            writer.write_table(table, row_group_size=table.num_rows)
            first = first or table
    if first is None:
        raise ValueError("a crowd has at least one person")
    return first


def _people(start: int, rows: int, communities: pa.Array[Any]) -> pa.Table:
    people, random = crowd(start, rows), np.random.default_rng(start)

    def drawn(values: pa.Array[Any]) -> pa.Array[Any]:
        return values.take(pa.array(random.integers(0, len(values), rows), pa.int64()))

    columns = {
        "resident_id": people.ids,
        "name": drawn(_UNREAD),
        "sex": drawn(pa.array(["F", "M"])),
        "birth_date": people.births,
        "phone": people.phones,
        "address": drawn(_UNREAD),
        "community": drawn(communities),
    }
    return pa.Table.from_arrays([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


_SCHEMA = pa.schema([field for field in SCHEMAS["residents"] if field.name != "firm_code"])
_UNREAD = pa.array(["not read"])


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Extract a dataset of every size: a million, powers of ten from there, and `rows`; the largest once."""
    sizes = [size for size in (SMALLEST, 10 * SMALLEST) if size < rows] + [rows]
    found: dict[str, Json] = {}
    costs: list[float] = []
    for size in sizes:
        say(f"writing {size:,} people")
        with deployed(size, write_crowd, {"data": f"memory_limit_mib = {ENGINE_MIB}"}) as deployment:
            say(f"extracting {size:,} records")
            times = runs if size < rows or rows <= SMALLEST else 1
            warm = WARM if size < rows else 0
            first, streams, answer = _asked(deployment.site, deployment.pid, warm + times)
            at_first, streams = streams[0].cpu_ns_per_row, streams[warm:]
            cost = spread([run.cpu_ns_per_row for run in streams]).median
            costs.append(cost)
            say(f"first batch ever after {first:.1f} s; {cost:.0f} ns of processor time a record")
            found[f"at_{size}"] = {
                "seconds": significant(spread([run.seconds for run in streams]).median),
                "rows_per_s": round(spread([run.rows_per_s for run in streams]).median),
                "cpu_ns_per_row": round(cost),
                "cpu_ns_per_row_of_gateway": round(spread([run.server_cpu / run.rows * 1e9 for run in streams]).median),
                "cpu_ns_per_row_of_first_stream": round(at_first),
                "first_ever_batch_s": significant(first),
                "batches": streams[-1].batches,
                "peak_rss_mib": {"gateway": round(peak_rss_mib(deployment.pid)), "client": round(answer)},
            }
    largest = found[f"at_{rows}"]
    assert isinstance(largest, Mapping)
    return {
        "seconds": largest["seconds"],
        "rows_per_s": largest["rows_per_s"],
        "dearest_over_cheapest": significant(max(costs) / min(costs), 3),
        "rows": rows,
        **found,
        "engine_mib": ENGINE_MIB,
        "load": load(),
    }


def _asked(site: Site, server: int, times: int) -> tuple[float, list[StreamRun], float]:
    """Extract everybody so many times, in a process of its own.

    Return the seconds to the very first batch, before which the gateway counts whether tokens could be guessed; the
    runs; and the most memory, in MiB, that the process had.
    """
    told = [str(site.folder), str(site.port), site.token(DEPARTMENT), str(server), str(times)]
    done = subprocess.run(
        [sys.executable, "-m", "bench.day"], input="\n".join(told), cwd=ROOT, check=True, capture_output=True, text=True
    )
    answer = json.loads(done.stdout)
    return float(answer["first"]), [StreamRun(**one) for one in answer["runs"]], float(answer["peak_mib"])


def _ask() -> None:
    """The client's process: what to do comes by standard input, one line each."""
    folder, port, token, server, times = sys.stdin.read().split("\n")
    own = Path(folder) / DEPARTMENT
    with gw.connect(
        f"localhost:{port}",
        certificate=own.with_suffix(".pem"),
        key=own.with_suffix(".key"),
        ca=Path(folder) / "ca.pem",
        token=token,
    ) as department:
        began = time.perf_counter()
        with department.extract(DATASET, "everybody", purpose=PURPOSE) as one:
            next(iter(one))
        first = time.perf_counter() - began
        runs = [
            run_stream(lambda: department.extract(DATASET, "everybody", purpose=PURPOSE), int(server))
            for _ in range(int(times))
        ]
    print(json.dumps({"first": first, "runs": [asdict(one) for one in runs], "peak_mib": peak_rss_mib(os.getpid())}))


DAY = Benchmark(
    name="day",
    about="a city's day in one extract, end to end, and a record's cost from a million records on",
    rows=120_000_000,
    runs=3,
    run=run,
    quick=(2_000_000, 2),
)

if __name__ == "__main__":
    _ask()
