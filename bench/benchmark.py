"""What every benchmark is to the harness: a name, a default size, and a run that returns figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.measure import Json

Say = Callable[[str], None]
"""Tells the user what is going on."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`run(rows, runs, say)` measures and returns one JSON object, its headline figures first.

    `rows` is the size of the data, `runs` how often each arm is measured. `quick` are both, where all benchmarks are
    run and nobody asks for their full size.
    """

    name: str
    about: str
    rows: int
    runs: int
    run: Callable[[int, int, Say], Mapping[str, Json]]
    quick: tuple[int, int] | None = None
