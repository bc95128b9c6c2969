"""Meters, in the state database. An account counts the distinct marks it was given.

A commit takes about as long for one caller's claims as for many callers': the one whose turn it is to write takes
with it all that wait behind it. Each call still has all of its claims or none (docs/adr/0102).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, tuple_, update

from gateway.adapters.state.chunks import BOUND, chunks
from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.requests import meter_marks, meters
from gateway.model.errors import ErrorReason, Fault
from gateway.model.meter import Claim, Exhausted, Taken
from gateway.ports import Clock

KEY_BYTES = 64
"""The greatest length of an account or a mark."""

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_TOGETHER = 64
"""Calls of one transaction at most."""
_SWEEP = 500
"""Marks, and accounts, that one transaction forgets at most."""
_GRACE = timedelta(hours=1)
"""An account that ended is kept so long: a call that reckoned with it may be under way still."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A call's claims, and how they ended once `settled`; without an outcome they failed."""

    claims: tuple[Claim, ...]
    outcome: Taken | Exhausted | None = field(default=None, init=False)
    settled: bool = field(default=False, init=False)


class SqlMeters:
    """`Meters`. Claims are taken in a transaction in which nobody else writes."""

    def __init__(self, database: StateDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._turn = threading.Lock()

    def take(self, claims: Sequence[Claim]) -> Taken | Exhausted:
        """Take all claims durably, or none.

        A mark that an account has already costs nothing, whatever the limit is now. Claims of one call on one account
        share its marks. Accounts are forgotten from an hour after their end, a bounded number at each call.

        Raises:
            Fault: REGISTER_UNAVAILABLE; the claims may or may not have been taken then. INTERNAL for what no caller
                may ask: an account or mark that is empty or longer than 64 bytes, a negative limit, or an account
                that ended more than an hour ago. Nothing was taken then.
        """
        if not claims:
            return Taken(())
        now = self._clock.now()
        with faulting(_UNAVAILABLE):
            for claim in claims:
                keys = (claim.account, *claim.marks)
                if (
                    claim.limit < 0
                    or claim.ends_at < now - _GRACE
                    or not all(0 < len(key) <= KEY_BYTES for key in keys)
                ):
                    raise Fault(ErrorReason.INTERNAL)
        mine = _Waiting(tuple(claims))
        self._waiting.append(mine)
        with self._turn:
            while not mine.settled:
                self._serve(now)
        if mine.outcome is None:
            raise Fault(_UNAVAILABLE)
        return mine.outcome

    def _serve(self, now: datetime) -> None:
        """Take the claims of the calls that have waited longest. What goes wrong is told to those that wait."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
        outcomes: list[Taken | Exhausted] = []
        durable = False
        try:
            with self._database.writing() as connection:
                _sweep(connection, now - _GRACE)
                for waiting in batch:
                    outcomes.append(_take(connection, waiting.claims))
            durable = True
        except Exception:  # whatever it was, nothing was acknowledged, and each caller raises its own fault
            pass
        finally:
            for position, waiting in enumerate(batch):
                waiting.outcome = outcomes[position] if durable else None
                waiting.settled = True


def _take(connection: Connection, claims: Sequence[Claim]) -> Taken | Exhausted:
    marks: dict[bytes, set[bytes]] = {}
    ends: dict[bytes, datetime] = {}
    for claim in claims:
        marks.setdefault(claim.account, set()).update(claim.marks)
        ends[claim.account] = max(claim.ends_at, ends.get(claim.account, claim.ends_at))
    accounts = _accounts(connection, list(marks))
    fresh = {account: given - _known(connection, account, given) for account, given in marks.items()}
    after = {
        account: (accounts[account].taken if account in accounts else 0) + len(fresh[account]) for account in marks
    }
    short = tuple(
        position
        for position, claim in enumerate(claims)
        if after[claim.account] > claim.limit and not fresh[claim.account].isdisjoint(claim.marks)
    )
    if short:
        return Exhausted(short)
    for account, new in fresh.items():
        before = accounts.get(account)
        now: dict[str, Any] = {"taken": after[account], "ends_at": ends[account]}
        if before is None and new:
            connection.execute(insert(meters).values(account=account, **now))
        elif before is not None and (new or ends[account] > before.ends_at):
            now["ends_at"] = max(ends[account], before.ends_at)
            connection.execute(update(meters).where(meters.c.account == account).values(now))
    rows = [{"account": account, "mark": mark} for account, new in fresh.items() for mark in sorted(new)]
    if rows:
        connection.execute(insert(meter_marks), rows)
    return Taken(tuple(max(0, claim.limit - after[claim.account]) for claim in claims))


def _accounts(connection: Connection, accounts: Sequence[bytes]) -> dict[bytes, Row[Any]]:
    rows = (connection.execute(select(meters).where(meters.c.account.in_(some))).all() for some in chunks(accounts))
    return {row.account: row for some in rows for row in some}


def _known(connection: Connection, account: bytes, marks: Iterable[bytes]) -> set[bytes]:
    known: set[bytes] = set()
    for some in chunks(marks):
        asked = select(meter_marks.c.mark).where(meter_marks.c.account == account, meter_marks.c.mark.in_(some))
        known.update(connection.execute(asked).scalars())
    return known


def _sweep(connection: Connection, before: datetime) -> None:
    """Forget some of what ended: first marks, then the accounts that have none left."""
    ended = meters.c.ends_at < before
    marks = connection.execute(
        select(meter_marks.c.account, meter_marks.c.mark)
        .join(meters, meters.c.account == meter_marks.c.account)
        .where(ended)
        .order_by(meters.c.ends_at)
        .limit(_SWEEP)
    ).all()
    for some in chunks(marks, BOUND // 2):
        connection.execute(
            delete(meter_marks).where(
                tuple_(meter_marks.c.account, meter_marks.c.mark).in_([tuple(row) for row in some])
            )
        )
    if len(marks) < _SWEEP:
        empty = select(meters.c.account).where(ended).order_by(meters.c.ends_at).limit(_SWEEP)
        accounts = connection.execute(empty).scalars().all()
        for some_accounts in chunks(accounts):
            connection.execute(delete(meters).where(meters.c.account.in_(some_accounts)))
