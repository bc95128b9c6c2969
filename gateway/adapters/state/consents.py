"""The consent register, in the state database, with a copy in memory of what extracts ask.

Each change of a register counts up its `changes`, in the transaction that makes it, and each consent bears the count of
its last change. A copy is of one register, purpose and recipient. It asks for the count at most each half of
`CONSENT_LAG`, and where the count moved, it reads anew the subjects that changed, or everything if these are many.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from gateway.adapters.state.chunks import chunks
from gateway.adapters.state.consent_set import SUBJECT_BYTES, ConsentSet, Keys, keys_of
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.registers import consent_registers, consents
from gateway.model.calendar import city_day
from gateway.model.consent import ANYBODY, Consent, ConsentScope
from gateway.model.errors import ErrorReason, Fault
from gateway.ports import CONSENT_LAG, Clock

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_COPIES = 64
"""Copies that are kept; the one that was asked longest ago gives way."""
_FEW = 20_000
"""So many changed subjects are read one by one; more, and everything is read."""
_ROWS = 10_000
_PATIENCE = 10.0
"""Seconds that a call waits for another that reads the same copy."""
_TRIES = 3
_PARTS = (
    "subject", "purpose", "recipient", "source", "proof", "given_at", "ends_on", "recorded_by", "withdrawn_at",
    "withdrawn_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What stood in the register: its count of changes, and the consents; asked for at `at` (monotonic)."""

    at: float
    changes: int
    standing: ConsentSet


@dataclass(slots=True, eq=False)
class _Copy:
    guard: threading.Lock = field(default_factory=threading.Lock)
    state: _State | None = None


