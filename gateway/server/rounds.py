"""What a gateway does by itself, round after round: follow the policy, let what ended end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.model.errors import Fault
from gateway.server.observation import Observer


@dataclass(frozen=True, slots=True)
class Round:
    """A thing to do every so many seconds. What it raises is observed, and it is done again the next time."""

    label: str
    seconds: float
    work: Callable[[], object]


class Rounds:
    """A thread that makes rounds from `start` to `stop`. The first of each is made at once."""

    def __init__(self, rounds: Iterable[Round], observer: Observer) -> None:
        self._rounds = tuple(rounds)
        self._observer = observer
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin. Called once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round under way."""
        self._over.set()
        self._thread.join()

    def _go(self) -> None:
        due = dict.fromkeys(self._rounds, time.monotonic())
        while not self._over.wait(max(0.0, min(due.values()) - time.monotonic())):
            one = min(due, key=lambda each: due[each])
            try:
                one.work()
            except Fault as fault:
                self._observer.state("round failed", round=one.label, reason=fault.reason.value)
            except Exception as error:
                self._observer.fault(one.label, error)
            due[one] = time.monotonic() + one.seconds
