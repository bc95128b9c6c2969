"""Exports, on one page: the rows of an extract as files, made where the rows are and published once they are on record.

The way is that of an extract: decided, admitted and withstood alike. What it does to each row is done by other
processes, into a folder that nothing is given out of; once the release is durably on record, its files are moved to
where the recipient fetches them. Each fetch is decided anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from gateway.model.errors import ErrorReason, Fault
from gateway.model.event import Event, EventKind
from gateway.model.export import Export, StagedPart
from gateway.model.party import Peer
from gateway.model.permit import FieldViolation, Refusal
from gateway.model.record import Receipt
from gateway.model.request import RowsRequest
from gateway.pipeline import Ports, Refused, refused
from gateway.ports.exports import Exports, NoRoom, StagingRoom
from gateway.stages.admit import AdmittedPermit, admit, admit_again
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import StandingPermit, decide
from gateway.stages.deliver import FileDelivery, deliver_file, publish
from gateway.stages.export import prepare_export
from gateway.stages.record.exports import ExportOnRecord, record_fetch, stage_export
from gateway.stages.resume import permitted_again
from gateway.stages.withstand import withstand

__all__ = ["MOST_HELD", "Fetched", "Making", "fetch", "keep_house", "request"]

MOST_HELD = 16
"""So many exports of one institution are kept or being made at a time."""

_ID_BYTES = 16

_NO_ROOM = {
    NoRoom.MANY: f"has {MOST_HELD} exports, kept or being made: wait until one expires",
    NoRoom.FULL: "finds no room in the folder of exports: wait until one expires",
    NoRoom.DISK: "finds no room on the disk of exports: wait, or ask the operator for more",
}


class Making:
    """An export on its way: iterate over its parts as they are staged; then it is published, as `published` says.

    `receipt` was durable before anything was read. Closing it early leaves nothing but the log's entries.
    """

    def __init__(
        self, export_id: str, making: ExportOnRecord, room: StagingRoom, ports: Ports, exports: Exports
    ) -> None:
        self.id, self.receipt, self.schema = export_id, making.receipt, making.schema
        self._making, self._room, self._ports, self._exports = making, room, ports, exports
        self._published: Export | None = None

    def __iter__(self) -> Iterator[StagedPart]:
        try:
            yield from self._making
            until = self._ports.clock.now() + self._exports.kept
            self._published = publish(self._making.recorded, self._room, self.id, until)
        finally:
            self.close()

    @property
    def published(self) -> Export:
        """What was published.

        Raises:
            Fault: INTERNAL if it is not yet.
        """
        if self._published is None:
            raise Fault(ErrorReason.INTERNAL)
        return self._published

    @property
    def completion(self) -> Receipt:
        """The receipt of what may leave. Raises Fault: INTERNAL if it is not whole yet."""
        return self._making.recorded.completion

    def close(self) -> None:
        """End it, if it has not ended: workers are stopped, what is staged is removed, and the log says so."""
        try:
            self._making.abort()
        finally:
            self._room.discard()


class Fetched(NamedTuple):
    """A file of an export on its way out."""

    export: Export
    delivery: FileDelivery


def request(ports: Ports, peer: Peer, asked: RowsRequest) -> Making | Refused:
    """Have an export made of what an extract would give. Nothing is read before the answer is iterated over."""
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, asked, policy, ports.clock)
    admitted = admit(decided, ports.registers, ports.keys, ports.audit, ports.clock)
    making = admitted if isinstance(admitted, Refusal) else _making(admitted, ports)
    return refused(making, identity, asked, policy, ports) if isinstance(making, Refusal) else making


def fetch(ports: Ports, peer: Peer, asked: RowsRequest, export_id: str, number: int, offset: int) -> Fetched | Refused:
    """Give a file of an export, from some byte on, to the person who had it made by the very same request.

    It is decided anew, and on record before the first byte. Whatever stands against it is one refusal.
    """
    identity = authenticate(peer, ports.identities, ports.clock)
    policy = ports.policy.current()
    decided = decide(identity, asked, policy, ports.clock)
    if isinstance(decided, Refusal):
        return refused(decided, identity, asked, policy, ports)
    gone = decided[0].refused(ErrorReason.EXPORT_NOT_FOUND)
    exports = ports.exports
    export = None if exports is None else exports.folder.find(export_id)
    same = None if export is None else permitted_again(export.opened, decided)
    if exports is None or export is None or same is None or export.until <= ports.clock.now():
        return refused(gone, identity, asked, policy, ports)
    admitted = admit_again(same, export.opened.decided_at, ports.registers, ports.clock)
    if isinstance(admitted, Refusal):
        return refused(admitted, identity, asked, policy, ports)
    if number >= len(export.files) or not 0 <= offset <= export.files[number].bytes:
        rule = FieldViolation("file" if number >= len(export.files) else "offset", "must lie within the export")
        return refused(Refusal(ErrorReason.REQUEST_INVALID, violations=(rule,)), identity, asked, policy, ports)
    file = exports.folder.open(export, number, offset)
    if file is None:
        return refused(gone, identity, asked, policy, ports)
    try:
        given = record_fetch(admitted, export, number, ports.audit, ports.clock)
        standing = StandingPermit(admitted.permit, ports.policy, ports.registers, ports.clock)
        return Fetched(export, deliver_file(given, file, standing))
    except BaseException:
        file.close()
        raise


def keep_house(ports: Ports) -> None:
    """Remove exports that are kept no longer, and what killed processes left of theirs; the log says of each.

    Raises:
        Fault: AUDIT_UNAVAILABLE; what could not be entered is left for the next time.
    """
    if ports.exports is None:
        return
    ports.exports.folder.expire(ports.clock.now())

    def note(export_id: str, entry: int | None) -> None:
        about = {"export": export_id} | ({} if entry is None else {"entry": str(entry)})
        ports.audit.note(Event(EventKind.EXPORT_SWEPT, ports.clock.now(), "gateway", about))

    ports.exports.folder.sweep(note)


def _making(admitted: AdmittedPermit, ports: Ports) -> Making | Refusal:
    permit, exports = admitted.permit, ports.exports
    if exports is None:
        return _refusal(admitted, ErrorReason.EXPORT_NOT_POSSIBLE, "is not offered by this gateway")
    undone = withstand(admitted, ports.source)
    if undone is not None:
        return undone
    prepared = prepare_export(admitted, ports.source, ports.keys, exports)
    if isinstance(prepared, Refusal):
        return prepared
    export_id = secrets.token_hex(_ID_BYTES)
    room = exports.folder.room(export_id, permit.identity.institution, MOST_HELD)
    if isinstance(room, NoRoom):
        return _refusal(admitted, ErrorReason.RATE_EXCEEDED, _NO_ROOM[room])
    standing = StandingPermit(permit, ports.policy, ports.registers, ports.clock)
    try:
        return Making(export_id, stage_export(prepared, room, ports.audit, ports.clock, standing), room, ports, exports)
    except BaseException:
        with suppress(OSError):
            room.discard()
        raise


def _refusal(admitted: AdmittedPermit, reason: ErrorReason, why: str) -> Refusal:
    permit = admitted.permit
    return Refusal(
        reason, violations=(FieldViolation("", why),), grant=permit.scope.grant, legal_basis=permit.scope.legal_basis
    )
