"""`extract`: a register streamed by the gateway; by the same engine and channel with no protection at all; and by the
gateway that one would write in a day."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import grpc

from bench import obvious, rival, unprotected
from bench.benchmark import Benchmark, Say
from bench.deployment import DATASET, DEPARTMENT, PURPOSE, Deployment, credentials, deployed
from bench.kernels import load
from bench.measure import Json, interleave, ratios, significant, spread
from bench.processes import peak_rss_mib
from bench.register import FILE
from bench.stream import StreamRun, run_rows, run_stream
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.client.extract import Extract
from tests.integration.site import ROOT

BATCH_ROWS = (16_384, 65_536, 131_072)
"""The sizes that the baseline's best is sought among; DuckDB's batches are never larger than a row group."""

CODECS = ("lz4", "zstd")
"""The compressions that it is tried with at its best size; without any comes first."""

OBVIOUS_ROWS = 50_000
"""Rows of a run of the obvious gateway: it is far slower, and a row costs the same however many there are."""


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure both streams in turns."""
    say(f"making a register of {rows:,} people and starting a gateway over it")
    with (
        deployed(rows) as deployment,
        _served(deployment, unprotected) as baseline,
        _served(deployment, obvious) as plain,
    ):
        with deployment.site.connect(DEPARTMENT) as department:

            def protected() -> StreamRun:
                return run_stream(lambda: department.extract(DATASET, "everybody", purpose=PURPOSE), deployment.pid)

            say("warming up, and seeking the baseline's best batch size and compression")
            protected()
            few = min(rows, OBVIOUS_ROWS)
            plain.run(str(few))
            best, tried = _best(baseline, runs=3)
            say(f"running all in turns, {runs} times each; the baseline's batches: {best} rows")
            arms = {
                "gateway": protected,
                "baseline": lambda: baseline.run(best),
                "obvious": lambda: plain.run(str(few)),
            }
            results = interleave(arms, runs)
        if {run.rows for name in ("gateway", "baseline") for run in results[name]} != {rows}:
            raise RuntimeError("a stream had other rows than the register")
        if {run.rows for run in results["obvious"]} != {few}:
            raise RuntimeError("the obvious gateway gave other rows than it was asked for")
        return figures(results["gateway"], results["baseline"], results["obvious"], best) | {
            "unprotected_rows_per_s_at": tried,
            "peak_rss_mib": {
                "gateway": round(peak_rss_mib(deployment.pid)),
                "unprotected": round(peak_rss_mib(baseline.pid)),
            },
            "load": load(),
        }


def figures(
    ours: Sequence[StreamRun], theirs: Sequence[StreamRun], obvious_: Sequence[StreamRun], best: str
) -> dict[str, Json]:
    """Return the figures of interleaved runs."""
    rates = [run.rows_per_s for run in ours]
    bare = [run.rows_per_s for run in theirs]
    compared = spread(ratios(rates, bare))
    cpu = spread(ratios([run.cpu_ns_per_row for run in theirs], [run.cpu_ns_per_row for run in ours]))
    plain = [run.rows_per_s for run in obvious_]
    over_plain = spread(ratios(rates, plain))
    return {
        "rows_per_s": round(spread(rates).median),
        "vs_unprotected_stream": significant(compared.median, 3),
        "vs_unprotected_stream_by_cpu": significant(cpu.median, 3),
        "vs_obvious_gateway": significant(over_plain.median, 3),
        "first_batch_ms": significant(spread([run.first_batch for run in ours]).median * 1e3),
        "rows": ours[0].rows,
        "bytes_per_row": significant(ours[0].bytes / ours[0].rows),
        "batches": ours[0].batches,
        "runs": len(ours),
        "spread": {
            "rows_per_s": spread(rates).json(),
            "unprotected_rows_per_s": spread(bare).json(),
            "vs_unprotected_stream": compared.json(),
            "vs_unprotected_stream_by_cpu": cpu.json(),
            "obvious_rows_per_s": spread(plain).json(),
            "vs_obvious_gateway": over_plain.json(),
            "first_batch_ms": spread([run.first_batch * 1e3 for run in ours]).json(),
            "unprotected_first_batch_ms": spread([run.first_batch * 1e3 for run in theirs]).json(),
        },
        "cpu_ns_per_row": {
            "gateway": _cpu(ours, lambda run: run.server_cpu),
            "gateway_client": _cpu(ours, lambda run: run.client_cpu),
            "unprotected": _cpu(theirs, lambda run: run.server_cpu),
            "unprotected_client": _cpu(theirs, lambda run: run.client_cpu),
            "obvious": _cpu(obvious_, lambda run: run.server_cpu),
        },
        "unprotected": {
            "rows_per_s": round(spread(bare).median),
            "batches_of": best,
            "bytes_per_row": significant(theirs[0].bytes / theirs[0].rows),
            "batches": theirs[0].batches,
        },
    }


def _cpu(runs: Sequence[StreamRun], seconds: Callable[[StreamRun], float]) -> int:
    return round(spread([seconds(run) / run.rows * 1e9 for run in runs]).median)


@dataclass(frozen=True, slots=True)
class _Served:
    """A baseline that serves, and a channel to it."""

    pid: int
    channel: grpc.Channel
    method: str

    def run(self, asked: str) -> StreamRun:
        """Read one of its streams."""
        call = self.channel.unary_stream(
            self.method, request_serializer=None, response_deserializer=pb.ExtractResponse.FromString
        )
        if self.method == obvious.METHOD:
            return run_rows(lambda: call(asked.encode()), self.pid)
        return run_stream(lambda: Extract(lambda _: call(asked.encode()), None, resume=False), self.pid)


def _best(baseline: _Served, runs: int) -> tuple[str, dict[str, Json]]:
    """The size, and the codec if one helps, by which the baseline streams the most rows; and what each streams."""

    def arm(asked: str) -> Callable[[], float]:
        return lambda: baseline.run(asked).rows_per_s

    tried: dict[str, Json] = {}

    def fastest(choices: Sequence[str]) -> str:
        measured = interleave({asked: arm(asked) for asked in choices}, runs)
        rates = {asked: spread(measured[asked]).median for asked in choices}
        tried.update((asked, round(rate)) for asked, rate in rates.items())
        return max(rates, key=lambda asked: rates[asked])

    size = fastest([str(size) for size in BATCH_ROWS])
    return fastest([size, *(f"{size} {codec}" for codec in CODECS)]), tried


@contextmanager
def _served(deployment: Deployment, baseline: ModuleType) -> Iterator[_Served]:
    site = deployment.site
    command = ["-m", baseline.__name__, "--site", str(site.folder), "--file", str(site.data / FILE)]
    with subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().removeprefix(rival.READY).strip()
            with grpc.secure_channel(f"localhost:{port}", credentials(site), _OPTIONS) as channel:
                yield _Served(process.pid, channel, baseline.METHOD)
        finally:
            process.kill()


_OPTIONS = [("grpc.max_receive_message_length", -1)]


EXTRACT = Benchmark(
    name="extract",
    about="rows/s of an extract, next to the same rows streamed with no protection at all",
    rows=2_000_000,
    runs=7,
    run=run,
    quick=(1_000_000, 5),
)
