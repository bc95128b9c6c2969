"""Exports by Spark: Parquet files below the data folder, read, treated and written by its workers.

The workers see the same paths as the gateway: the data folder, the folder of exports and the key file. In a Spark of
the gateway's own they do; another one's machines share these folders, and run this very product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gateway.adapters.source_data import SourceData, open_data
from gateway.adapters.spark.files import planned
from gateway.adapters.spark.parts import TOLD, WritePart, parts_told
from gateway.adapters.spark.sessions import Session, engine_faults
from gateway.kernels.batches import declared_schema
from gateway.model.contract import SourceKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import StagedPart
from gateway.model.plan import RowPlan
from gateway.ports.exports import RowWork


class SparkExports:
    """An `ExportEngine` over the Parquet files of one folder. `session` opens Spark when it is first needed."""

    def __init__(self, root: Path, session: Callable[[], Session]) -> None:
        """Raises Fault: SOURCE_UNAVAILABLE if there is no such folder."""
        try:
            self._root = root.resolve(strict=True)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        self._session = session

    def reading(self, plan: RowPlan) -> SparkReading | None:
        """Return the rows of a plan; None for all but Parquet files that hold every declared field themselves."""
        if plan.contract.source.kind is not SourceKind.PARQUET:
            return None
        data = open_data(self._root, plan.contract)
        if data.version != plan.version:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        # what only a path says is not read here
        return None if data.location.partitions else SparkReading(self._session, data, plan)


@dataclass(frozen=True, slots=True)
class SparkReading:
    """A `Reading` of files in one state."""

    session: Callable[[], Session]
    data: SourceData
    plan: RowPlan

    def stage(self, work: RowWork, schema: pa.Schema, folder: Path) -> Iterator[StagedPart]:
        """Have the rows treated and written, and yield the parts as they are there. Raises as the port says."""
        paths = self.data.location.paths
        if paths:
            session = self.session()
            read = declared_schema(self.plan.contract, self.plan.columns)
            with engine_faults():
                rows = planned(session.spark, self.plan, paths)
                told = rows.mapInArrow(WritePart(work, read, schema, folder), TOLD)
            with closing(session.stream(told)) as batches:
                for batch in batches:
                    yield from parts_told(batch)
        if not self.data.unchanged(surely=True):
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