class SqlConsentRegister:
    """A `ConsentRegister`."""

    def __init__(self, database: StateDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._copies: OrderedDict[ConsentScope, _Copy] = OrderedDict()
        self._door = threading.Lock()
        self._written = float("-inf")  # when this process last changed something: older copies are asked anew

    def agreed(self, scope: ConsentScope, subjects: pa.Array[Any], today: date) -> pa.BooleanArray:
        """Tell of each subject (fixed_size_binary(16), no nulls) whether a consent holds today.

        One holds from the city's day on which it was given to its last, unless it was withdrawn; to the recipient, or
        to anybody. A withdrawal shows at the next call in the process that recorded it, and within `CONSENT_LAG` in
        others.

        Raises:
            Fault: REGISTER_UNAVAILABLE, if the database cannot be read and what is known is older than `CONSENT_LAG`;
                INTERNAL for subjects of another type or with nulls.
        """
        if subjects.type != pa.binary(SUBJECT_BYTES) or subjects.null_count:
            raise Fault(ErrorReason.INTERNAL)
        state = self._state(scope)
        buffer = subjects.buffers()[1]
        if buffer is None:  # there are none
            return pa.array([], pa.bool_())
        data = memoryview(buffer)
        start = subjects.offset * SUBJECT_BYTES
        keys = keys_of(data[start : start + len(subjects) * SUBJECT_BYTES])
        return pa.array(state.standing.holding(keys, today.toordinal()))

    def record(self, consents: Sequence[Consent]) -> None:
        """Enter consents durably, all or none; an entry with the id of an older one, alike in all parts, is that one.

        That the older one was withdrawn since does not make it unlike, and it stays withdrawn.

        Raises:
            Fault: REGISTER_UNAVAILABLE; INTERNAL if an id is taken by another entry, or for what no register holds: a
                subject that is not 16 bytes, a proof that is not 32, an instant with a time zone.
        """
        registers: dict[str, dict[str, Consent]] = {}
        for one in consents:
            if len(one.subject) != SUBJECT_BYTES or len(one.proof) != 32 or one.given_at.tzinfo is not None:
                raise Fault(ErrorReason.INTERNAL)
            before = registers.setdefault(one.register, {}).setdefault(one.id, one)
            if before != one:
                raise Fault(ErrorReason.INTERNAL)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            for register, given in registers.items():
                _enter(connection, register, given)
        self._written = self._clock.monotonic()

    def withdraw(self, register: str, consent_id: str, by: str, at: datetime) -> Consent | None:
        """Withdraw a consent, durably; return it, or None if there is none. Withdrawing again changes nothing.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        this = and_(consents.c.register == register, consents.c.consent_id == consent_id)
        with faulting(_UNAVAILABLE):
            with self._database.writing() as connection:
                row = connection.execute(select(consents).where(this)).one_or_none()
                if row is None:
                    return None
                consent = _consent(row)
                if consent.withdrawn_at is None:
                    consent = replace(consent, withdrawn_at=at, withdrawn_by=by)
                    parts = {"withdrawn_at": at, "withdrawn_by": by, "change": _changing(connection, register)}
                    connection.execute(update(consents).where(this).values(parts))
            self._written = self._clock.monotonic()
            return consent

    def of_subject(self, register: str, subject: bytes) -> tuple[Consent, ...]:
        """Return all consents of a subject in a register, withdrawn ones too, oldest first.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        theirs = select(consents).where(consents.c.register == register, consents.c.subject == subject)
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            rows = connection.execute(theirs.order_by(consents.c.given_at, consents.c.consent_id))
            return tuple(_consent(row) for row in rows)

    def _state(self, scope: ConsentScope) -> _State:
        """Return what stood at most `CONSENT_LAG` ago."""
        with self._door:
            copy = self._copies.setdefault(scope, _Copy())
            self._copies.move_to_end(scope)
            if len(self._copies) > _COPIES:
                self._copies.popitem(last=False)
        now = self._clock.monotonic()
        state = copy.state
        if state is not None and self._is_fresh(state, now):
            return state
        # whoever finds another at it may use what is known, as long as that is young enough
        usable = state is not None and now - state.at <= CONSENT_LAG and state.at > self._written
        if not copy.guard.acquire(timeout=0 if usable else _PATIENCE):
            if usable and state is not None:
                return state
            raise Fault(_UNAVAILABLE)
        try:
            for _ in range(_TRIES):  # reading everything may take longer than what was read may be old
                state = copy.state
                if state is not None and self._is_fresh(state, self._clock.monotonic()):
                    break
                copy.state = self._read(scope, state)
        except Fault:
            pass
        finally:
            copy.guard.release()
        if copy.state is None or self._clock.monotonic() - copy.state.at > CONSENT_LAG:
            raise Fault(_UNAVAILABLE)
        return copy.state

    def _is_fresh(self, state: _State, now: float) -> bool:
        return now - state.at <= CONSENT_LAG / 2 and state.at > self._written

    def _read(self, scope: ConsentScope, known: _State | None) -> _State:
        """Return what stands now, from what is known and what changed since."""
        at = self._clock.monotonic()  # before the transaction: what is recorded from here on may be missed
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            changes = _changes(connection, scope.register)
            if known is not None and changes == known.changes:
                return _State(at, changes, known.standing)
            mine = and_(
                consents.c.register == scope.register,
                consents.c.purpose == scope.purpose,
                consents.c.recipient.in_((scope.recipient, ANYBODY)),
            )
            if known is not None:
                changed = select(consents.c.subject).where(mine, consents.c.change > known.changes).distinct()
                subjects = connection.execute(changed.limit(_FEW + 1)).scalars().all()
                if len(subjects) <= _FEW:
                    parts = (
                        _columns(connection, and_(mine, consents.c.subject.in_(some))) for some in chunks(subjects)
                    )
                    standing = known.standing.replacing(keys_of(b"".join(subjects)), *_joined(parts))
                    return _State(at, changes, standing)
            return _State(at, changes, ConsentSet.of(*_columns(connection, mine)))


_Columns = tuple[Keys, "np.ndarray[Any, np.dtype[np.int32]]", "np.ndarray[Any, np.dtype[np.int32]]"]


def _columns(connection: Connection, which: ColumnElement[bool]) -> _Columns:
    """Return subject, first and last day of what was not withdrawn."""
    table = consents.c
    chosen = select(table.subject, table.first_day, table.last_day).where(which, table.withdrawn_at.is_(None))

    def part(rows: Sequence[Row[Any, Any, Any]]) -> _Columns:
        subjects, first, last = zip(*rows, strict=True)
        return keys_of(b"".join(subjects)), np.array(first, np.int32), np.array(last, np.int32)

    result = connection.execution_options(yield_per=_ROWS).execute(chosen)
    return _joined(part(rows) for rows in result.partitions())


def _joined(parts: Iterable[_Columns]) -> _Columns:
    keys, first, last = [keys_of(b"")], [np.array([], np.int32)], [np.array([], np.int32)]
    for some in parts:
        keys.append(some[0])
        first.append(some[1])
        last.append(some[2])
    return np.concatenate(keys), np.concatenate(first), np.concatenate(last)


def _enter(connection: Connection, register: str, given: dict[str, Consent]) -> None:
    """Enter the consents of one register that it lacks."""
    known: dict[str, Consent] = {}
    for some in chunks(given):
        rows = connection.execute(
            select(consents).where(consents.c.register == register, consents.c.consent_id.in_(some))
        )
        known |= {row.consent_id: _consent(row) for row in rows}
    for id, before in known.items():
        mine = given[id]
        if mine not in (before, replace(before, withdrawn_at=None, withdrawn_by="")):
            raise Fault(ErrorReason.INTERNAL)
    fresh = [consent for id, consent in given.items() if id not in known]
    if fresh:
        change = _changing(connection, register)
        common = {"register": register, "change": change}
        connection.execute(insert(consents), [_row(one) | common for one in fresh])


def _row(consent: Consent) -> dict[str, Any]:
    last = date.max if consent.ends_on is None else consent.ends_on
    days = {"first_day": city_day(consent.given_at).toordinal(), "last_day": last.toordinal()}
    return {"consent_id": consent.id} | {name: getattr(consent, name) for name in _PARTS} | days


def _changes(connection: Connection, register: str) -> int:
    count = connection.execute(
        select(consent_registers.c.changes).where(consent_registers.c.register == register)
    ).scalar()
    return 0 if count is None else count


def _changing(connection: Connection, register: str) -> int:
    """Count a change of the register and return its number."""
    count = _changes(connection, register) + 1
    connection.execute(
        insert(consent_registers).values(register=register, changes=count)
        if count == 1
        else update(consent_registers).where(consent_registers.c.register == register).values(changes=count)
    )
    return count


def _consent(row: Row[Any]) -> Consent:
    return Consent(id=row.consent_id, register=row.register, **{name: getattr(row, name) for name in _PARTS})
