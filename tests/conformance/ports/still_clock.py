"""A clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.conformance.ports.samples import AT


class StillClock:
    """A `Clock` that stands until it is moved; sleeping moves it."""

    def __init__(self) -> None:
        self._now = AT
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep_until(self, instant: float) -> None:
        self.pass_by(max(0.0, instant - self._monotonic))

    def pass_by(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
