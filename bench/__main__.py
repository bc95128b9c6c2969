"""`python -m bench list | all | NAME [--rows N] [--runs N] [--json]`. The last line on stdout is one JSON object."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from bench import decide
from bench.anonymity import ANONYMITY
from bench.benchmark import Benchmark
from bench.day import DAY
from bench.demo import DEMO
from bench.extract import EXTRACT
from bench.ingest import INGEST
from bench.lookup import LOOKUP
from bench.measure import Json
from bench.pair import PAIR
from bench.pseudonyms import PSEUDONYMS
from bench.releases.large import RELEASES_SCALE
from bench.releases.speed import RELEASES
from bench.report import print_figures, print_summary
from bench.scale import SCALE
from bench.start import START
from bench.synthesis import SYNTHESIS
from bench.targets import summary
from bench.watch import WATCH

BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        EXTRACT,
        DAY,
        LOOKUP,
        PAIR,
        decide.DECIDE,
        DEMO,
        START,
        PSEUDONYMS,
        ANONYMITY,
        SCALE,
        RELEASES,
        RELEASES_SCALE,
        SYNTHESIS,
        INGEST,
        WATCH,
    )
}
RESULTS = Path(__file__).resolve().parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Benchmarks: what the gateway costs next to the same work without it.",
        epilog="\n".join(f"{one.name:14} {one.about}" for one in BENCHMARKS.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=["list", "all", *BENCHMARKS], help="one benchmark, all of them, or their list")
    parser.add_argument("--rows", type=_positive, help="the size of the data (default: the benchmark's own)")
    parser.add_argument("--runs", type=_positive, help="how often each arm is measured (default: the benchmark's own)")
    parser.add_argument("--rules", type=_positive, nargs="+", help="decide: the numbers of rules to measure")
    parser.add_argument("--full", action="store_true", help="all: each at its own size, which takes hours")
    parser.add_argument("--json", action="store_true", help="print the JSON object alone")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    if chosen.name == "list":
        for one in BENCHMARKS.values():
            print(f"{one.name:14} {one.about} (rows: {one.rows:,})")
        return 0
    if chosen.name == "all":
        results = {name: _run(_sized(one, full=chosen.full), chosen, save=True) for name, one in BENCHMARKS.items()}
        aims = summary(results)
        _save("summary", {"aims": aims})
        if not chosen.json:
            print_summary(Console(), aims)
        print(json.dumps(results))
    else:
        measured = BENCHMARKS[chosen.name]
        if chosen.rules:
            if measured is not decide.DECIDE:
                parser.error("--rules is for decide")
            measured = decide.benchmark(chosen.rules, decide.judged)
        print(json.dumps(_run(measured, chosen, save=False)))
    return 0


def _run(benchmark: Benchmark, chosen: argparse.Namespace, *, save: bool) -> Mapping[str, Json]:
    def say(text: str) -> None:
        print(f"{benchmark.name}: {text}", file=sys.stderr, flush=True)

    figures = {
        "benchmark": benchmark.name,
        **benchmark.run(chosen.rows or benchmark.rows, chosen.runs or benchmark.runs, say),
    }
    if save:
        _save(benchmark.name, figures)
    if not chosen.json:
        print_figures(Console(), benchmark.name, figures)
    return figures


def _save(name: str, figures: object) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _sized(benchmark: Benchmark, *, full: bool) -> Benchmark:
    """The benchmark at the size that it has among all."""
    if full or benchmark.quick is None:
        return benchmark
    rows, runs = benchmark.quick
    return replace(benchmark, rows=rows, runs=runs)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    # as Ctrl-C does, so that the processes under measurement end too
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
