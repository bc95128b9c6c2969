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

from bench.releases.question import message
from bench.releases.serving import unheld
from gateway.model.party import Peer
from gateway.pipeline import Ports
from gateway.server.desk import Desk
from gateway.server.problem import Problem
from gateway.server.research import Research
from gateway.settings import read_settings
from gateway.wiring import open_gateway


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
    plan: Any = None
    began: float = 0.0
    ended: float = 0.0

    def bounding_and_noise(self, epsilon: float) -> float:
        """Make a new release, and return the seconds from the engine's question to when all noise was there."""
        self.began = self.ended = 0.0
        answer = Research(Desk(self.ports, 0)).create_release(self.peer, message(epsilon))
        if isinstance(answer, Problem) or not 0 < self.began < self.ended:
            raise RuntimeError("a release was not made anew")
        return self.ended - self.began

    def bounded(self) -> float:
        """Put the same question to the engine again, with nothing before or after it, and return the seconds."""
        start = time.perf_counter()
        self.ports.source.aggregates(self.plan)
        return time.perf_counter() - start


@contextmanager
def inside(config: Path, peer: Peer) -> Iterator[Inside]:
    """Compose a gateway in this process by a settings file, for one caller."""
    with open_gateway(read_settings(config)) as gateway:
        ports = unheld(gateway.ports)
        watched = Inside(ports, peer)

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
