"""k, l and t of a whole table, as it is: those of its worst class, by the census that the gateway counts with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from gateway.kernels.anonymity.census import Bounds, Census, Demand


@dataclass(frozen=True, slots=True)
class Measures:
    """`k` is the units of the smallest class, `diversity` the least l and `closeness` the greatest t of any class, for
    each sensitive field. A table without rows has k and l 0, and t 0."""

    rows: int
    classes: int
    k: int
    diversity: Mapping[str, int]
    closeness: Mapping[str, float]


def measure(
    batches: Iterable[tuple[pa.RecordBatch, bytes]],
    quasi_identifiers: Sequence[str],
    sensitive: Sequence[str] = (),
    bounds: Bounds | None = None,
) -> Measures:
    """Return what `Census` finds in batches and the tags of their units, of the worst class.

    Takes 8 bytes for each unit in each class (with sensitive fields: 8 bytes a row, and 4 more a field), and four times
    that while they are sorted.

    Raises:
        As `Census.add` does.
    """
    demand = Demand(tuple(quasi_identifiers), 1, dict.fromkeys(sensitive, 1), dict.fromkeys(sensitive, 1.0))
    census = Census(demand, bounds, exact=True)
    for batch, tags in batches:
        census.add(batch, tags)
    figures = census.figures()
    present = figures.rows > 0
    return Measures(
        rows=int(figures.rows.sum()),
        classes=int(present.sum()),
        k=int(figures.units[present].min()) if present.any() else 0,
        diversity={
            name: int(found[present].min()) if present.any() else 0 for name, found in figures.diversity.items()
        },
        closeness={name: float(found[present].max(initial=0.0)) for name, found in figures.closeness.items()},
    )
