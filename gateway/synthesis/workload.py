"""Which marginals to count for a synthetic extract, and what part of the loss each gets. Reads the contract alone.

Measured (docs/adr/0135): for a fixed loss, counting every pair of fields gives better rows than counting a tree of
pairs, chosen with a part of the loss or declared, at every loss at which rows are of any use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from gateway.synthesis.columns import Column


@dataclass(frozen=True, slots=True)
class Marginal:
    """A table of counts to measure: by one or two fields, in the order of `fields`.

    `share` is the part of the extract's rho that goes to it; the shares of a workload add up to 1.
    """

    fields: tuple[str, ...]
    cells: int
    share: Fraction


def workload(columns: Sequence[Column], limit: int) -> tuple[Marginal, ...] | None:
    """Return every pair of fields, or as many as have `limit` cells together, from the smallest up.

    A field that no pair holds is counted by itself. Returns None where even that has more cells than the limit.

    With n cells and rho·share for a marginal its error in all cells together grows with n / sqrt(share), so the sum of
    errors is least for shares that go by n^(2/3) (Zhang et al., "PrivSyn", USENIX Security 2021, section 4.2).

    Raises:
        ValueError: no columns, or two of one name.
    """
    if not columns or len({column.name for column in columns}) < len(columns):
        raise ValueError("a workload needs columns that all have different names")
    chosen = _affordable(columns, limit)
    if chosen is None:
        return None
    cells = [_cells(group) for group in chosen]
    weights = [_two_thirds(size) for size in cells]
    return tuple(
        Marginal(tuple(column.name for column in group), size, Fraction(weight, sum(weights)))
        for group, size, weight in zip(chosen, cells, weights, strict=True)
    )


def _affordable(columns: Sequence[Column], limit: int) -> list[tuple[Column, ...]] | None:
    """Pairs while they fit beside the fields that are still alone."""
    alone = {column.name: column for column in columns}
    left = limit - sum(column.cells for column in columns)
    if left < 0:
        return None
    pairs: list[tuple[Column, ...]] = []
    for pair in sorted(combinations(columns, 2), key=_cells):
        freed = sum(column.cells for column in pair if column.name in alone)
        if _cells(pair) > left + freed:
            continue
        left += freed - _cells(pair)
        pairs.append(pair)
        for column in pair:
            alone.pop(column.name, None)
    return [*((column,) for column in alone.values()), *pairs]


def _cells(group: tuple[Column, ...]) -> int:
    product = 1
    for column in group:
        product *= column.cells
    return product


def _two_thirds(cells: int) -> int:
    """1000·cells^(2/3), rounded down, in integers: the same on every machine."""
    cube = cells**2 * 10**9
    root = 1 << -(-cube.bit_length() // 3)
    while True:
        better = (2 * root + cube // root**2) // 3
        if better >= root:
            return root
        root = better
