"""The figures that benchmarks make of their runs, from runs whose figures are known."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

from bench import demo, extract, ingest, lookup, watch
from bench.lookup import Burst, burst
from bench.processes import cpu_seconds, peak_rss_mib
from bench.stream import StreamRun


def _run(seconds: float, server_cpu: float) -> StreamRun:
    return StreamRun(
        rows=1000, batches=2, bytes=50_000, seconds=seconds, first_batch=0.1, server_cpu=server_cpu, client_cpu=0.001
    )


def test_an_extract_is_told_by_its_median_and_its_ratio_by_pairs() -> None:
    ours = [_run(2.0, 0.003), _run(4.0, 0.003), _run(10.0, 0.003)]
    theirs = [_run(1.0, 0.001), _run(2.0, 0.001), _run(2.0, 0.001)]
    obvious = [_run(20.0, 0.03), _run(40.0, 0.03), _run(40.0, 0.03)]
    figures = extract.figures(ours, theirs, obvious, "65536")
    assert (figures["rows_per_s"], figures["vs_unprotected_stream"]) == (250, 0.5)
    assert figures["vs_unprotected_stream_by_cpu"] == 0.5  # 2 µs a row against 4 µs
    assert figures["cpu_ns_per_row"] == {
        "gateway": 3000,
        "gateway_client": 1000,
        "unprotected": 1000,
        "unprotected_client": 1000,
        "obvious": 30_000,
    }
    assert figures["vs_obvious_gateway"] == 10
    assert (figures["first_batch_ms"], figures["bytes_per_row"], figures["runs"]) == (100.0, 50.0, 3)


def test_a_lookup_is_told_by_its_rate_with_the_most_calls_in_flight() -> None:
    slow, fast = Burst((0.010, 0.020, 0.030), 1.0, 0.003), Burst((0.001,) * 6, 1.0, 0.003)
    figures = lookup.figures({1: {"lookup": [slow], "empty": [slow]}, 32: {"lookup": [slow], "empty": [fast]}}, 100)
    assert (figures["vs_empty_unary"], figures["p50_ms"], figures["calls_per_s"]) == (0.5, 20.0, 3.0)
    assert figures["in_flight"] == 32
    at_one, at_32 = figures["at_1"], figures["at_32"]
    assert isinstance(at_one, dict) and isinstance(at_32, dict)
    assert (at_one["vs_empty_unary"], at_32["vs_empty_unary"]) == (1.0, 0.5)
    assert (at_32["server_cpu_us_per_call"], at_32["empty_server_cpu_us_per_call"]) == (1000, 500)


def test_a_demo_is_told_by_what_its_user_waits_for() -> None:
    plays = [demo.Play(4.0, 9.0), demo.Play(6.0, 11.0), demo.Play(8.0, 10.0)]
    figures = demo.figures(plays, [demo.Play(2.0, 2.0)] * 3, 500)
    named = ("seconds_to_first_answer", "seconds", "first_answer_vs_imports", "imports_seconds", "rows")
    assert tuple(figures[name] for name in named) == (6.0, 10.0, 3.0, 2.0, 500)


@pytest.mark.parametrize("in_flight", [1, 5])
def test_a_burst_keeps_so_many_calls_in_flight_and_asks_for_all_in_turn(in_flight: int) -> None:
    asked: list[int] = []
    running = most = 0

    async def call(number: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        asked.append(number)
        await asyncio.sleep(0.001)
        running -= 1

    measured = asyncio.run(burst(call, in_flight, 0.02, os.getpid()))
    assert most == in_flight
    assert len(measured.latencies) == len(asked) == len(set(asked))
    assert measured.seconds >= 0.02 and min(measured.latencies) >= 0.001


def test_processor_time_and_memory_are_those_of_the_process() -> None:
    before = cpu_seconds(os.getpid())
    used = time.process_time()
    while time.process_time() < used + 0.05:
        sum(range(10_000))
    assert cpu_seconds(os.getpid()) - before >= 0.04
    assert 5 < peak_rss_mib(os.getpid()) < 100_000


def test_a_push_is_told_by_its_rate_and_its_ratios_by_pairs() -> None:
    ours = [ingest.Pushed(2.0, 0.006), ingest.Pushed(4.0, 0.006), ingest.Pushed(5.0, 0.012)]
    theirs = [ingest.Pushed(1.0, 0.001), ingest.Pushed(1.0, 0.003), ingest.Pushed(1.0, 0.003)]
    told = ingest.figures(ours, theirs, 1000)
    assert (told["rows_per_s"], told["unchecked_rows_per_s"], told["vs_unchecked"]) == (250, 1000, 0.25)
    assert (told["cpu_us_per_row"], told["vs_unchecked_by_cpu"]) == (6.0, 0.25)


def test_a_watch_is_told_by_what_a_change_costs_and_by_what_it_costs_idle() -> None:
    changes = [watch.Change(1.0, 0.4, 0.1), watch.Change(3.0, 0.2, 0.1), watch.Change(2.0, 0.5, 0.1)]
    told = watch.figures(changes, 0.002, 1000)
    assert (told["vs_bare_count_by_cpu"], told["change_to_last_watcher_s"]) == (0.25, 2.0)
    assert (told["change_cpu_s"], told["idle_cpu_ms_per_watcher_s"]) == (0.4, 2.0)
