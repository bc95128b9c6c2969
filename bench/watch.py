"""`watch`: a city's cockpits watch one indicator, next to the bare count of the same figures by the same engine."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

import gateway.client as gw
from bench.benchmark import Benchmark, Say
from bench.measure import Json, ratios, significant, spread
from bench.processes import cpu_seconds
from seeds.generator import generate
from tests.integration.site import ROOT, Site

COCKPIT, PURPOSE, NAMED = "cockpit-hangzhou", "cockpit-indicators", ("residents", "living-here")
WATCHERS = 32
"""What one institution may have at a time."""

IDLE_SECONDS = 10.0
_PATIENCE = 120.0
_COUNT = """
    SELECT community, count(DISTINCT resident_id) FROM read_parquet(?) GROUP BY community ORDER BY community
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the data: seconds until the last watcher had it, the gateway's processor seconds, and the bare
    count's.
    """

    seconds: float
    cpu: float
    bare_cpu: float


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure what watching costs while nothing changes, and what a change does."""
    say(f"making a register of {rows:,} people and starting a gateway over it")
    with (
        TemporaryDirectory(prefix="gateway-bench-") as name,
        _served(Path(name), rows) as site,
        ExitStack() as watching,
    ):
        process, register = site.process, site.data / "residents.parquet"
        assert process is not None
        whole = pq.read_table(register)
        fewer = whole.slice(0, rows - rows // 10)
        told: Queue[int] = Queue()
        say(f"opening {WATCHERS} watchers")
        for _ in range(WATCHERS):
            watching.enter_context(_watcher(site, told))
        _all_told(told)
        say(f"watching for {IDLE_SECONDS:.0f} s while nothing changes")
        cpu = cpu_seconds(process.pid)
        time.sleep(IDLE_SECONDS)
        idle = (cpu_seconds(process.pid) - cpu) / IDLE_SECONDS / WATCHERS
        say(f"changing the data {runs} times")
        changes = [_changed(register, fewer if turn % 2 == 0 else whole, told, process.pid) for turn in range(runs)]
    return {**figures(changes, idle, rows), "load": round(os.getloadavg()[0], 1)}


def figures(changes: Sequence[Change], idle: float, rows: int) -> dict[str, Json]:
    """Return the figures of some changes. `idle` is the processor time of a watcher in a second without news."""
    compared = spread(ratios([one.bare_cpu for one in changes], [one.cpu for one in changes]))
    return {
        "vs_bare_count_by_cpu": significant(compared.median, 3),
        "change_to_last_watcher_s": significant(spread([one.seconds for one in changes]).median),
        "change_cpu_s": significant(spread([one.cpu for one in changes]).median),
        "bare_count_cpu_s": significant(spread([one.bare_cpu for one in changes]).median),
        "idle_cpu_ms_per_watcher_s": significant(idle * 1e3),
        "watchers": WATCHERS,
        "rows": rows,
        "spread": {"vs_bare_count_by_cpu": compared.json()},
    }


def _changed(register: Path, table: pa.Table, told: Queue[int], pid: int) -> Change:
    fresh = register.with_suffix(".new")
    pq.write_table(table, fresh)
    cpu, began = cpu_seconds(pid), time.perf_counter()
    os.replace(fresh, register)
    _all_told(told)
    seconds, used = time.perf_counter() - began, cpu_seconds(pid) - cpu
    bare = time.process_time()
    with duckdb.connect() as engine:
        engine.execute("SET threads = 1")
        found = engine.execute(_COUNT, [str(register)]).fetchall()
    if sum(count for _, count in found) != table.num_rows:
        raise RuntimeError("the bare count is of other rows")
    return Change(seconds, used, time.process_time() - bare)


def _all_told(told: Queue[int]) -> None:
    for _ in range(WATCHERS):
        told.get(timeout=_PATIENCE)


@contextmanager
def _watcher(site: Site, told: Queue[int]) -> Iterator[None]:
    """A watcher in a thread of its own, that notes each update."""
    gateway = site.connect(COCKPIT)
    stream = gateway.watch_indicator(*NAMED, purpose=PURPOSE)

    def watch() -> None:
        try:
            for now in stream:
                told.put(now.version)
        except gw.GatewayError:
            return  # the end of the bench

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        gateway.close()
        thread.join(5)


@contextmanager
def _served(folder: Path, rows: int) -> Iterator[Site]:
    policies, data = folder / "policies", folder / "data"
    shutil.copytree(ROOT / "policies", policies)
    contract = policies / "contracts" / "residents.yaml"
    contract.write_text(contract.read_text("utf-8").replace("refresh_seconds: 60", "refresh_seconds: 1"), "utf-8")
    generate(data, people=rows, regions=policies / "regions.yaml")
    site = Site(folder / "site", policies, data, (COCKPIT,))
    site.prepare()
    try:
        site.start(fresh=True)
        yield site
    finally:
        site.kill()


WATCH = Benchmark(
    name="watch",
    about="watchers of one indicator, idle and when the data changes, next to the bare count by the same engine",
    rows=1_000_000,
    runs=5,
    run=run,
    quick=(100_000, 3),
)
