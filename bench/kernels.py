"""What the benchmarks of kernels share: processor time of a call, and the memory it needs at most."""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa

from bench.measure import Json, ratios, significant, spread
from gateway.stages.fetch import rows as fetch_stage

BATCH_ROWS = fetch_stage.BATCH_ROWS
"""Rows of a batch, where a benchmark goes by batches: the pipeline's own."""

_POOLS: list[pa.MemoryPool] = []  # what was taken from a pool goes back to it, so none may end before the process


def cpu_of(work: Callable[[], object]) -> Callable[[], float]:
    """Return an arm: seconds of this process' processor time for one call.

    The kernels run in one thread; the clock of the wall would measure who else uses the machine.
    """

    def run() -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    return run


def peak_bytes(work: Callable[[], object]) -> int:
    """Return the most memory that a call held at one time beyond what was there: numpy's and Python's, plus Arrow's.

    The two peaks may lie apart, so the sum is an upper bound.
    """
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    _POOLS.append(pool)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] + (pool.max_memory() or 0)
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def rates(rows: int, seconds: Sequence[float]) -> list[float]:
    """Rows per second of each run."""
    return [rows / one for one in seconds]


def compared(ours: Sequence[float], theirs: Sequence[float]) -> Mapping[str, Json]:
    """Our rates over theirs, turn by turn."""
    return spread(ratios(ours, theirs)).json()


def load() -> float:
    """How many processes wanted a core in the last minute: what the figures stand beside."""
    return significant(max(os.getloadavg()[0], 0.01), 3)
