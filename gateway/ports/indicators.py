"""What is kept of indicators: how they were published last."""

from __future__ import annotations

from typing import Protocol

from gateway.model.indicator import KeptIndicator


class IndicatorRegister(Protocol):
    """Remembers of each indicator what was published last, durably, for all gateways alike."""

    def latest(self, indicator_id: str) -> KeptIndicator | None:
        """Return what was published last, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def version(self, indicator_id: str) -> int:
        """Return the number of what was published last; -1 where nothing was.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def keep(self, published: KeptIndicator) -> bool:
        """Keep a version durably, if it follows the one that is kept (the first is 0); return False otherwise.

        Raises:
            Fault: REGISTER_UNAVAILABLE; nothing may have been kept.
        """
        ...
