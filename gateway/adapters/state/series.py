"""Series in the state database: openings, days and nodes, each written once."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from gateway.adapters.state.database import StateDatabase, faulting
from gateway.adapters.state.schema.series import series, series_days, series_nodes
from gateway.model.errors import ErrorReason, Fault
from gateway.model.series import ClosedDay, KeptNode, Opening

_UNAVAILABLE = ErrorReason.LEDGER_UNAVAILABLE
_openings, _days, _nodes = series.c, series_days.c, series_nodes.c


class SqlSeriesRegister:
    """A `SeriesRegister`. Days are written in a transaction in which nobody else writes."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def open(self, opening: Opening) -> Opening:
        """Keep the opening of a series and return the one that stands: the first.

        Raises:
            Fault: LEDGER_UNAVAILABLE, also if the series was never charged.
        """
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            first = _opening(connection, opening.series_id)
            if first is not None:
                return first
            connection.execute(
                insert(series).values(
                    series_id=opening.series_id,
                    plan=opening.plan,
                    opened_by=opening.opened_by,
                    opened_at=opening.opened_at,
                    ends_at=opening.ends_at,
                )
            )
        return opening

    def opening(self, series_id: str) -> Opening | None:
        """Return the opening of a series, or None.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _opening(connection, series_id)

    def close(self, series_id: str, days: Sequence[ClosedDay], *, complete: bool) -> bool:
        """Keep days durably, all or none, if the first of them is the next one; return False otherwise.

        Raises:
            Fault: LEDGER_UNAVAILABLE; nothing may have been kept. INTERNAL for days that do not follow each other.
        """
        numbers = [day.number for day in days]
        if not days or numbers != list(range(numbers[0], numbers[0] + len(days))):
            raise Fault(ErrorReason.INTERNAL)
        with faulting(_UNAVAILABLE), self._database.writing() as connection:
            if _closed(connection, series_id) + 1 != numbers[0]:
                return False
            for day in days:
                connection.execute(
                    insert(series_days).values(
                        series_id=series_id,
                        day=day.number,
                        closed_at=day.closed_at,
                        data_version=day.data_version,
                        figures=day.figures,
                    )
                )
                for node in day.nodes:
                    connection.execute(
                        insert(series_nodes).values(
                            series_id=series_id,
                            statistic=node.statistic,
                            node=node.id,
                            day=day.number,
                            noised=_written(node.values),
                        )
                    )
            if complete:
                connection.execute(update(series_days).where(_days.series_id == series_id).values(figures=b""))
        return True

    def erase_ended(self, now: datetime) -> int:
        """Erase the figures of all series that have ended by now; return of how many days. Nodes stay.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        ended = select(_openings.series_id).where(_openings.ends_at <= now)
        due = _days.series_id.in_(ended) & (_days.figures != b"")
        with faulting(_UNAVAILABLE):
            with self._database.reading() as connection:
                if connection.execute(select(_days.day).where(due).limit(1)).first() is None:
                    return 0
            with self._database.writing() as connection:
                return connection.execute(update(series_days).where(due).values(figures=b"")).rowcount

    def closed(self, series_id: str) -> int:
        """Return how many days of a series are kept.

        Raises:
            Fault: LEDGER_UNAVAILABLE.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            return _closed(connection, series_id)

    def days(self, series_id: str, last: int) -> tuple[ClosedDay, ...]:
        """Return the days from the first to `last`, in order, as far as they are kept.

        Raises:
            Fault: LEDGER_UNAVAILABLE, also if what is kept cannot be read back exactly.
        """
        with faulting(_UNAVAILABLE), self._database.reading() as connection:
            nodes: dict[int, list[KeptNode]] = defaultdict(list)
            for row in connection.execute(
                select(series_nodes).where(_nodes.series_id == series_id, _nodes.day <= last)
            ):
                nodes[row.day].append(KeptNode(row.statistic, row.node, _read(row.noised)))
            found = connection.execute(
                select(series_days).where(_days.series_id == series_id, _days.day <= last).order_by(_days.day)
            ).all()
            if [row.day for row in found] != list(range(1, len(found) + 1)):
                raise ValueError("a day is missing")
            return tuple(
                ClosedDay(row.day, row.closed_at, row.data_version, row.figures, _ordered(nodes[row.day]))
                for row in found
            )


def _opening(connection: Connection, series_id: str) -> Opening | None:
    row = connection.execute(select(series).where(_openings.series_id == series_id)).one_or_none()
    return None if row is None else Opening(row.series_id, row.plan, row.opened_by, row.opened_at, row.ends_at)


def _closed(connection: Connection, series_id: str) -> int:
    last = connection.execute(select(func.max(_days.day)).where(_days.series_id == series_id)).scalar()
    return 0 if last is None else int(last)


def _ordered(nodes: Sequence[KeptNode]) -> tuple[KeptNode, ...]:
    return tuple(sorted(nodes, key=lambda node: (node.statistic, node.id)))


def _written(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


def _read(noised: bytes) -> tuple[int, ...]:
    count, rest = divmod(len(noised), 8)
    if rest:
        raise ValueError("noised values are whole")
    return struct.unpack(f"<{count}q", noised)
