"""Where rows are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from gateway.model.contract import DataContract
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope


class Source(Protocol):
    """Where rows are. Reads only, streams Arrow, and never runs text that a caller wrote.

    What is read is of one state of the data: of the version that a plan names, if it names one. Where that is not there
    to begin with, reading is SOURCE_SCHEMA_CHANGED; where it goes meanwhile, SOURCE_UNAVAILABLE in place of the next
    batch. No reading ever mixes two versions.
    """

    def verify(self, contract: DataContract) -> None:
        """Check that the data still has the schema its contract declares.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...

    def data_version(self, contract: DataContract) -> str:
        """Return a name for the data as it stands (hex); another state of the data has another name.

        It may be computed from the data, and therefore stays inside: see `stages.charge.data_version`.
        """
        ...

    def changed_at(self, contract: DataContract) -> datetime | None:
        """Return when the data, as they stand, changed last (naive UTC); None where nothing tells.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream the planned columns, typed as the contract says, in batches of about `batch_rows`.

        The rows of a plan come in the same order at every reading of one data version; batches may be cut elsewhere. Of
        a plan's `part`, parts are read side by side, none reading what is another's where that can be avoided. How rows
        are divided hangs on the data version and the number of parts alone: not on scope, columns or batches. A source
        that cannot divide has all in the first part. Where rows are kept in blocks, no block is cut: rows that leave
        in a shuffled order hide among those of a block.

        Closing the iterator early frees what the engine holds.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED, also after batches.
        """
        ...

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Tell whether counting would undo tokens of a field of text, among the rows in scope (`kernels.entropy`).

        NULLs do not count. A sample of the rows, drawn over all of them, may stand for all, so that the question is
        bounded. It is answered once a state of the data.

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Return the exact bounded aggregates, one row per non-empty cell (of a histogram, per cell and bin).

        Columns: the keys of the cells, named g0, g1, …; of a histogram b, the lower end of the bin (int64); then one
        int64 column per measure, named s0, s1, …

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Return the exact bounded aggregates of days, one row per day and cell that is not empty.

        Columns: day (date32); the keys of the cells, named g0, g1, …; one int64 column per measure, named s0, s1, …

        Raises:
            Fault: SOURCE_UNAVAILABLE or SOURCE_SCHEMA_CHANGED.
        """
        ...
