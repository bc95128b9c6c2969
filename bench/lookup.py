"""`lookup`: one subject by key, recorded durably, next to an empty unary call of the same server.

The empty call is the standard health check: it parses next to nothing, asks no policy, reads and records nothing.
Throughput and latency are taken with one call in flight and with 32.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.benchmark import Benchmark, Say
from bench.deployment import DATASET, DEPARTMENT, PURPOSE, Deployment, credentials, deployed
from bench.measure import Json, interleave, quantile, ratios, significant, spread
from bench.processes import cpu_seconds
from gateway.api.v1 import disclosure_pb2, value_pb2
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1.sharing_service_pb2_grpc import SharingServiceStub

IN_FLIGHT = (1, 32)
SECONDS = 1.5
"""How long a burst lasts. A run of each arm is one burst at each number in flight."""

Call = Callable[[int], Awaitable[None]]
"""Makes one call and returns once it is answered. The number tells whom to ask about."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Calls of one kind, so many in flight all the time. Seconds; `server_cpu` is processor time of the server."""

    latencies: tuple[float, ...]
    seconds: float
    server_cpu: float

    @property
    def per_s(self) -> float:
        """Calls answered in a second."""
        return len(self.latencies) / self.seconds


async def burst(call: Call, in_flight: int, seconds: float, server: int) -> Burst:
    """Keep so many calls in flight for so many seconds, and at least one call each. `server` is the process asked."""
    latencies: list[float] = []
    cpu, began = cpu_seconds(server), time.perf_counter()
    end = began + seconds

    async def caller(number: int) -> None:
        while True:
            asked = time.perf_counter()
            await call(number)
            answered = time.perf_counter()
            latencies.append(answered - asked)
            number += in_flight
            if answered >= end:
                return

    await asyncio.gather(*(caller(number) for number in range(in_flight)))
    return Burst(tuple(latencies), time.perf_counter() - began, cpu_seconds(server) - cpu)


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure both calls in turns."""
    say(f"making a register of {rows:,} people and starting a gateway over it")
    with deployed(rows) as deployment, asyncio.Runner() as runner:
        channel = runner.run(_open(deployment))
        calls = {"lookup": lookup_call(channel, deployment), "empty": _empty(channel)}

        def arm(kind: str, in_flight: int) -> Callable[[], Burst]:
            return lambda: runner.run(burst(calls[kind], in_flight, SECONDS, deployment.pid))

        say("warming up")
        for call in calls.values():
            runner.run(burst(call, max(IN_FLIGHT), SECONDS, deployment.pid))
        loads = " and ".join(map(str, IN_FLIGHT))
        say(f"running both in turns, {runs} bursts of {SECONDS} s each with {loads} in flight")
        results = {
            in_flight: interleave({kind: arm(kind, in_flight) for kind in calls}, runs) for in_flight in IN_FLIGHT
        }
        runner.run(channel.close(None))
    return figures(results, rows)


def figures(results: Mapping[int, Mapping[str, Sequence[Burst]]], rows: int) -> dict[str, Json]:
    """Return the figures of interleaved bursts, by how many calls were in flight; the headline is that of the most."""
    by_load = {in_flight: _figures(arms["lookup"], arms["empty"]) for in_flight, arms in results.items()}
    headline = by_load[max(by_load)]
    named = ("vs_empty_unary", "p50_ms", "p99_ms", "calls_per_s")
    return {
        **{name: headline[name] for name in named},
        "in_flight": max(by_load),
        "rows": rows,
        **{f"at_{in_flight}": figures for in_flight, figures in by_load.items()},
    }


def _figures(ours: Sequence[Burst], theirs: Sequence[Burst]) -> dict[str, Json]:
    rates, bare = [burst.per_s for burst in ours], [burst.per_s for burst in theirs]
    compared = spread(ratios(rates, bare))
    return {
        "vs_empty_unary": significant(compared.median, 3),
        "p50_ms": _milliseconds(ours, 0.5),
        "p99_ms": _milliseconds(ours, 0.99),
        "calls_per_s": significant(spread(rates).median),
        "server_cpu_us_per_call": _cpu(ours),
        "empty_p50_ms": _milliseconds(theirs, 0.5),
        "empty_p99_ms": _milliseconds(theirs, 0.99),
        "empty_calls_per_s": significant(spread(bare).median),
        "empty_server_cpu_us_per_call": _cpu(theirs),
        "spread": {
            "calls_per_s": spread(rates).json(),
            "empty_calls_per_s": spread(bare).json(),
            "vs_empty_unary": compared.json(),
        },
    }


def _milliseconds(bursts: Sequence[Burst], share: float) -> float:
    """The quantile of each burst's latencies, and of those the median: one bad burst does not make the tail."""
    return significant(spread([quantile(burst.latencies, share) for burst in bursts]).median * 1e3)


def _cpu(bursts: Sequence[Burst]) -> int:
    return round(spread([burst.server_cpu / len(burst.latencies) for burst in bursts]).median * 1e6)


async def _open(deployment: Deployment) -> grpc.aio.Channel:
    # a channel belongs to the loop it is made in
    return grpc.aio.secure_channel(deployment.site.target, credentials(deployment.site))


def lookup_call(channel: grpc.aio.Channel, deployment: Deployment) -> Call:
    """Return what looks one person up over a channel."""
    stub: Any = SharingServiceStub(channel)
    metadata = (("authorization", f"Bearer {deployment.site.token(DEPARTMENT)}"),)
    people = [str(number) for number in deployment.sample["resident_id"].to_pylist()]

    async def call(number: int) -> None:
        key = pb.KeySelector(field="resident_id", values=[value_pb2.Value(string_value=people[number % len(people)])])
        request = pb.LookupRequest(
            context=disclosure_pb2.RequestContext(purpose=PURPOSE),
            dataset=DATASET,
            disclosure="person",
            subjects=pb.SubjectSelector(key=key),
        )
        answer = await stub.Lookup(request, metadata=metadata)
        if len(answer.subjects) != 1 or len(answer.subjects[0].rows) != 1 or not answer.receipt.log_entry.leaf_hash:
            raise RuntimeError("a lookup was not answered with one record and a receipt")

    return call


def _empty(channel: grpc.aio.Channel) -> Call:
    stub: Any = health_pb2_grpc.HealthStub(channel)

    async def call(_: int) -> None:
        await stub.Check(health_pb2.HealthCheckRequest())

    return call


LOOKUP = Benchmark(
    name="lookup",
    about="one subject by key with a durable record, next to an empty unary call of the same server",
    rows=100_000,
    runs=5,
    run=run,
    quick=(100_000, 3),
)
