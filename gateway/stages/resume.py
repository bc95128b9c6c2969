"""Extracts in several connections: opened once, then gone on with by whoever opened them, and nobody else.

A position is sealed for its stream and kept by the caller: the gateway remembers of an extract what it is held to,
and not how far it has been read. The order of its rows comes from a key of the gateway's own and the extract's name: it
is the same in every connection, and that of no other extract.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.decision.permission import permission_digest
from gateway.kernels.sealing import sealer, unseal
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.extract import START, Continuation, Course, OpenExtract, Position
from gateway.model.permit import Permit, Refusal
from gateway.model.record import Receipt
from gateway.model.request import RowsRequest
from gateway.model.storage import FILES
from gateway.ports import AUDIT_DOMAIN, Clock, KeyRing, KeyUse, Registers, Source
from gateway.stages.admit import admit_again
from gateway.stages.charge import data_version, version_now
from gateway.tables import AdmittedPermit, Places, ReleasedTable

_ID_BYTES = 16
_POSITION = struct.Struct(">QQQIQ")


@dataclass(frozen=True, slots=True)
class Resumable:
    """How an extract can be gone on with: `seal` makes of a position what its caller goes on after.

    `until` (naive UTC) it can be, where this is the connection that opened it.
    """

    course: Course
    seal: Callable[[Position], bytes]
    until: datetime | None

    def after(self, places: Places | None, row: int, batches: int, rows: int) -> bytes:
        """Return the sealed position after a row, by the places of its part; so many batches and rows have left."""
        if places is None:
            raise Fault(ErrorReason.INTERNAL)
        start, length, done = (int(places[name][row]) for name in ("start", "length", "done"))
        if done + 1 == length:
            return self.seal(Position(batches, rows, start + length))
        return self.seal(Position(batches, rows, start, length, done + 1))


def begin(admitted: AdmittedPermit) -> Course | None:
    """Return the course of the connection that opens an extract; None for what cannot be gone on with.

    That is no extract, or one of what is read once: only files give the same rows in the same order again.
    Where one stream has to see what is in the others it is the only one: rows are counted over all that leaves (by
    `anonymity` and `max_rows`), or of each subject over all that is read.
    """
    scope, request = admitted.permit.scope, admitted.permit.request
    if scope.disclosure.kind is not DisclosureKind.EXTRACT or not isinstance(request, RowsRequest):
        return None
    if scope.contract.source.kind not in FILES:
        return None
    whole = scope.disclosure.anonymity is None and scope.max_rows is None and scope.rows_per_unit is None
    return Course(secrets.token_hex(_ID_BYTES), 0, request.streams if whole else 1)


def resume(
    decided: tuple[Permit, ...] | Refusal, source: Source, keys: KeyRing, registers: Registers, clock: Clock
) -> tuple[AdmittedPermit, Course] | Refusal:
    """Return the permit and the course of a connection that goes on with an extract.

    It was decided anew, and gives what was given then, as on that day; nothing is counted a second time.

    Whatever stands against it (another's extract, another request, permission or data, its time) is one refusal.

    Raises:
        Fault: REGISTER_UNAVAILABLE, KEYS_UNAVAILABLE, or of the source.
    """
    if isinstance(decided, Refusal):
        return decided
    request = decided[0].request
    wanted = request.continues if isinstance(request, RowsRequest) else None
    gone = decided[0].refused(ErrorReason.EXTRACT_NOT_FOUND)
    opened = None if wanted is None else registers.extracts.find(wanted.extract_id)
    if wanted is None or opened is None or wanted.stream >= opened.streams:
        return gone
    begins = _unsealed(wanted, keys)
    same = permitted_again(opened, decided)
    if begins is None or same is None:
        return gone
    admitted = admit_again(same, opened.decided_at, registers, clock)
    if isinstance(admitted, Refusal):
        return admitted
    contract = same.scope.contract
    version = version_now(contract, source)
    if data_version(contract, version, keys) != opened.data_version:
        return gone
    return admitted, Course(opened.id, wanted.stream, opened.streams, begins, opened, version)


def resumable(table: ReleasedTable, course: Course | None, keys: KeyRing, registers: Registers) -> Resumable | None:
    """Return how an extract can be gone on with, and keep one that is opened so that it can be; None for no extract.

    Raises:
        Fault: REGISTER_UNAVAILABLE or KEYS_UNAVAILABLE; the table is closed then, and its end on record.
    """
    if course is None:
        return None
    try:
        until = None if course.opened is not None else registers.extracts.open(_opened(table, course))
        return Resumable(course, position_sealer(course, keys), until)
    except Fault:
        table.close()
        raise


def _opened(table: ReleasedTable, course: Course) -> OpenExtract:
    return opened_as(course.extract_id, table.permit, table.data_version, table.receipt, course.streams)


def opened_as(extract_id: str, permit: Permit, data_version: str, receipt: Receipt, streams: int) -> OpenExtract:
    """Return what whoever comes back for an extract is held to; `receipt` is that of its beginning."""
    return OpenExtract(
        id=extract_id,
        institution=permit.identity.institution,
        person=permit.identity.person,
        asked=permit.request.context.body_digest,
        permission=permission_digest(permit),
        decided_at=permit.decided_at,
        data_version=data_version,
        entry=receipt.entry.index,
        streams=streams,
    )


def permitted_again(opened: OpenExtract, decided: tuple[Permit, ...]) -> Permit | None:
    """Return the permit by which the very same is permitted to the same person again; None if none does."""
    if not _theirs(opened, decided[0]):
        return None
    return next((permit for permit in decided if permission_digest(permit) == opened.permission), None)


def order_seeds(course: Course, keys: KeyRing) -> Callable[[int], bytes]:
    """Return what gives the seed of a segment's order, by how many of the stream's rows come before it: HMAC-SHA256.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.EXTRACT, "order")
    place = _place(course.extract_id, course.stream)
    return lambda start: hmac.digest(key, place + start.to_bytes(8, "big"), "sha256")


def position_sealer(course: Course, keys: KeyRing) -> Callable[[Position], bytes]:
    """Return what seals a position of the course's stream, for the caller to keep.

    Raises:
        Fault: KEYS_UNAVAILABLE.
    """
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.EXTRACT, "position")
    seal = sealer(keys.suite, key, _place(course.extract_id, course.stream))
    return lambda position: seal(_POSITION.pack(*position))


def _unsealed(wanted: Continuation, keys: KeyRing) -> Position | None:
    """The position that a caller goes on after; None if it is none of this stream's."""
    if not wanted.after:
        return START
    key = keys.working_key(AUDIT_DOMAIN, KeyUse.EXTRACT, "position")
    try:
        plain = unseal(keys.suite, key, _place(wanted.extract_id, wanted.stream), wanted.after)
        return Position(*_POSITION.unpack(plain))
    except (ValueError, struct.error):
        return None


def _theirs(opened: OpenExtract, permit: Permit) -> bool:
    identity = permit.identity
    return (opened.institution, opened.person, opened.asked) == (
        identity.institution,
        identity.person,
        permit.request.context.body_digest,
    )


def _place(extract_id: str, stream: int) -> bytes:
    return f"{extract_id}/{stream}/".encode()
