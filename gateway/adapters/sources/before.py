"""What a source that stands before others leaves to them: all that it does not do itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa

from gateway.model.contract import DataContract
from gateway.model.errors import Fault
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.ports import Source


class SourceBefore(ABC):
    """A `Source` that has each question answered by one behind it."""

    @abstractmethod
    def _behind(self, contract: DataContract) -> Source:
        """Return the source of a contract's rows. Raises Fault SOURCE_UNAVAILABLE where there is none."""

    def verify(self, contract: DataContract) -> None:
        """As the source behind it."""
        self._behind(contract).verify(contract)

    def data_version(self, contract: DataContract) -> str:
        """As the source behind it."""
        return self._behind(contract).data_version(contract)

    def changed_at(self, contract: DataContract) -> datetime | None:
        """As the source behind it."""
        return self._behind(contract).changed_at(contract)

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """As the source behind it."""
        return self._behind(plan.contract).rows(plan, batch_rows)

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """As the source behind it."""
        return self._behind(contract).guessable(contract, field, scope)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """As the source behind the plan's own contract, which has the joined rows as well (`decision.joining`)."""
        return self._behind(plan.contract).aggregates(plan)

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """As the source behind it."""
        return self._behind(plan.contract).days(plan)

    def _version_now(self, contract: DataContract) -> str | None:
        """The data as it stands; None where it cannot be told."""
        try:
            return self._behind(contract).data_version(contract)
        except Fault:
            return None
