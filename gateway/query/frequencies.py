"""How often each value of a column stands: what tells whether counting undoes its tokens."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from gateway.model.contract import FILES, DataContract
from gateway.model.plan import RowScope
from gateway.query.rendering import Text, render
from gateway.query.scan import Location, Query, Scan, column, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters

ROWS = 2_000_000
"""So many rows, drawn at random over the whole file, are counted: enough to know a distribution, bounded in memory."""


def compile_frequencies(contract: DataContract, field: str, scope: RowScope, location: Location) -> Query:
    """Render the question, for a field of text: a row for each distinct value that is not NULL, among rows in scope.

    Columns: `value` (utf8), `rows` (int64; how many of the sample), `all` (int64; how many rows the sample stands for).

    Raises:
        ValueError: if the scope does not fit the contract.
    """
    shape = scope_of(contract, scope)
    scan = scan_of(contract, shape.fields | {field}, location)
    return Query(_render(scan, shape, field, ROWS), {"source": location.bound, **scope_parameters(scope)})


@lru_cache(maxsize=1024)
def _render(scan: Scan, shape: ScopeShape, field: str, most: int) -> Text:
    known = exp.not_(exp.Is(this=column(field), expression=exp.null()))
    scoped = exp.select(column(field)).from_(subquery(source(scan), "source")).where(known, *predicates(shape))
    counted = exp.select(exp.Count(this=exp.Star())).from_(subquery(scoped.copy(), "scoped"))
    drawn = subquery(scoped, "drawn")
    if scan.kind in FILES:
        drawn.set("sample", exp.TableSample(method=exp.Var(this="reservoir"), size=exp.Literal.number(most)))
    else:
        share = exp.Mul(this=exp.Rand(), expression=counted.copy().subquery())
        drawn = subquery(scoped.copy().where(exp.LT(this=share, expression=exp.Literal.number(most))), "drawn")
    query = (
        exp.select(
            exp.alias_(column(field, "drawn"), "value", quoted=True),
            exp.alias_(exp.Count(this=exp.Star()), "rows", quoted=True),
            exp.alias_(counted.subquery(), "all", quoted=True),
        )
        .from_(drawn)
        .group_by(column(field, "drawn"))
    )
    return render(query, scan.kind)
