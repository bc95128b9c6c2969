"""What is kept of series: who opened them, and the days that were read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.model.series import ClosedDay, Opening


class SeriesRegister(Protocol):
    """Remembers openings, and of each day its nodes, durably. What was kept of a day never changes."""

    def open(self, opening: Opening) -> Opening:
        """Keep the opening of a series and return the one that stands: the first.

        Raises:
            Fault: LEDGER_UNAVAILABLE, also if the series was never charged.
        """
        ...

    def opening(self, series_id: str) -> Opening | None:
        """Return the opening of a series, or None.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def close(self, series_id: str, days: Sequence[ClosedDay], *, complete: bool) -> bool:
        """Keep days durably, all or none, if the first of them is the next one; return False otherwise.

        Once a series is `complete`, the figures of all its days are erased.

        Raises:
            Fault: LEDGER_UNAVAILABLE; nothing may have been kept. INTERNAL for days that do not follow each other.
        """
        ...

    def erase_ended(self, now: datetime) -> int:
        """Erase the figures of all series that have ended by now; return of how many days. Nodes stay.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def closed(self, series_id: str) -> int:
        """Return how many days of a series are kept.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ...

    def days(self, series_id: str, last: int) -> tuple[ClosedDay, ...]:
        """Return the days from the first to `last`, in order, as far as they are kept.

        Raises:
            Fault: LEDGER_UNAVAILABLE, also if what is kept cannot be read back exactly.
        """
        ...
