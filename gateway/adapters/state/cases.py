"""The register of cases, in the state database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, insert, select, update

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.registers import cases
from gateway.model.calendar import city_day
from gateway.model.consent import Case
from gateway.model.errors import ErrorReason

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE


class SqlCaseRegister:
    """A `CaseRegister`. A number is an institution's own: another's case of the same number is another case."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def is_open(self, register: str, number: str, institution: str, now: datetime) -> bool:
        """Tell whether the institution has an open case of this number: opened, not closed, its last day not over.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(select(cases).where(_this(register, number, institution))).one_or_none()
            return row is not None and _is_open(row, now)

    def open(self, case: Case) -> bool:
        """Enter a case durably; return False if there is one of this register, number and institution, closed or not.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        this = _this(case.register, case.number, case.institution)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if connection.execute(select(cases.c.number).where(this)).one_or_none() is not None:
                return False
            connection.execute(
                insert(cases).values(
                    register=case.register,
                    number=case.number,
                    institution=case.institution,
                    opened_at=case.opened_at,
                    ends_on=case.ends_on,
                    recorded_by=case.recorded_by,
                    closed_at=case.closed_at,
                )
            )
        return True

    def close(self, register: str, number: str, institution: str, at: datetime) -> bool:
        """Close a case durably; return False if none is open then, or it was closed before.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        this = _this(register, number, institution)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            row = connection.execute(select(cases).where(this)).one_or_none()
            if row is None or row.closed_at is not None or not _is_open(row, at):
                return False
            connection.execute(update(cases).where(this).values(closed_at=at))
        return True


def _this(register: str, number: str, institution: str) -> ColumnElement[bool]:
    return and_(cases.c.register == register, cases.c.number == number, cases.c.institution == institution)


def _is_open(row: Row[Any], now: datetime) -> bool:
    begun = bool(row.opened_at <= now)
    closed = row.closed_at is not None and row.closed_at <= now
    over = row.ends_on is not None and row.ends_on < city_day(now)
    return begun and not closed and not over
