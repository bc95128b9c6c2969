"""Copies of services' rows, for what needs data that stand still: statistics, blending in, randomised fields.

Only where a contract says so. A copy is taken when it is asked for and the last one is as old as the contract allows.
It is a file of this process alone, read by an embedded engine of its own, and gone when the process ends in order. What
an earlier process left behind is removed at the start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.upstream.source import UpstreamSource
from gateway.kernels.batches import declared_schema
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan, RowScope
from gateway.model.storage import SourceKind, SourceSpec
from gateway.ports.interruption import failure

_PREFIX, _LOCK = "copies-", "lock"
_KEPT = 2
"""The newest copy of a dataset, and the one before it: what reads that may end."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """All rows as they were: the contract over their file, the name of what is in it, and when it was taken."""

    contract: DataContract
    version: str
    taken: float


class CopiedServices:
    """A `Source` over services, some of which it copies. Safe between threads."""

    def __init__(self, live: UpstreamSource, folder: Path, most_bytes: int, memory_limit: str, threads: int) -> None:
        """Make a place in `folder` for copies of at most so many bytes each; the engine is as `DuckDBSource`'s.

        Raises:
            OSError: it cannot be made.
        """
        self._live, self._most_bytes = live, most_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder / _LOCK):
            _sweep(folder)
            self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
            self._held = _hold(self._folder / _LOCK)
        self._engine = DuckDBSource(self._folder, memory_limit=memory_limit, threads=threads)
        self._copies: dict[str, list[_Copy]] = {}
        self._taking: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Free the engine and remove the copies. Streams that are under way end in a fault."""
        self._engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._held.close()

    def verify(self, contract: DataContract) -> None:
        """As the service's source."""
        self._live.verify(contract)

    def data_version(self, contract: DataContract) -> str:
        """Return the name of what is in the newest copy, taken now if it has to be; or as the service's source."""
        return self._newest(contract).version if _copied(contract) else self._live.data_version(contract)

    def changed_at(self, contract: DataContract) -> datetime | None:
        """Return when the newest copy was taken; None for what is asked live."""
        return self._engine.changed_at(self._newest(contract).contract) if _copied(contract) else None

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Stream from the copy of the plan's version, or from the service. Raises as both do."""
        if not _copied(plan.contract):
            return self._live.rows(plan, batch_rows)
        return self._engine.rows(
            replace(plan, contract=self._read(plan.contract, plan.version), version=None), batch_rows
        )

    def guessable(self, contract: DataContract, field: str, scope: RowScope) -> bool:
        """Count in the newest copy, or in the service's answer."""
        if not _copied(contract):
            return self._live.guessable(contract, field, scope)
        return self._engine.guessable(self._newest(contract).contract, field, scope)

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        """Aggregate over the copy of the plan's version. Raises as the engine does."""
        joined = plan.joined
        if joined is not None:
            joined = replace(joined, contract=self._read(joined.contract, joined.version), version=None)
        own = self._read(plan.contract, plan.version)
        return self._engine.aggregates(replace(plan, contract=own, joined=joined, version=None))

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        """Aggregate over the copy of the plan's version. Raises as the engine does."""
        return self._engine.days(replace(plan, contract=self._read(plan.contract, plan.version), version=None))

    def _read(self, contract: DataContract, version: str | None) -> DataContract:
        """The contract over the copy that has a version."""
        if version is None:
            return self._newest(contract).contract
        with self._lock:
            for copy in self._copies.get(contract.digest, ()):
                if copy.version == version:
                    return copy.contract
        raise Fault(ErrorReason.SOURCE_SCHEMA_CHANGED)

    def _newest(self, contract: DataContract) -> _Copy:
        """The newest copy, which is not too old. One caller takes it, and the others wait."""
        spec = contract.upstream
        if spec is None or spec.copied_hours is None:
            raise Fault(ErrorReason.INTERNAL)
        with self._lock:
            taking = self._taking.setdefault(contract.digest, threading.Lock())
        with taking:
            known = self._copies.get(contract.digest, [])
            if known and time.monotonic() - known[0].taken < spec.copied_hours * 3600:
                return known[0]
            fresh = self._take(contract)
            if known and fresh.version == known[0].version:
                self._remove(fresh)  # the rows are the same still
                fresh = replace(known[0], taken=fresh.taken)
                known = known[1:]
            with self._lock:
                self._copies[contract.digest] = [fresh, *known][:_KEPT]
            for old in known[_KEPT - 1 :]:
                self._remove(old)
            return fresh

    def _take(self, contract: DataContract) -> _Copy:
        """Write all rows down. What is cut short is no copy."""
        began = time.monotonic()
        descriptor, path = tempfile.mkstemp(suffix=".parquet", dir=self._folder)
        os.close(descriptor)
        file = Path(path)
        try:
            self._write(contract, file)
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except BaseException as error:
            file.unlink(missing_ok=True)
            if isinstance(error, OSError | pa.ArrowException):
                raise failure(ErrorReason.SOURCE_UNAVAILABLE) from None
            raise
        source = SourceSpec(SourceKind.PARQUET, file.name)
        made = replace(contract, source=source, upstream=None, digest=f"{contract.digest} {file.name}")
        version = hashlib.sha256(f"purpose-gateway copy 1 {contract.digest} {digest}".encode()).hexdigest()
        return _Copy(made, version, began)

    def _write(self, contract: DataContract, file: Path) -> None:
        with (
            pq.ParquetWriter(file, declared_schema(contract)) as writer,
            closing(self._live.everything(contract)) as batches,
        ):
            for batch in batches:
                writer.write_batch(batch)
                if file.stat().st_size > self._most_bytes:
                    raise Fault(ErrorReason.SOURCE_UNAVAILABLE)

    def _remove(self, copy: _Copy) -> None:
        (self._folder / copy.contract.source.path).unlink(missing_ok=True)


def _copied(contract: DataContract) -> bool:
    return contract.upstream is not None and contract.upstream.copied_hours is not None


def _sweep(folder: Path) -> None:
    """Remove what processes left behind that did not end in order: those whose lock nobody holds."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            held = _hold(left / _LOCK)
            shutil.rmtree(left, ignore_errors=True)
            held.close()


def _hold(path: Path) -> BinaryIO:
    """Hold a lock until the file is closed. Raises OSError where another holds it."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for a lock, and hold it meanwhile."""
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
