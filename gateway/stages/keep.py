"""Keep what is on record: its file written, the batch registered with its keys, the file brought into place.

The register is what counts. Whatever a crash leaves before a batch is registered is removed as if it had never come;
what it leaves afterwards is finished. Either is done by whoever has the dataset's turn next, and when a gateway starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.ingest import KeptBatch
from gateway.model.record import Receipt
from gateway.ports import AuditLog, BatchRegister, Clock, RowFolders
from gateway.stages.record.batches import record_end
from gateway.tables import RecordedRows


@dataclass(frozen=True, slots=True)
class Keeping:
    """What rows are kept with."""

    batches: BatchRegister
    folders: RowFolders
    audit: AuditLog
    clock: Clock


class Kept(NamedTuple):
    """A batch that is kept, with the receipt of it. `again`: it had been kept before."""

    batch: KeptBatch
    receipt: Receipt
    again: bool


def keep(recorded: RecordedRows, keeping: Keeping) -> Kept:
    """Keep the rows, all or none. To be called in the dataset's turn.

    Raises:
        Fault: INTAKE_UNAVAILABLE or REGISTER_UNAVAILABLE: nothing is kept, or all is and the next turn finishes it;
            AUDIT_UNAVAILABLE: all is kept. Who sends the same batch again is told which.
    """
    checked, contract = recorded.checked, recorded.permit.contract
    try:
        name = ""
        if checked.records.num_rows:
            name = keeping.folders.write(contract, _whole(checked.records, contract))
        batch = KeptBatch(
            name=checked.name,
            digest=checked.digest,
            kept_at=keeping.clock.now(),
            quality=checked.quality,
            told=checked.told,
            file=name,
            started=recorded.receipt.entry.index,
        )
        keeping.batches.keep(batch, checked.keys)
    except Fault as fault:
        # a register that fails may have kept it all the same: then it is finished by the next turn, and did not end
        if keeping.batches.find(checked.name) is None:
            record_end(recorded.receipt, fault.reason, keeping.audit, keeping.clock)
        raise
    return _finish(batch, recorded.receipt, contract, keeping)


def kept_before(batch: KeptBatch, keeping: Keeping) -> Kept:
    """Return a batch as it was kept.

    Raises:
        Fault: AUDIT_UNAVAILABLE; INTERNAL for one that is not finished.
    """
    receipt = None if batch.completed is None else keeping.audit.get(batch.completed)
    if receipt is None:
        raise Fault(ErrorReason.INTERNAL)
    return Kept(batch, receipt, again=True)


def mend(contract: DataContract, keeping: Keeping) -> int:
    """Finish what was registered, remove what was not, and return how many batches were finished. In the turn.

    Raises:
        Fault: INTAKE_UNAVAILABLE, REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE; INTERNAL if the log lacks an entry.
    """
    unfinished = keeping.batches.unfinished(contract.dataset)
    for batch in unfinished:
        started = keeping.audit.get(batch.started)
        if started is None:
            raise Fault(ErrorReason.INTERNAL)
        _finish(batch, started, contract, keeping)
    keeping.folders.discard(contract)
    return len(unfinished)


def _finish(batch: KeptBatch, started: Receipt, contract: DataContract, keeping: Keeping) -> Kept:
    if batch.file:
        keeping.folders.publish(contract, batch.file)
    receipt = record_end(started, None, keeping.audit, keeping.clock)
    keeping.batches.finish(batch.name, receipt.entry.index)
    return Kept(replace(batch, completed=receipt.entry.index), receipt, again=False)


def _whole(records: pa.RecordBatch, contract: DataContract) -> pa.Table:
    """The rows with every declared field, in the order of the contract: NULL where a field is not collected."""
    names = records.schema.names
    columns: dict[str, Any] = {
        name: records.column(name) if name in names else pa.array([None] * records.num_rows, ARROW_TYPES[field.type])
        for name, field in contract.fields.items()
    }
    return pa.table(columns)
