"""`releases`: a grouped count and bounded sum, people bounded: alone, over gRPC, again, and by other libraries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

import gateway.client as gw
from bench.benchmark import Benchmark, Say
from bench.kernels import load
from bench.measure import Json, interleave, ratios, significant, spread
from bench.peers import PeerRun, peer
from bench.releases import others
from bench.releases.crowd import crowded
from bench.releases.deployment import UNHELD, UNIVERSITIES, prepared, serving
from bench.releases.inside import inside
from bench.releases.others import interpreters
from bench.releases.question import EPSILON, another, ask, near
from bench.releases.visits import FILE, PLACES, persons_of

REPEATS = 20
"""How often a release is asked for again in one run."""
_SMALL = 10
"""The part of the rows that many researchers work on."""
_SLOT_MS = 400
"""A slot as the product's contracts have it."""


def run(rows: int, runs: int, say: Say) -> Mapping[str, Json]:
    """Measure all arms in turns, then many researchers at once."""
    say(f"making {rows:,} visits of {persons_of(rows):,} people, and starting a gateway and its peers")
    totals: dict[str, Sequence[float]] = {}
    with ExitStack() as stack:
        site = stack.enter_context(prepared(rows))
        stack.enter_context(serving(site, *UNHELD))
        connection = stack.enter_context(site.connect(UNIVERSITIES[0]))
        watched = stack.enter_context(inside(site.config, site.peer(UNIVERSITIES[0])))
        asked = ask(connection)
        arms: dict[str, Callable[[], float]] = {
            "bounding_and_noise": watched.bounding_and_noise,
            "bounded": watched.bounded,
            "release": lambda: _release(connection, totals, at_most=another()),
            "release_of_known": lambda: _release(connection, totals, epsilon=near(another())),
            "repeat": lambda: _repeat(connection, asked),
        }
        for work, python in interpreters().items():
            arms[work] = _peer(work, stack.enter_context(peer(python, work, site.data / FILE, others.__file__)), totals)
        say("warming up")
        for arm in arms.values():
            arm()
        say(f"running {len(arms)} arms in turns, {runs} times each")
        seconds = interleave(arms, runs)
        after = load()
    say("asking again for a release of a gateway whose clock waits, first who paid for it and then somebody else")
    own, others_own = _held(min(rows, 10_000), runs)
    crowd_rows = max(rows // _SMALL, 1)
    say(f"letting researchers ask at once, over {crowd_rows:,} visits")
    return {
        **_figures(seconds),
        "repeat_held_ms": significant(spread(own).median * 1e3),
        "repeat_to_others_ms": significant(spread(others_own).median * 1e3),
        "slot_ms": _SLOT_MS,
        "rows": rows,
        "persons": persons_of(rows),
        "cells": len(PLACES),
        "totals": {name: f"{each[0]:.0f} visits, {each[1]:.0f}" for name, each in totals.items()},
        "load": after,
        "researchers": crowded(crowd_rows),
        "spread": {name: spread([one * 1e3 for one in found]).json() for name, found in seconds.items()},
    }


def _figures(seconds: Mapping[str, Sequence[float]]) -> dict[str, Json]:
    compared = {
        "vs_bounded": ("release", "bounded"),
        **{f"{work}_vs_{ours}": (work, ours) for work in interpreters() for ours in ("release", "release_of_known")},
    }
    return {
        **{f"{name}_ms": significant(spread(found).median * 1e3) for name, found in seconds.items()},
        **{name: spread(ratios(seconds[one], seconds[other])).json() for name, (one, other) in compared.items()},
    }


def _release(
    connection: gw.Gateway, totals: dict[str, Sequence[float]], *, epsilon: float = EPSILON, at_most: int = 0
) -> float:
    start = time.perf_counter()
    answer = ask(connection, epsilon, at_most)
    seconds = time.perf_counter() - start
    if not answer.charged:
        raise RuntimeError("a release was not made anew")
    totals["release"] = _totals(answer)
    return seconds


def _totals(answer: gw.Release) -> list[float]:
    rows = [[estimate.value for estimate in cell.estimates] for cell in answer.message.cells]
    return [float(sum(column)) for column in zip(*rows, strict=True)]


def _repeat(connection: gw.Gateway, first: gw.Release) -> float:
    """Seconds of one repeat, of some."""
    start = time.perf_counter()
    for _ in range(REPEATS):
        again = ask(connection)
        if again.charged or again.message != first.message:
            raise RuntimeError("a repeated release is not the same")
    return (time.perf_counter() - start) / REPEATS


def _held(rows: int, runs: int) -> tuple[list[float], list[float]]:
    """Seconds of repeats by the product's own command, with a slot: to who paid, and to another university."""
    with ExitStack() as stack:
        site = stack.enter_context(serving(stack.enter_context(prepared(rows, slot_ms=_SLOT_MS))))
        payer, other = (stack.enter_context(site.connect(name)) for name in UNIVERSITIES[:2])
        first = ask(payer)
        return [_repeat(payer, first) for _ in range(runs)], [_repeat(other, first) for _ in range(runs)]


def _peer(work: str, pass_: Callable[[], PeerRun], totals: dict[str, Sequence[float]]) -> Callable[[], float]:
    def arm() -> float:
        start = time.perf_counter()
        done = pass_()
        seconds = time.perf_counter() - start
        totals[work] = done.result
        return seconds

    return arm


RELEASES = Benchmark(
    name="releases",
    about="a grouped count and bounded sum with differential privacy, next to other libraries; 50 researchers at once",
    rows=1_000_000,
    runs=5,
    run=run,
    quick=(300_000, 3),
)
