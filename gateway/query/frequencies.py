"""How often each value of a column stands: what tells whether counting undoes its tokens."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import DataContract
from gateway.model.plan import RowScope
from gateway.query.numbers import double
from gateway.query.rendering import Text, render
from gateway.query.scan import Bound, Location, Query, Scan, column, parameter, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters

ROWS = 2_000_000
"""About so many rows, drawn over all of them, are counted: enough to know a distribution, bounded in memory."""

_SHARE = "share"


def compile_counted(contract: DataContract, field: str, scope: RowScope, location: Location) -> Query:
    """Render the question how many rows in scope have a value of a field: one row, `rows` (int64).

    Raises:
        ValueError: if the scope does not fit the contract.
    """
    scan, shape, bound = _asked(contract, field, scope, location)
    return Query(_render_counted(scan, shape, field), bound)


def compile_frequencies(contract: DataContract, field: str, scope: RowScope, location: Location, counted: int) -> Query:
    """Render the question, for a field of text: a row for each distinct value that is not NULL, among rows in scope.

    Of `counted` rows that have one, each is drawn by itself with the chance that leaves about `ROWS` of them.

    Columns: `value` (utf8), `rows` (int64; how many of the sample).

    Raises:
        ValueError: if the scope does not fit the contract.
    """
    scan, shape, bound = _asked(contract, field, scope, location)
    # a chance of 1 and more is certain: what is drawn is less than 1
    return Query(_render(scan, shape, field), bound | {_SHARE: ROWS / max(1, counted)})


def _asked(
    contract: DataContract, field: str, scope: RowScope, location: Location
) -> tuple[Scan, ScopeShape, dict[str, Bound]]:
    shape = scope_of(contract, scope)
    scan = scan_of(contract, shape.fields | {field}, location)
    return scan, shape, {"source": location.bound, **scope_parameters(scope)}


def _scoped(scan: Scan, shape: ScopeShape, field: str) -> exp.Select:
    known = exp.not_(exp.Is(this=column(field), expression=exp.null()))
    return exp.select(column(field)).from_(subquery(source(scan), "source")).where(known, *predicates(shape))


@lru_cache(maxsize=1024)
def _render_counted(scan: Scan, shape: ScopeShape, field: str) -> Text:
    rows = exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True)
    return render(exp.select(rows).from_(subquery(_scoped(scan, shape, field), "scoped")), scan.kind)


@lru_cache(maxsize=1024)
def _render(scan: Scan, shape: ScopeShape, field: str) -> Text:
    drawn = exp.LT(this=exp.Rand(), expression=double(parameter(_SHARE)))
    value = column(field, "drawn")
    query = (
        exp.select(
            exp.alias_(value, "value", quoted=True),
            exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True),
        )
        .from_(subquery(_scoped(scan, shape, field).where(drawn), "drawn"))
        .group_by(value.copy())
    )
    return render(query, scan.kind)
