"""The register of extracts that can be gone on with."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gateway.model.extract import OpenExtract


class ExtractRegister(Protocol):
    """Extracts that can be gone on with, for some time, from any process. It holds nothing of the data."""

    def open(self, extract: OpenExtract) -> datetime:
        """Keep an extract durably and return the instant (naive UTC) until which it is kept at most.

        Of one institution only so many are kept: the oldest is forgotten for a further one.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...

    def find(self, extract_id: str) -> OpenExtract | None:
        """Return an extract; None if there is none, or none any more.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        ...
