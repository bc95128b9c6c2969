"""How often each value of a column stands, without the values: what tells whether counting undoes tokens."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import DataContract
from gateway.query.scan import DIALECT, Location, Query, Scan, column, scan_of, source, subquery

ROWS = 2_000_000
"""The first so many rows are counted: enough to know a distribution, and bounded in memory."""


def compile_frequencies(contract: DataContract, field: str, location: Location) -> Query:
    """Render the question: one int64 column `rows`, a row for each distinct value that is not NULL."""
    scan = scan_of(contract, frozenset({field}), location)
    return Query(_render(scan, field), {"source": location.path})


@lru_cache(maxsize=1024)
def _render(scan: Scan, field: str) -> str:
    head = exp.select(column(field)).from_(subquery(source(scan), "source")).limit(ROWS)
    query = (
        exp.select(exp.alias_(exp.Count(this=exp.Star()), "rows"))
        .from_(subquery(head, "head"))
        .where(exp.Not(this=exp.Is(this=column(field, "head"), expression=exp.Null())))
        .group_by(column(field, "head"))
    )
    return query.sql(DIALECT)
