"""What operators see of calls: counts, times and log lines. Names of methods, reasons and institutions; no values."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.server.log_lines import place_of

OK = "OK"
CANCELLED = "CANCELLED"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Observer:
    """Counts and logs calls. Safe to use from several threads."""

    def __init__(self, registry: CollectorRegistry, stream: TextIO | None = None) -> None:
        self._calls = Counter(
            "gateway_calls", "Calls ended, by method and reason.", ("method", "reason"), registry=registry
        )
        self._seconds = Histogram(
            "gateway_call_seconds", "Duration of calls.", ("method",), buckets=_SECONDS, registry=registry
        )
        self._running = Gauge("gateway_calls_running", "Calls under way.", ("method",), registry=registry)
        self._log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            structlog.PrintLogger(stream or sys.stderr),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.add_log_level,
                structlog.processors.JSONRenderer(),
            ],
        )

    def began(self, method: str) -> None:
        """A call began."""
        self._running.labels(method).inc()

    def ended(self, method: str, status: str, reason: str, seconds: float, institution: str) -> None:
        """A call ended: with OK, CANCELLED or an ErrorReason. `institution` is empty where none was verified."""
        self._running.labels(method).dec()
        self._calls.labels(method, reason).inc()
        self._seconds.labels(method).observe(seconds)
        self._log.info(
            "call",
            method=method,
            status=status,
            reason=reason,
            milliseconds=round(seconds * 1000, 3),
            institution=institution,
        )

    def fault(self, method: str, error: BaseException) -> None:
        """An unexpected exception: its type and place alone, for its text may hold values."""
        kind = type(error)
        self._log.error(
            "unexpected exception",
            method=method,
            exception=f"{kind.__module__}.{kind.__qualname__}",
            at=place_of(error.__traceback__),
        )

    def state(self, event: str, **facts: str | int | float) -> None:
        """The server changed its state: started, stopping, stopped."""
        self._log.info(event, **facts)
