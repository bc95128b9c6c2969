"""What comes in, on one page: the mirror of the pipeline.

    authenticate ─ decide ─ admit ─ collect ─ check ─ record ─ keep

Read `push` from the top down. Each line takes the sealed type that the line before it minted, so that nothing is kept
that was not decided, checked and put on record first. A batch is kept as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import pyarrow as pa

from gateway.kernels.text import Mask
from gateway.model.contract import DataContract, DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.ingest import BatchName
from gateway.model.party import Identity, Peer
from gateway.model.permit import Refusal
from gateway.model.record import Refused
from gateway.model.request import RowsRequest
from gateway.model.values import FieldType
from gateway.policy.grants import ANY, Effect
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.store import PolicyStore
from gateway.ports import AuditLog, Clock, IdentityProvider, KeyRing, Registers, RowFolders
from gateway.stages.admit import admit, preview
from gateway.stages.authenticate import authenticate
from gateway.stages.check import check
from gateway.stages.collect import at_the_door, collect
from gateway.stages.decide import decide
from gateway.stages.keep import Keeping, Kept, keep, kept_before, mend
from gateway.stages.record.batches import record_batch
from gateway.stages.record.refusals import record_refusal

__all__ = ["Arrival", "Intake", "Kept", "at_door", "may_push", "push", "reconcile"]


@dataclass(frozen=True, slots=True)
class Intake:
    """All that what comes in stands on, and the most rows of a batch. Composed in `wiring`, and nowhere else."""

    clock: Clock
    identities: IdentityProvider
    policy: PolicyStore
    keys: KeyRing
    registers: Registers
    audit: AuditLog
    folders: RowFolders
    most_rows: int

    @property
    def keeping(self) -> Keeping:
        """What rows are kept with."""
        return Keeping(self.registers.batches, self.folders, self.audit, self.clock)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A batch that arrived in full. `digest` is of all that was asked and sent; `malformed` are rows whose values were
    not of their columns' types. With `all_or_nothing` one row that is turned away refuses them all.
    """

    request: RowsRequest
    batch_id: str
    digest: bytes
    records: pa.RecordBatch
    malformed: Mask
    all_or_nothing: bool


def may_push(intake: Intake, peer: Peer) -> bool:
    """Tell whether the caller has anything to push at all, before anything is received: by a grant of its own.

    Raises:
        Unauthenticated.
    """
    identity, policy = authenticate(peer, intake.identities, intake.clock), intake.policy.current()
    roles = {identity.institution, *policy.roles.of(identity.institution)}
    kinds = (DisclosureKind.INGEST, ANY)
    return any(
        grant.effect is Effect.ALLOW and grant.kind in kinds and grant.recipient in roles for grant in policy.grants
    )


def at_door(
    intake: Intake, peer: Peer, request: RowsRequest, columns: Sequence[tuple[str, FieldType]]
) -> Refused | None:
    """Refuse what may not come in, by its header alone, before a row of it is received. Nothing is counted yet."""
    identity = authenticate(peer, intake.identities, intake.clock)
    policy = intake.policy.current()
    permit = preview(decide(identity, request, policy, intake.clock), intake.registers, intake.clock)
    shut = permit if isinstance(permit, Refusal) else at_the_door(permit, columns)
    return None if shut is None else _refused(shut, identity, request, policy, intake)


def push(intake: Intake, peer: Peer, arrival: Arrival) -> Kept | Refused:
    """Take in a batch: the rows that fit are kept, all of them or none, once; the others are told with their reasons.

    The same batch again is answered as it was. Another content under the same id is refused.
    """
    identity = authenticate(peer, intake.identities, intake.clock)
    policy = intake.policy.current()
    request, keeping = arrival.request, intake.keeping
    name = BatchName(identity.institution, request.dataset, arrival.batch_id)
    decided = decide(identity, request, policy, intake.clock)
    admitted = admit(decided, intake.registers, intake.keys, intake.audit, intake.clock)
    collected = collect(admitted, name, arrival.digest, arrival.records, intake.most_rows)
    if isinstance(collected, Refusal):
        return _refused(collected, identity, request, policy, intake)
    contract = collected.permit.contract
    with _turn(contract, intake):
        mend(contract, keeping)
        before = keeping.batches.find(name)
        if before is not None and before.digest == arrival.digest:
            return kept_before(before, keeping)
        if before is not None:
            reused = collected.permit.refused(ErrorReason.BATCH_ID_REUSED)
            return _refused(reused, identity, request, policy, intake)
        checked = check(
            collected,
            arrival.malformed,
            policy.regions,
            keeping.batches,
            intake.keys,
            intake.clock,
            all_or_nothing=arrival.all_or_nothing,
        )
        if isinstance(checked, Refusal):
            return _refused(checked, identity, request, policy, intake)
        return keep(record_batch(checked, intake.audit, intake.clock), keeping)


def reconcile(intake: Intake) -> tuple[str, ...]:
    """Finish or undo what a crash left of batches, in every dataset that is collected.

    Return the datasets whose folder cannot be had now: what is left there is mended before their next batch.

    Raises:
        Fault: REGISTER_UNAVAILABLE, AUDIT_UNAVAILABLE.
    """
    unavailable = []
    for contract in filter(_is_collected, intake.policy.current().contracts.values()):
        try:
            with _turn(contract, intake):
                mend(contract, intake.keeping)
        except Fault as fault:
            if fault.reason is not ErrorReason.INTAKE_UNAVAILABLE:
                raise
            unavailable.append(contract.dataset)
    return tuple(unavailable)


def _turn(contract: DataContract, intake: Intake) -> AbstractContextManager[None]:
    begun = intake.registers.batches.newest(contract.dataset) is not None
    return intake.folders.turn(contract, begun=begun)


def _is_collected(contract: DataContract) -> bool:
    return any(spec.ingest is not None for spec in contract.disclosures.values())


def _refused(
    refusal: Refusal, identity: Identity, request: RowsRequest, policy: PolicySnapshot, intake: Intake
) -> Refused:
    """Enter a refusal in the log, and return it with its receipt."""
    return Refused(refusal, record_refusal(refusal, identity, request, policy, intake.audit, intake.clock))
