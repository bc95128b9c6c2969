"""Row plans to SQL."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sqlglot import exp

from gateway.model.plan import RowPlan
from gateway.model.storage import SourceKind
from gateway.query import postgres, spark
from gateway.query.rendering import Text, render
from gateway.query.scan import Bound, Location, Query, Scan, column, scan_of, source, subquery
from gateway.query.scope import ScopeShape, predicates, scope_of, scope_parameters


def compile_rows(plan: RowPlan, location: Location, span: range | None = None) -> Query:
    """Render a row plan over a file, or over a span of its rows. Plans of one shape share their text.

    Raises:
        ValueError: if the plan does not fit its contract.
    """
    if not plan.columns or (plan.limit is not None and plan.limit < 0):
        raise ValueError("a plan reads at least one column, and not less than no row")
    shape = scope_of(plan.contract, plan.scope)
    scan = scan_of(plan.contract, shape.fields | frozenset(plan.columns), location)
    # of few rows, which an index finds, a table tells the order; Spark has none but the one that it is asked for
    ordered = plan.few or scan.kind is SourceKind.SPARK
    scan = replace(scan, spanned=span is not None, placed=ordered and scan.table is not None)
    text = _render(scan, shape, plan.columns, plan.limit)
    spanned: dict[str, Bound] = {} if span is None else {"first": span.start, "end": span.stop}
    return Query(text, {"source": location.bound, **scope_parameters(plan.scope), **spanned})


@lru_cache(maxsize=1024)
def _render(scan: Scan, shape: ScopeShape, columns: tuple[str, ...], limit: int | None) -> Text:
    query = exp.select(*(column(name) for name in columns)).from_(subquery(source(scan), "source"))
    conditions = predicates(shape)
    if conditions:
        query = query.where(*conditions)
    if scan.placed:
        query = query.order_by(*(spark.by_place() if scan.kind is SourceKind.SPARK else postgres.by_place()))
    if limit is not None:
        query = query.limit(limit)
    return render(query, scan.kind)
