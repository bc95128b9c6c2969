"""`start`: seconds from the start of `gateway serve` until its health check says SERVING, next to bare imports.

A run is a fresh process over a site that was prepared: certificates, keys, policy, data of `rows` people, and a state
that has been used before. The keys' secret takes the memory-hard derivation that `gateway key init` sets.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.benchmark import Benchmark, Say
from bench.deployment import Deployment, credentials, deployed
from bench.kernels import load
from bench.measure import Json, interleave, ratios, significant, spread
from bench.processes import cpu_seconds
from gateway.adapters.keys.ring import FileKeyRing
from tests.integration.site import ROOT, SECRET, SERVE, Site

_IMPORTS = "import gateway.wiring.composition"
_HEAVIEST = 12
_PATIENCE = 60.0


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Start the gateway, and import what it takes, in turns."""
    say("preparing a site")
    with deployed(rows) as deployment:
        site = deployment.site
        site.stop()
        # tests derive keys with less work than the product's own default
        for name in site.folder.iterdir():
            if name.name.startswith(("keys.json", "state.sqlite")):
                name.unlink()
        FileKeyRing.create(site.folder / "keys.json", SECRET)
        site.start()
        site.stop()
        say(f"starting the gateway and importing what it takes in turns, {runs} times each")
        cpu: list[float] = []
        arms = {"serving": lambda: _until_serving(deployment, cpu), "imports": _imports}
        results = interleave(arms, runs)
        keys = [_opened(site) for _ in range(runs)]
    serving, imports = results["serving"], results["imports"]
    return {
        "seconds_to_serving": significant(spread(serving).median),
        "cpu_seconds_to_serving": significant(spread(cpu).median),
        "serving_vs_imports": significant(spread(ratios(serving, imports)).median, 3),
        "imports_seconds": significant(spread(imports).median),
        "keys_seconds": significant(spread(keys).median),
        "rows": rows,
        "spread": {
            "seconds_to_serving": spread(serving).json(),
            "cpu_seconds_to_serving": spread(cpu).json(),
            "imports_seconds": spread(imports).json(),
        },
        "import_ms_of_its_own": dict(_heaviest()),
        "load": load(),
    }


def _until_serving(deployment: Deployment, cpu: list[float]) -> float:
    """Seconds from the start of a process to its first answer that it serves; notes the processor time that it took."""
    site = deployment.site
    channel_credentials = credentials(site)
    with site.log.open("ab") as log:
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, *SERVE, "--config", str(site.config)], cwd=ROOT, stdout=log, stderr=log
        ) as process:
            try:
                while process.poll() is None and time.perf_counter() - began < _PATIENCE:
                    # a channel of its own each time: a channel that failed waits before it tries again
                    with grpc.secure_channel(site.target, channel_credentials) as channel:
                        if _serves(channel):
                            cpu.append(cpu_seconds(process.pid))
                            return time.perf_counter() - began
                    time.sleep(0.02)
            finally:
                process.terminate()
    raise RuntimeError("the gateway did not serve")


def _serves(channel: grpc.Channel) -> bool:
    try:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1.0)
    except grpc.RpcError:
        return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], cwd=ROOT, check=True)
    return time.perf_counter() - began


def _opened(site: Site) -> float:
    """Seconds that opening the key file takes, most of which is the derivation."""
    began = time.perf_counter()
    FileKeyRing.open(site.folder / "keys.json", SECRET)
    return time.perf_counter() - began


def _heaviest() -> list[tuple[str, float]]:
    """The modules whose own import takes the most, without what they import, in ms."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", _IMPORTS], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \| +(\S+)$", done.stderr, re.MULTILINE)
    own = sorted(((name, int(took) / 1000) for took, name in found), key=lambda one: -one[1])
    return own[:_HEAVIEST]


START = Benchmark(
    name="start",
    about="seconds from the start of `gateway serve` to SERVING, next to bare imports",
    rows=20_000,
    runs=5,
    run=run,
    quick=(20_000, 3),
)
