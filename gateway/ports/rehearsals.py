"""Rows that are made up, to rehearse on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pyarrow as pa

from gateway.model.plan import AggregatePlan


class Rehearsals(Protocol):
    """Aggregates of rows that are made up from a contract alone. Reads no data, and has no way to any."""

    @property
    def rows(self) -> int:
        """How many rows are made up of a dataset."""
        ...

    def rehearsed(self, plan: AggregatePlan, regions: Sequence[str]) -> pa.RecordBatch:
        """Return what `Source.aggregates` would, over made up rows whose places are among these regions.

        The same contract and regions have the same rows.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        ...
