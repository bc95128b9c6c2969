"""`ingest`: rows that a department pushes, checked, recorded and kept once, next to the same rows written unchecked."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

import gateway.client as gw
from bench.benchmark import Benchmark, Say
from bench.measure import Json, interleave, ratios, significant, spread
from bench.processes import cpu_seconds, peak_rss_mib
from seeds.generator.identity import check_character
from tests.integration.site import ROOT, Site, free_port

STREET = "hangzhou/xiacheng/wulin"
DEPARTMENT, PURPOSE, NAMED = "street-wulin", "community-grid", ("grid_reports", "reports-in")
BATCH = 50_000
"""Rows of a batch: what `gateway push` makes of a long file."""

_TOPICS = ("消防通道", "楼道堆物", "路灯损坏", "积水内涝", "独居老人")


@dataclass(frozen=True, slots=True)
class Pushed:
    """One run: seconds from the first call to the last answer, and processor seconds of the server."""

    seconds: float
    cpu: float


def reports(rows: int, run: int) -> pa.Table:
    """Return reports of a run, none of which another run has."""
    draw = np.random.default_rng(run)
    people = draw.integers(0, 1000, rows)
    seen = datetime.now(UTC).replace(tzinfo=None, microsecond=0) + timedelta(hours=7)
    return pa.table(
        {
            "report_id": pa.array([f"b-{run}-{number}" for number in range(rows)]),
            "resident_id": pa.array([_person(int(one)) for one in people]),
            "topic": pa.array([_TOPICS[one] for one in draw.integers(0, 5, rows)]),
            "seen_at": pa.array([seen] * rows, pa.timestamp("us")),
            "community": pa.array([f"{STREET}/c0{one}" for one in draw.integers(1, 4, rows)]),
        }
    )


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure both in turns."""
    say(f"starting a gateway, and the bare way in, for {rows:,} rows a run in batches of {BATCH:,}")
    with TemporaryDirectory(prefix="gateway-bench-") as name, _served(Path(name)) as (site, bare, port):
        process = site.process
        assert process is not None
        number = iter(range(10_000))

        def arm(target: str, pid: int) -> Callable[[], Pushed]:
            return lambda: _push(site, target, pid, reports(rows, next(number)))

        arms = {
            "gateway": arm(site.target, process.pid),
            "bare": arm(f"localhost:{port}", bare.pid),
        }
        say("warming up")
        for warming in arms.values():
            warming()
        say(f"running both in turns, {runs} times")
        results = interleave(arms, runs)
        memory = peak_rss_mib(process.pid)
    return {
        **figures(results["gateway"], results["bare"], rows),
        "gateway_peak_rss_mib": round(memory),
        "load": round(os.getloadavg()[0], 1),
    }


def figures(ours: Sequence[Pushed], theirs: Sequence[Pushed], rows: int) -> dict[str, Json]:
    """Return the figures of interleaved runs."""
    rate, bare = [rows / one.seconds for one in ours], [rows / one.seconds for one in theirs]
    compared = spread(ratios(rate, bare))
    by_cpu = spread(ratios([one.cpu for one in theirs], [one.cpu for one in ours]))
    return {
        "rows_per_s": significant(spread(rate).median),
        "vs_unchecked": significant(compared.median, 3),
        "vs_unchecked_by_cpu": significant(by_cpu.median, 3),
        "cpu_us_per_row": significant(spread([one.cpu / rows * 1e6 for one in ours]).median),
        "unchecked_rows_per_s": significant(spread(bare).median),
        "unchecked_cpu_us_per_row": significant(spread([one.cpu / rows * 1e6 for one in theirs]).median),
        "rows": rows,
        "spread": {"rows_per_s": spread(rate).json(), "vs_unchecked": compared.json(), "by_cpu": by_cpu.json()},
    }


def _push(site: Site, target: str, pid: int, table: pa.Table) -> Pushed:
    with gw.connect(
        target,
        certificate=site.folder / f"{DEPARTMENT}.pem",
        key=site.folder / f"{DEPARTMENT}.key",
        ca=site.folder / "ca.pem",
        token=site.token(DEPARTMENT),
    ) as gateway:
        cpu, began = cpu_seconds(pid), time.perf_counter()
        kept = 0
        for start in range(0, table.num_rows, BATCH):
            part = table.slice(start, BATCH)
            kept += gateway.push(*NAMED, part, purpose=PURPOSE, region=STREET).accepted
        seconds = time.perf_counter() - began
    if kept != table.num_rows:
        raise RuntimeError("not every row was kept")
    return Pushed(seconds, cpu_seconds(pid) - cpu)


def _person(number: int) -> str:
    seventeen = f"33010219900101{number:03}"
    return seventeen + check_character(seventeen)


@contextmanager
def _served(folder: Path) -> Iterator[tuple[Site, subprocess.Popen[bytes], int]]:
    data, bare = folder / "data", folder / "bare"
    data.mkdir()
    bare.mkdir()
    policies = folder / "policies"
    shutil.copytree(ROOT / "policies", policies)
    grants = policies / "grants.csv"
    grants.write_text(grants.read_text("utf-8").replace("community-grid, rate=60/hour", "community-grid, "), "utf-8")
    site = Site(folder / "site", policies, data, (DEPARTMENT,))
    site.prepare()
    port = free_port()
    command = [sys.executable, "-m", "bench.unchecked", str(site.folder), str(port), str(bare)]
    unchecked = subprocess.Popen(command, cwd=ROOT)
    try:
        site.start(fresh=True)
        _listens(port)
        yield site, unchecked, port
    finally:
        unchecked.kill()
        unchecked.wait()
        site.kill()


def _listens(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the bare way in did not start")


INGEST = Benchmark(
    name="ingest",
    about="rows that are pushed, checked, recorded and kept once, next to the same rows written unchecked",
    rows=200_000,
    runs=5,
    run=run,
    quick=(50_000, 3),
)
