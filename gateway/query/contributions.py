"""What one unit contributes to one cell, out of the totals of its rows there: bounded, whatever those rows hold."""

from __future__ import annotations

from sqlglot import exp

from gateway.model.measure import Measure, MeasureKind
from gateway.query.numbers import bigint, clamped, double, number, wide
from gateway.query.scan import column

ROWS = "n"
"""The column of a unit's rows in a cell."""


def totals_of(field: int, measure: Measure) -> dict[str, exp.Expr]:
    """The totals over a unit's rows in a cell that a measure needs, by the column they get; beside `ROWS`.

    `field` is the number of the measured field, whose value stands in `v` and that number.
    """
    value = column(f"v{field}", "keyed")
    match measure.kind:
        case MeasureKind.TOTAL:
            return {f"t{field}": exp.Sum(this=value)}
        case MeasureKind.PRESENT:
            return {f"p{field}": exp.Count(this=value)}
        case MeasureKind.OFFSETS:
            return {f"t{field}": exp.Sum(this=value), f"p{field}": exp.Count(this=value.copy())}
        case MeasureKind.SQUARES:
            offset = double(exp.Paren(this=exp.Sub(this=value, expression=number(measure.centre))))
            squared = exp.Mul(this=offset, expression=offset.copy())
            stepped = exp.Div(this=squared, expression=double(number(measure.step)))
            return {
                f"q{field}": exp.Sum(this=bigint(exp.Round(this=stepped))),
                f"p{field}": exp.Count(this=value.copy()),
            }
        case _:
            return {}


def bounded_measure(field: int, measure: Measure) -> exp.Expr:
    """The contribution, as BIGINT, out of the columns of `totals_of`."""
    most = measure.max_rows
    present = column(f"p{field}", "totals")
    match measure.kind:
        case MeasureKind.UNITS:
            return number(1)
        case MeasureKind.ROWS:
            return bigint(clamped(column(ROWS, "totals"), 0, most))
        case MeasureKind.PRESENT:
            return bigint(clamped(present, 0, most))
        case MeasureKind.TOTAL if measure.bounds is not None:
            # a unit with fewer rows than max_rows keeps its own total: 0 stays within reach whatever the bounds
            lower, upper = min(0, most * measure.bounds.lower), max(0, most * measure.bounds.upper)
            total = column(f"t{field}", "totals")  # NULL where no row has a number
            return bigint(exp.Coalesce(this=clamped(total, lower, upper), expressions=[exp.Literal.number(0)]))
        case MeasureKind.OFFSETS:
            # a unit may have very many rows: of wide integers, so that no product leaves their range
            centred = exp.Mul(this=wide(measure.centre), expression=present.copy())
            offsets = exp.Paren(this=exp.Sub(this=column(f"t{field}", "totals"), expression=centred))
            return _or_nothing(present, clamped(_weighed(offsets, present, most), -measure.largest, measure.largest))
        case MeasureKind.SQUARES:
            total = column(f"q{field}", "totals")
            return _or_nothing(present, clamped(_weighed(total, present, most), 0, measure.largest))
        case _:
            raise ValueError("bins are measured by themselves")


def _weighed(total: exp.Expr, rows: exp.Expr, most: int) -> exp.Expr:
    """The total of `most` rows with the same mean, if there are more. The clamp around takes what rounding adds."""
    scaled = exp.Div(
        this=exp.Mul(this=double(total.copy()), expression=double(number(most))), expression=double(rows.copy())
    )
    few = exp.LTE(this=rows.copy(), expression=number(most))
    return exp.case().when(few, total).else_(exp.Round(this=scaled))


def _or_nothing(rows: exp.Expr, value: exp.Expr) -> exp.Expr:
    nothing = exp.EQ(this=rows.copy(), expression=number(0))
    return bigint(exp.case().when(nothing, exp.Literal.number(0)).else_(value))
