"""Many sources as one: each question goes to the engine that its contract's rows are kept in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import pyarrow as pa

from gateway.model.contract import DataContract, SourceKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.ports import Source


class RoutedSources:
    """A `Source` over others, by the kind of source that a contract names.

    A kind for which this gateway was given no engine is SOURCE_UNAVAILABLE.
    """

    def __init__(self, engines: Mapping[SourceKind, Source]) -> None:
        self._engines = engines

    def verify(self, contract: DataContract) -> None:
        """As the contract's engine."""
        self._of(contract).verify(contract)

    def data_version(self, contract: DataContract) -> str:
        """As the contract's engine."""
        return self._of(contract).data_version(contract)

    def changed_at(self, contract: DataContract) -> datetime | None:
        """As the contract's engine."""
        return self._of(contract).changed_at(contract)

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """As the contract's engine."""
        return self._of(plan.contract).rows(plan, batch_rows)

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """As the contract's engine."""
        return self._of(contract).guessable(contract, field, scope)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """As the engine of the plan's own contract, which has the joined rows as well (`decision.joining`)."""
        return self._of(plan.contract).aggregates(plan)

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """As the contract's engine."""
        return self._of(plan.contract).days(plan)

    def _of(self, contract: DataContract) -> Source:
        engine = self._engines.get(contract.source.kind)
        if engine is None:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
        return engine
