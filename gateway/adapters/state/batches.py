"""Batches that were pushed, in the state database, and the keys of their rows.

Keys go in and are asked for a whole batch at a time: one statement reads all of them out of one value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, func, insert, select, text, update

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.batches import batches
from gateway.model.errors import ErrorReason, Fault
from gateway.model.ingest import BatchName, KeptBatch, Quality, RejectedRow, RowReason

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_KEY_BYTES = 16
_REMEMBERED = 1024
# numbers from 0 as three digits of 256: counting up by recursion takes twice the time of a step
_EACH = """
WITH RECURSIVE digit(d) AS (SELECT 0 UNION ALL SELECT d + 1 FROM digit WHERE d < 255),
each(i) AS (
    SELECT high.d * 65536 + middle.d * 256 + low.d FROM digit AS high CROSS JOIN digit AS middle CROSS JOIN digit AS low
    WHERE high.d * 65536 < :count AND high.d * 65536 + middle.d * 256 < :count
        AND high.d * 65536 + middle.d * 256 + low.d < :count
)
"""
_KNOWN = text(_EACH + "SELECT i FROM each CROSS JOIN batch_keys ON row_key = substr(:keys, i * 16 + 1, 16)")
_KEEP = text(_EACH + "INSERT INTO batch_keys (row_key, batch) SELECT substr(:keys, i * 16 + 1, 16), :batch FROM each")
_MOST = 256**3
_is = batches.c


class SqlBatchRegister:
    """A `BatchRegister`."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        self._sent: dict[tuple[str, datetime, datetime], Quality] = {}

    def find(self, name: BatchName) -> KeptBatch | None:
        """Return a batch, or None. Raises as the port says."""
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(select(batches).where(_named(name))).one_or_none()
            return None if row is None else _batch(row)

    def known(self, keys: bytes) -> npt.NDArray[np.bool_]:
        """Tell which keys are kept. Raises as the port says."""
        count = _counted(keys)
        found = np.zeros(count, np.bool_)
        if count:
            # in the order of the table, each page of it is gone to once
            whole = np.frombuffer(keys, f"S{_KEY_BYTES}")
            order = np.argsort(whole)
            with faulting(_UNAVAILABLE), self._database.reading() as connection:
                places = connection.execute(_KNOWN, {"count": count, "keys": whole[order].tobytes()}).scalars().all()
            found[order[np.array(places, np.intp)]] = True
        return found

    def keep(self, batch: KeptBatch, keys: bytes) -> None:
        """Keep a batch with its keys. Raises as the port says."""
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if connection.execute(select(_is.number).where(_named(batch.name))).first() is not None:
                raise Fault(ErrorReason.INTERNAL)
            number = 1 + (connection.execute(select(func.max(_is.number))).scalar() or 0)
            connection.execute(
                insert(batches).values(
                    number=number,
                    institution=batch.name.institution,
                    dataset=batch.name.dataset,
                    batch_id=batch.name.batch_id,
                    digest=batch.digest,
                    kept_at=batch.kept_at,
                    accepted=batch.quality.accepted,
                    newest=batch.quality.newest,
                    told=_written(batch),
                    file=batch.file,
                    started=batch.started,
                    completed=batch.completed,
                )
            )
            if keys:
                # in the order of the table, each page of it is gone to once
                ordered = np.sort(np.frombuffer(keys, f"S{_KEY_BYTES}")).tobytes()
                connection.execute(_KEEP, {"count": _counted(keys), "keys": ordered, "batch": number})

    def unfinished(self, dataset: str) -> tuple[KeptBatch, ...]:
        """Return what the log has no end of. Raises as the port says."""
        chosen = select(batches).where(_is.dataset == dataset, _is.completed.is_(None)).order_by(_is.number)
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return tuple(map(_batch, connection.execute(chosen)))

    def finish(self, name: BatchName, completed: int) -> None:
        """Enter the end of a batch. Raises as the port says."""
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            connection.execute(update(batches).where(_named(name)).values(completed=completed))

    def sent(self, dataset: str, begins: datetime, ends: datetime) -> Quality:
        """Add up what was measured, once. Raises as the port says."""
        asked = (dataset, begins, ends)
        known = self._sent.get(asked)
        if known is None:
            known = self._added_up(*asked)
            if len(self._sent) == _REMEMBERED:
                self._sent.clear()
            self._sent[asked] = known
        return known

    def _added_up(self, dataset: str, begins: datetime, ends: datetime) -> Quality:
        chosen = select(_is.accepted, _is.told).where(
            _is.dataset == dataset, _is.kept_at >= begins, _is.kept_at < ends
        )  # fmt: skip
        accepted, rejected = 0, Counter[RowReason]()
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            for kept, told in connection.execute(chosen):
                accepted += kept
                rejected.update({RowReason(one): count for one, count in json.loads(told)["rejected"].items()})
        return Quality(accepted, rejected, None)

    def newest(self, dataset: str) -> datetime | None:
        """Return when rows were last kept. Raises as the port says."""
        last = select(_is.kept_at).where(_is.dataset == dataset, _is.accepted > 0).order_by(_is.number.desc()).limit(1)
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found: datetime | None = connection.execute(last).scalar()
            return found


def _counted(keys: bytes) -> int:
    count = len(keys) // _KEY_BYTES
    if count > _MOST:
        raise Fault(ErrorReason.INTERNAL)
    return count


def _named(name: BatchName) -> Any:
    return (_is.institution == name.institution) & (_is.dataset == name.dataset) & (_is.batch_id == name.batch_id)


def _written(batch: KeptBatch) -> bytes:
    quality = batch.quality
    body = {
        "rejected": {reason.value: count for reason, count in quality.rejected.items()},
        "rows": [[one.row, one.reason.value, one.field] for one in batch.told],
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _batch(row: Row[Any]) -> KeptBatch:
    told = json.loads(row.told)
    rejected: Mapping[RowReason, int] = {RowReason(reason): int(count) for reason, count in told["rejected"].items()}
    return KeptBatch(
        name=BatchName(row.institution, row.dataset, row.batch_id),
        digest=row.digest,
        kept_at=row.kept_at,
        quality=Quality(row.accepted, rejected, row.newest),
        told=tuple(RejectedRow(number, RowReason(reason), field) for number, reason, field in told["rows"]),
        file=row.file,
        started=row.started,
        completed=row.completed,
    )
