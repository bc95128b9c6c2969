"""`demo`: what a newcomer waits for, next to a Python that only imports what serving and calling take.

A run is a whole `gateway demo` in a folder of its own: certificates, keys, a city, a serving process, every scene.
`rows` are the people of its city.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.benchmark import Benchmark, Say
from bench.measure import Json, interleave, ratios, significant, spread
from tests.integration.site import ROOT, free_port

_IMPORTS = "import gateway.wiring.composition, gateway.client, seeds.generator"


@dataclass(frozen=True, slots=True)
class Play:
    """One run, in seconds from the start of the process to the first answer and to its end."""

    first_answer: float
    end: float


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Play the demo, and import what it takes, in turns."""
    say(f"playing the demo with {rows:,} people and importing what it takes in turns, {runs} times each")
    results = interleave({"demo": lambda: _play(rows), "imports": _imports}, runs)
    return figures(results["demo"], results["imports"], rows)


def figures(plays: Sequence[Play], imports: Sequence[Play], rows: int) -> dict[str, Json]:
    """Return the figures of interleaved runs."""
    first, end = [play.first_answer for play in plays], [play.end for play in plays]
    bare = [one.end for one in imports]
    compared = spread(ratios(first, bare))
    return {
        "seconds_to_first_answer": significant(spread(first).median),
        "seconds": significant(spread(end).median),
        "first_answer_vs_imports": significant(compared.median, 3),
        "imports_seconds": significant(spread(bare).median),
        "rows": rows,
        "spread": {
            "seconds_to_first_answer": spread(first).json(),
            "seconds": spread(end).json(),
            "imports_seconds": spread(bare).json(),
            "first_answer_vs_imports": compared.json(),
        },
    }


def _play(people: int) -> Play:
    with TemporaryDirectory(prefix="gateway-bench-") as name:
        where = ["--folder", str(Path(name) / "demo"), "--port", str(free_port())]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "demo", "--json", "--people", str(people), *where],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        end = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"the demo failed:\n{done.stderr[-4000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    # the demo's own clock starts once Python runs it; what came before is what is left over
    before = end - float(told["seconds"])
    return Play(before + float(told["seconds_to_first_answer"]), end)


def _imports() -> Play:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", _IMPORTS], cwd=ROOT, check=True)
    end = time.perf_counter() - began
    return Play(end, end)


DEMO = Benchmark(
    name="demo",
    about="seconds from the start of `gateway demo` to its first answer and to its end, next to bare imports",
    rows=20_000,
    runs=3,
    run=run,
    quick=(20_000, 1),
)
