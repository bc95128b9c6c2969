"""An attacker on exact figures: whoever knows all that was ever shown, and solves it. Shares no code with the gateway.

Unknowns are numbered; what is shown are sums of some of them. Everything is reckoned in fractions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

Row = list[Fraction]


class Known:
    """All linear equations that somebody knows, in reduced form."""

    def __init__(self, unknowns: int, rows: Iterable[Iterable[int]]) -> None:
        """Take, of each sum that is known, which unknowns it adds up."""
        self._unknowns = unknowns
        self._reduced: list[tuple[int, Row]] = []
        for row in rows:
            rest = self._rest(self._vector(row))
            pivot = next((place for place, value in enumerate(rest) if value), None)
            if pivot is not None:
                rest = [value / rest[pivot] for value in rest]
                self._reduced = [(at, _less(old, old[pivot], rest)) for at, old in self._reduced]
                self._reduced.append((pivot, rest))

    def tells(self, plus: Iterable[int], minus: Iterable[int] = ()) -> bool:
        """Whether a sum of unknowns, less another, follows from what is known."""
        wanted = [one - other for one, other in zip(self._vector(plus), self._vector(minus), strict=True)]
        return not any(self._rest(wanted))

    def _vector(self, places: Iterable[int]) -> Row:
        row = [Fraction(0)] * self._unknowns
        for place in places:
            row[place] += 1
        return row

    def _rest(self, row: Row) -> Row:
        for pivot, reduced in self._reduced:
            row = _less(row, row[pivot], reduced)
        return row


def _less(row: Row, times: Fraction, other: Row) -> Row:
    return row if not times else [one - times * two for one, two in zip(row, other, strict=True)]


def largest(objective: Sequence[int], sums: Sequence[tuple[Sequence[int], int]], unknowns: int) -> Fraction | None:
    """Return the largest value of a sum of unknowns that are at least 0, under sums that are known; None for any.

    The simplex method in two phases, with Bland's rule (Bland, Mathematics of Operations Research 2, 1977).
    """
    count = len(sums)
    table = [
        [Fraction(int(place in of)) for place in range(unknowns)]
        + [Fraction(int(row == place)) for place in range(count)]
        + [Fraction(value)]
        for row, (of, value) in enumerate(sums)
    ]
    basis = [unknowns + row for row in range(count)]
    first = [Fraction(0)] * unknowns + [Fraction(-1)] * count
    if _solve(table, basis, first, unknowns + count) != 0:
        raise AssertionError("what is shown contradicts itself")
    for row, place in enumerate(basis):
        entering = next((at for at in range(unknowns) if table[row][at]), None)
        if place >= unknowns and entering is not None:
            _pivot(table, basis, row, entering)
    second = [Fraction(int(place in objective)) for place in range(unknowns)] + [Fraction(0)] * count
    return _solve(table, basis, second, unknowns)


def _solve(table: list[Row], basis: list[int], gain: Row, columns: int) -> Fraction | None:
    while True:
        reduced = [
            gain[at] - sum((gain[place] * row[at] for place, row in zip(basis, table, strict=True)), Fraction(0))
            for at in range(columns)
        ]
        entering = next((at for at in range(columns) if reduced[at] > 0), None)
        if entering is None:
            return sum((gain[place] * row[-1] for place, row in zip(basis, table, strict=True)), Fraction(0))
        limits = [(row[-1] / row[entering], basis[at], at) for at, row in enumerate(table) if row[entering] > 0]
        if not limits:
            return None
        _pivot(table, basis, min(limits)[2], entering)


def _pivot(table: list[Row], basis: list[int], row: int, column: int) -> None:
    table[row] = [value / table[row][column] for value in table[row]]
    for at, other in enumerate(table):
        if at != row:
            table[at] = _less(other, other[column], table[row])
    basis[row] = column
