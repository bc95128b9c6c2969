"""Tables of the server that tests write."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from tests.integration.source.reference import Row

COLUMNS = {
    "subject": "text",
    "region": "varchar(64)",
    "amount": "bigint",
    "category": "text",
    "score": "integer",
    "consent": "boolean",
    "ratio": "double precision",
    "day": "date",
    "moment": "timestamp",
}


class Tables:
    """Writes as a department does."""

    def __init__(self, session: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.session = session

    def make(self, name: str, rows: Sequence[Row] = (), **columns: str) -> None:
        """Make a table, with these columns or those of all. Each has a name of its own: one that is read is locked."""
        columns = columns or COLUMNS
        table = sql.Identifier("city", name)
        listed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(one), sql.SQL(kind)) for one, kind in columns.items()
        )
        self.session.execute(sql.SQL("CREATE TABLE {} ({})").format(table, listed))
        self.fill(name, rows)

    def fill(self, name: str, rows: Sequence[Row]) -> None:
        """Put these rows in the place of all others, at once."""
        table = sql.Identifier("city", name)
        with self.session.transaction():
            self.session.execute(sql.SQL("DELETE FROM {}").format(table))
            for row in rows:
                names = sql.SQL(", ").join(map(sql.Identifier, row))
                values = sql.SQL(", ").join(sql.Placeholder() * len(row))
                insert = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(table, names, values)
                self.session.execute(insert, list(row.values()))
