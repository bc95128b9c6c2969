"""The product's own pipeline in this process: what its engine was asked, and how long bounding, summing and noise took.

The pipeline makes the plan and reads its steps' clocks at the ports, so that what is timed is the product's own way,
whatever it is made of.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.releases.question import another, message
from bench.releases.serving import unheld
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.model.party import Peer
from gateway.pipeline import Ports
from gateway.server.desk import Desk
from gateway.server.problem import Problem
from gateway.server.research import Research
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway


class _Watched:
    """Passes every call on to a port, and tells of the calls of one method before and after."""

    def __init__(self, port: Any, method: str, around: Callable[[Callable[[], Any], tuple[Any, ...]], Any]) -> None:
        self._port, self._method, self._around = port, method, around

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return found if name != self._method else lambda *given: self._around(lambda: found(*given), given)


@dataclass
class Inside:
    """The pipeline, watched. `plan` is what the engine was asked last."""

    ports: Ports
    peer: Peer
    root: Path
    plan: Any = None
    began: float = 0.0
    ended: float = 0.0

    def bounding_and_noise(self) -> float:
        """Ask a new question, and return the seconds from the engine's part of it to when all noise was there."""
        self.began = self.ended = 0.0
        answer = Research(Desk(self.ports, 0)).create_release(self.peer, message(another()))
        if isinstance(answer, Problem) or not 0 < self.began < self.ended:
            raise RuntimeError("a release was not made anew")
        return self.ended - self.began

    def bounded(self) -> float:
        """Put the last question to an engine that has answered nothing yet, with nothing before or after it.

        Return the seconds.
        """
        engine = DuckDBSource(self.root)
        try:
            engine.verify(self.plan.contract)
            start = time.perf_counter()
            engine.aggregates(self.plan)
            return time.perf_counter() - start
        finally:
            engine.close()


@contextmanager
def inside(config: Path, peer: Peer) -> Iterator[Inside]:
    """Compose a gateway in this process by a settings file, for one caller."""
    settings = read_settings(config)
    with open_gateway(settings) as gateway:
        ports = unheld(gateway.ports)
        watched = Inside(ports, peer, settings.data.root)

        def asked(call: Callable[[], Any], given: tuple[Any, ...]) -> Any:
            watched.plan, watched.began = given[0], time.perf_counter()
            return call()

        def stored(call: Callable[[], Any], _: tuple[Any, ...]) -> Any:
            watched.ended = time.perf_counter()
            return call()

        source: Any = _Watched(ports.source, "aggregates", asked)
        ledger: Any = _Watched(ports.ledger, "store", stored)
        watched.ports = replace(ports, source=source, ledger=ledger)
        yield watched
