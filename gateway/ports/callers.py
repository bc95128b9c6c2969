"""Who calls, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model.party import Identity, Peer


class Clock(Protocol):
    """Time. Naive UTC, so that stored instants compare."""

    def now(self) -> datetime:
        """Return the instant, naive UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    def sleep_until(self, instant: float) -> None:
        """Block until `monotonic()` reaches `instant`."""
        ...


class IdentityProvider(Protocol):
    """Turns what a caller presents into who the caller is."""

    def identify(self, peer: Peer, now: datetime) -> Identity:
        """Return the verified identity.

        Raises:
            Unauthenticated: with the reason; the text carries nothing of what was presented.
        """
        ...
