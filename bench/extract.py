"""`extract`: a register streamed by the gateway, next to the same columns streamed with no protection at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

from bench import unprotected
from bench.benchmark import Benchmark, Say
from bench.deployment import DATASET, DEPARTMENT, PURPOSE, Deployment, credentials, deployed
from bench.measure import Json, interleave, ratios, significant, spread
from bench.processes import peak_rss_mib
from bench.register import FILE
from bench.stream import StreamRun, run_stream
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.client.extract import Extract
from tests.integration.site import ROOT

BATCH_ROWS = (16_384, 65_536, 131_072)
"""The sizes that the baseline's best is sought among; DuckDB's batches are never larger than a row group."""


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure both streams in turns."""
    say(f"making a register of {rows:,} people and starting a gateway over it")
    with deployed(rows) as deployment, _baseline(deployment) as baseline:
        with deployment.site.connect(DEPARTMENT) as department:

            def protected() -> StreamRun:
                return run_stream(lambda: department.extract(DATASET, "everybody", purpose=PURPOSE), deployment.pid)

            say("warming up, and seeking the baseline's best batch size")
            protected()
            best = _best_size(baseline, runs=3)
            say(f"running both in turns, {runs} times each; the baseline's batches have {best:,} rows")
            results = interleave({"gateway": protected, "baseline": lambda: baseline.run(best)}, runs)
        whole = {run.rows for arm in results.values() for run in arm}
        if whole != {rows}:
            raise RuntimeError("a stream had other rows than the register")
        return figures(results["gateway"], results["baseline"], best) | {
            "peak_rss_mib": {
                "gateway": round(peak_rss_mib(deployment.pid)),
                "unprotected": round(peak_rss_mib(baseline.pid)),
            }
        }


def figures(ours: Sequence[StreamRun], theirs: Sequence[StreamRun], batch_rows: int) -> dict[str, Json]:
    """Return the figures of interleaved runs."""
    rates = [run.rows_per_s for run in ours]
    bare = [run.rows_per_s for run in theirs]
    compared = spread(ratios(rates, bare))
    cpu = spread(ratios([run.cpu_ns_per_row for run in theirs], [run.cpu_ns_per_row for run in ours]))
    return {
        "rows_per_s": round(spread(rates).median),
        "vs_unprotected_stream": significant(compared.median, 3),
        "vs_unprotected_stream_by_cpu": significant(cpu.median, 3),
        "first_batch_ms": significant(spread([run.first_batch for run in ours]).median * 1e3),
        "rows": ours[0].rows,
        "bytes_per_row": significant(ours[0].bytes / ours[0].rows),
        "batches": ours[0].batches,
        "runs": len(ours),
        "spread": {
            "rows_per_s": spread(rates).json(),
            "unprotected_rows_per_s": spread(bare).json(),
            "vs_unprotected_stream": compared.json(),
            "first_batch_ms": spread([run.first_batch * 1e3 for run in ours]).json(),
            "unprotected_first_batch_ms": spread([run.first_batch * 1e3 for run in theirs]).json(),
        },
        "cpu_ns_per_row": {
            "gateway": _cpu(ours, lambda run: run.server_cpu),
            "gateway_client": _cpu(ours, lambda run: run.client_cpu),
            "unprotected": _cpu(theirs, lambda run: run.server_cpu),
            "unprotected_client": _cpu(theirs, lambda run: run.client_cpu),
        },
        "unprotected": {
            "rows_per_s": round(spread(bare).median),
            "batch_rows": batch_rows,
            "bytes_per_row": significant(theirs[0].bytes / theirs[0].rows),
            "batches": theirs[0].batches,
        },
    }


def _cpu(runs: Sequence[StreamRun], seconds: Callable[[StreamRun], float]) -> int:
    return round(spread([seconds(run) / run.rows * 1e9 for run in runs]).median)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """A serving `bench.unprotected` and a channel to it."""

    pid: int
    channel: grpc.Channel

    def run(self, batch_rows: int) -> StreamRun:
        call = self.channel.unary_stream(
            unprotected.METHOD, request_serializer=None, response_deserializer=pb.ExtractResponse.FromString
        )
        return run_stream(lambda: Extract(call(str(batch_rows).encode()), None), self.pid)


def _best_size(baseline: _Baseline, runs: int) -> int:
    def arm(size: int) -> Callable[[], float]:
        return lambda: baseline.run(size).seconds

    measured = interleave({str(size): arm(size) for size in BATCH_ROWS}, runs)
    return int(min(measured, key=lambda size: spread(measured[size]).median))


@contextmanager
def _baseline(deployment: Deployment) -> Iterator[_Baseline]:
    site = deployment.site
    command = ["-m", unprotected.__name__, "--site", str(site.folder), "--file", str(site.data / FILE)]
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().removeprefix(unprotected.READY).strip()
            with grpc.secure_channel(f"localhost:{port}", credentials(site), _OPTIONS) as channel:
                yield _Baseline(process.pid, channel)
        finally:
            process.kill()


_OPTIONS = [("grpc.max_receive_message_length", -1)]


EXTRACT = Benchmark(
    name="extract",
    about="rows/s of an extract, next to the same rows streamed with no protection at all",
    rows=2_000_000,
    runs=7,
    run=run,
)
