"""Exports by Spark: Parquet files below the data folder or in a lake, read, treated and written by its workers.

The workers see the same paths as the gateway: the data folder, the folder of exports and the key file. In a Spark of
the gateway's own they do; another one's machines share these folders, and run this very product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from gateway.adapters.duckdb.data import SourceData, open_data
from gateway.adapters.spark.files import planned
from gateway.adapters.spark.parts import TOLD, WritePart, check_place, parts_told
from gateway.adapters.spark.sessions import Session, engine_faults
from gateway.adapters.spark.source import SparkSource
from gateway.adapters.spark.states import check_unchanged
from gateway.kernels.batches import declared_schema
from gateway.model.errors import ErrorReason, Fault
from gateway.model.export import StagedPart, StagingPlace
from gateway.model.plan import RowPlan
from gateway.model.storage import SourceKind
from gateway.ports.exports import RowWork


class SparkExports:
    """An `ExportEngine` over the Parquet files of one folder, and over lakes."""

    def __init__(self, root: Path, session: Callable[[], Session], lakes: SparkSource | None = None) -> None:
        """`session` opens the Spark that reads the folder when it is first needed; `lakes` have theirs.

        Raises:
            Fault: SOURCE_UNAVAILABLE if there is no such folder.
        """
        try:
            self._root = root.resolve(strict=True)
        except OSError:
            raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
        self._session = session
        self._lakes = lakes

    def reading(self, plan: RowPlan) -> SparkReading | None:
        """Return the rows of a plan; None for all but Parquet files that hold every declared field themselves."""
        match plan.contract.source.kind:
            case SourceKind.PARQUET:
                return self._of_files(plan)
            case SourceKind.SPARK if self._lakes is not None:
                session, state = self._lakes.state_of(plan)
                paths = tuple(file.path for file in state.files)
                return SparkReading(lambda: session, plan, paths, partial(check_unchanged, session, state.files))
            case _:
                return None

    def _of_files(self, plan: RowPlan) -> SparkReading | None:
        data = open_data(self._root, plan.contract)
        if data.version != plan.version:
            raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)
        if data.location.partitions:
            return None  # what only a path says is not read here
        paths = tuple(f"file:{path}" for path in data.location.paths)
        return SparkReading(self._session, plan, paths, partial(_check_files, data))


@dataclass(frozen=True, slots=True)
class SparkReading:
    """A `Reading` of files in one state. `check` raises a Fault once they are in another."""

    session: Callable[[], Session]
    plan: RowPlan
    paths: tuple[str, ...]
    check: Callable[[], None]

    def stage(self, work: RowWork, schema: pa.Schema, place: StagingPlace) -> Iterator[StagedPart]:
        """Have the rows treated and written, and yield the parts as they are there. Raises as the port says."""
        if self.paths:
            session = self.session()
            read = declared_schema(self.plan.contract, self.plan.columns)
            with engine_faults():
                rows = planned(session.spark, self.plan, self.paths)
                told = rows.mapInArrow(WritePart(work, read, schema, place), TOLD)
            with closing(session.stream(told)) as batches:
                for batch in batches:
                    yield from parts_told(batch)
            # each of several workers could have written a block when none was left for both
            check_place(place)
        self.check()


def _check_files(data: SourceData) -> None:
    if not data.unchanged(surely=True):
        raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
