"""Rehearsals on an engine of their own: DuckDB over files that are made up from contracts, in a folder of its own.

It knows nothing of the folder of the data, and its engine is shut in as that of the data is. So the same text runs over
made up rows that would run over real ones.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.kernels.batches import declared_schema
from gateway.kernels.rehearsal import rehearsal
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan
from gateway.model.storage import SourceKind, SourceSpec

ROWS = 10_000
_REMEMBERED = 64
_SEED = 1
"""One for all: subjects are the same in every dataset, so that rehearsals join."""
_MEMORY = "128MB"


class DuckDBRehearsals:
    """A `Rehearsals`. Nothing is made before it is asked for. Safe between threads."""

    rows = ROWS

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._source: DuckDBSource | None = None
        self._made: OrderedDict[str, int] = OrderedDict()
        """The files that are there, the one asked for last at the end, with how many queries read each."""

    def close(self) -> None:
        """Free the engine and remove the files."""
        with self._lock:
            if self._source is not None:
                self._source.close()
            if self._folder is not None:
                self._folder.cleanup()
            self._source = self._folder = None
            self._made.clear()

    def rehearsed(self, plan: AggregatePlan, regions: Sequence[str]) -> pa.RecordBatch:
        """Return what `Source.aggregates` would, over made up rows whose places are among these regions.

        Raises:
            Fault: SOURCE_UNAVAILABLE.
        """
        joined = plan.joined
        made_up = replace(plan, contract=_made_up(plan.contract, regions))
        with ExitStack() as held:
            engine = held.enter_context(self._held(plan.contract, regions))
            if joined is not None:
                held.enter_context(self._held(joined.contract, regions))
                made_up = replace(made_up, joined=replace(joined, contract=_made_up(joined.contract, regions)))
            return engine.aggregates(made_up)

    @contextmanager
    def _held(self, contract: DataContract, regions: Sequence[str]) -> Iterator[DuckDBSource]:
        """The engine, with the file of these rows, which stays for as long as somebody reads it."""
        name = _name(contract, regions)
        with self._lock:
            try:
                engine = self._opened(name, contract, regions)
            except (OSError, pa.ArrowException):
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE) from None
            self._made[name] += 1
            self._tidy()
        try:
            yield engine
        finally:
            with self._lock:
                if name in self._made:  # else all of it was closed meanwhile
                    self._made[name] -= 1
                    self._tidy()

    def _opened(self, name: str, contract: DataContract, regions: Sequence[str]) -> DuckDBSource:
        """The engine, with the file of these rows. Called by one at a time."""
        if self._folder is None or self._source is None:
            self._folder = tempfile.TemporaryDirectory(prefix="rehearsals-")
            self._source = DuckDBSource(Path(self._folder.name), memory_limit=_MEMORY, threads=1)
        if name not in self._made:
            batches = rehearsal(contract, regions, ROWS, _SEED, contract.privacy_unit.kind)
            whole = pa.Table.from_batches(batches, declared_schema(contract))
            pq.write_table(whole, Path(self._folder.name) / f"{name}.parquet")
            self._made[name] = 0
        self._made.move_to_end(name)
        return self._source

    def _tidy(self) -> None:
        """Remove the files that nobody reads and that were asked for longest ago. Called by one at a time."""
        idle = [name for name, reading in self._made.items() if not reading]
        for name in idle[: max(0, len(self._made) - _REMEMBERED)]:
            del self._made[name]
            if self._folder is not None:
                (Path(self._folder.name) / f"{name}.parquet").unlink(missing_ok=True)


def _made_up(contract: DataContract, regions: Sequence[str]) -> DataContract:
    """The contract over the file of its made up rows: the engine knows contracts by their digest."""
    name = _name(contract, regions)
    return replace(contract, source=SourceSpec(SourceKind.PARQUET, f"{name}.parquet"), digest=name)


def _name(contract: DataContract, regions: Sequence[str]) -> str:
    """A public name of the rows: of the contract and the regions alone."""
    return hashlib.sha256("\x00".join(("rehearsal", contract.digest, *regions)).encode()).hexdigest()
