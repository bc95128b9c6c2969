"""Indicators in the state database: of each, what was published last."""

from __future__ import annotations

from sqlalchemy import insert, select, update

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.indicators import indicators
from gateway.model.errors import ErrorReason
from gateway.model.indicator import KeptIndicator

_UNAVAILABLE = ErrorReason.REGISTER_UNAVAILABLE
_columns = indicators.c


class SqlIndicatorRegister:
    """An `IndicatorRegister`. A version is kept in a transaction in which nobody else writes."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def latest(self, indicator_id: str) -> KeptIndicator | None:
        """Return what was published last, or None.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            row = connection.execute(select(indicators).where(_columns.indicator_id == indicator_id)).one_or_none()
        return None if row is None else KeptIndicator(*row)

    def version(self, indicator_id: str) -> int:
        """Return the number of what was published last; -1 where nothing was.

        Raises:
            Fault: REGISTER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            found = connection.execute(select(_columns.version).where(_columns.indicator_id == indicator_id)).scalar()
        return -1 if found is None else int(found)

    def keep(self, published: KeptIndicator) -> bool:
        """Keep a version durably, if it follows the one that is kept (the first is 0); return False otherwise.

        Raises:
            Fault: REGISTER_UNAVAILABLE; nothing may have been kept.
        """
        own = _columns.indicator_id == published.indicator_id
        values = {
            "version": published.version,
            "published_at": published.published_at,
            "read": published.read,
            "data_version": published.data_version,
            "state": published.state,
        }
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            before = connection.execute(select(_columns.version).where(own)).scalar()
            if (-1 if before is None else before) + 1 != published.version:
                return False
            if before is None:
                connection.execute(insert(indicators).values(indicator_id=published.indicator_id, **values))
            else:
                connection.execute(update(indicators).where(own).values(**values))
        return True
