"""`pair`: what a lookup costs the servers' processors, with one gateway and with two that share its port and state."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import grpc.aio

from bench.benchmark import Benchmark, Say
from bench.deployment import Deployment, credentials, deployed
from bench.kernels import load
from bench.lookup import Call, lookup_call
from bench.measure import Json, interleave, ratios, significant, spread
from bench.processes import cpu_seconds
from tests.integration.site import ROOT, SERVE, Site

CONNECTIONS = 16
"""As many for each burst, opened anew: the system gives each to one of the processes that listen."""

IN_FLIGHT = 32
SECONDS = 3.0
_PATIENCE = 60.0


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure bursts of lookups with one process and with two, in turns."""
    say(f"making a register of {rows:,} people and starting a gateway over it")
    with deployed(rows, settings={"server": "reuse_port = true"}) as deployment, asyncio.Runner() as runner:
        shares: list[float] = []

        def one() -> float:
            return runner.run(_burst(deployment, (deployment.pid,)))[0]

        def two() -> float:
            with _second(deployment.site, deployment, runner) as other:
                cost, share = runner.run(_burst(deployment, (deployment.pid, other)))
                shares.append(share)
                return cost

        say(f"running bursts of {SECONDS} s with one process and with two in turns, {runs} times each")
        one()
        results = interleave({"one": one, "two": two}, runs)
    rises = spread(ratios(results["two"], results["one"]))
    return {
        "two_over_one": significant(rises.median, 3),
        "server_cpu_us_per_call": {name: round(spread(costs).median * 1e6) for name, costs in results.items()},
        "share_of_the_second": significant(spread(shares).median, 2),
        "rows": rows,
        "runs": runs,
        "spread": {"two_over_one": rises.json()},
        "load": load(),
    }


@contextmanager
def _second(site: Site, deployment: Deployment, runner: asyncio.Runner) -> Iterator[int]:
    """Another gateway of the same settings; entered once it answers as well."""
    command = [sys.executable, *SERVE, "--config", str(site.config)]
    with site.log.open("ab") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            before = site.log.read_text(encoding="utf-8").count(_SERVING)
            began = time.perf_counter()
            while site.log.read_text(encoding="utf-8").count(_SERVING) == before:
                if process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                    raise RuntimeError("the second gateway did not serve")
                time.sleep(0.02)
            # what is loaded and opened at first use is not what a call costs
            runner.run(_burst(deployment, (process.pid,)))
            yield process.pid
        finally:
            process.terminate()


_SERVING = '"event": "serving"'


async def _burst(deployment: Deployment, servers: tuple[int, ...]) -> tuple[float, float]:
    """Keep lookups in flight on many connections; return the servers' seconds a call, and the last one's share."""
    channels = [
        # a pool of its own, or they would be one connection
        grpc.aio.secure_channel(
            deployment.site.target, credentials(deployment.site), options=[("grpc.use_local_subchannel_pool", 1)]
        )
        for _ in range(CONNECTIONS)
    ]
    calls: list[Call] = [lookup_call(channel, deployment) for channel in channels]
    for number, call in enumerate(calls):
        await call(number)
    before, answered, end = [cpu_seconds(pid) for pid in servers], 0, time.perf_counter() + SECONDS

    async def caller(number: int) -> None:
        nonlocal answered
        while time.perf_counter() < end:
            await calls[number % CONNECTIONS](number + answered)
            answered += 1

    await asyncio.gather(*(caller(number) for number in range(IN_FLIGHT)))
    spent = [cpu_seconds(pid) - was for pid, was in zip(servers, before, strict=True)]
    for channel in channels:
        await channel.close(None)
    return sum(spent) / answered, spent[-1] / sum(spent)


PAIR = Benchmark(
    name="pair",
    about="the servers' processor time a lookup, with one gateway and with two on one port and state",
    rows=100_000,
    runs=5,
    run=run,
    quick=(20_000, 2),
)
