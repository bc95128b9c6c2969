"""The clock of the machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """The `Clock` of the operating system: wall time in UTC, and its monotonic clock."""

    __slots__ = ()

    def now(self) -> datetime:
        """Return the instant, naive UTC."""
        return datetime.now(UTC).replace(tzinfo=None)

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    def sleep_until(self, instant: float) -> None:
        """Block until `monotonic()` reaches `instant`; return at once if it has."""
        while (remaining := instant - time.monotonic()) > 0:
            time.sleep(remaining)
