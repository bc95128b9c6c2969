"""`releases-scale`: one release over very many rows, in a process of its own, and the most memory that it had.

As a script, `python -m bench.releases.large --config FILE`, this is that process: the product's ports and pipeline.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.benchmark import Benchmark, Say
from bench.kernels import load
from bench.measure import Json, significant, spread
from bench.processes import peak_rss_mib
from bench.releases.deployment import UNIVERSITIES, prepared
from bench.releases.inside import inside
from bench.releases.visits import FILE, persons_of
from gateway.model.party import Peer
from tests.integration.site import ROOT, Site

ENGINE_MIB = 640
"""What the engine may use of the process' memory, as an operator would set it."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Seconds from the engine's question to the noise, and processor seconds and MiB of the whole process."""

    seconds: float
    cpu: float
    mib: float
    mib_before: float


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Make the rows on disk, and release statistics of them, each time in a fresh process."""
    say(f"writing {rows:,} visits of {persons_of(rows):,} people")
    with prepared(rows) as site:
        size = (site.data / FILE).stat().st_size
        say(f"releasing, {runs} times")
        passes = [_pass(site) for _ in range(runs)]
    return {
        "seconds": significant(spread([one.seconds for one in passes]).median),
        "process_mib": significant(max(one.mib for one in passes)),
        "process_mib_before": significant(max(one.mib_before for one in passes)),
        "engine_mib": ENGINE_MIB,
        "cpu_ns_per_row": significant(spread([one.cpu / rows * 1e9 for one in passes]).median),
        "rows": rows,
        "persons": persons_of(rows),
        "file_mib": significant(size / 2**20),
        "runs": runs,
        "load": load(),
        "spread": {"seconds": spread([one.seconds for one in passes]).json()},
    }


def _pass(site: Site) -> Passed:
    command = [sys.executable, "-m", "bench.releases.large", "--config", str(site.config)]
    given = {**os.environ, "GATEWAY_DATA__MEMORY_LIMIT_MIB": str(ENGINE_MIB)}
    # the site's authority signs the caller's token, and it is in this process
    peer = site.peer(UNIVERSITIES[0])
    caller = json.dumps({"certificate": (peer.certificate_pem or b"").decode(), "token": peer.bearer_token})
    done = subprocess.run(command, cwd=ROOT, env=given, input=caller, stdout=subprocess.PIPE, text=True, check=True)
    return Passed(**json.loads(done.stdout.splitlines()[-1]))


def _once(config: Path, peer: Peer) -> Passed:
    with inside(config, peer) as gateway:
        before, cpu = peak_rss_mib(os.getpid()), time.process_time()
        seconds = gateway.bounding_and_noise()
        return Passed(seconds, time.process_time() - cpu, peak_rss_mib(os.getpid()), before)


RELEASES_SCALE = Benchmark(
    name="releases-scale",
    about="one release over very many rows, in a process of its own, and the memory held",
    rows=2_000_000,
    runs=1,
    run=run,
    quick=(1_000_000, 1),
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    told = json.loads(sys.stdin.read())
    passed = _once(parser.parse_args().config, Peer(told["certificate"].encode(), told["token"]))
    print(json.dumps(asdict(passed)))
