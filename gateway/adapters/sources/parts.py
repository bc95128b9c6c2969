"""Parts: of rows, to be read side by side; of units that do not go into memory, one after the other and added up."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.model.plan import Part

WIDE = pa.decimal128(38, 0)
"""Sums of a part: no number of units leaves it."""

_EDGES = (-(2**63), 2**63 - 1)


def span_of(part: Part, ends: Sequence[int]) -> range | None:
    """Return which rows of a file a part has, in whole blocks and as evenly as those allow; None: all of them.

    `ends` are the numbers of rows up to the end of each block. A file without any is in the first part as a whole.
    """
    if part.of == 1:
        return None
    if not ends:
        return None if part.number == 0 else range(0)
    first, end = (ends[blocks - 1] if blocks else 0 for blocks in blocks_of(part, len(ends)))
    return range(first, end)


def blocks_of(part: Part, blocks: int) -> tuple[int, int]:
    """Return the first of so many blocks that a part has, and the first beyond it."""
    return part.number * blocks // part.of, (part.number + 1) * blocks // part.of


class Room:
    """Memory that requests share: each waits its turn until there is enough. Safe between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._turn = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Hold so many bytes while the block lasts; more than there are is all of them."""
        wanted = min(size, self.size)
        # who wants much is not passed by for ever by those who want little
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            with self._changed:
                self._free += wanted
                self._changed.notify()


def added_up(parts: pa.Table, schema: pa.Schema, keys: int) -> pa.Table:
    """Add the sums of parts up, cell by cell, in the order of the cells' keys (the first `keys` columns).

    What leaves int64 stops at its edge only now: stopped in each part, the answer would hang on how many there are.
    """
    names, sums = schema.names[:keys], schema.names[keys:]
    if names:
        grouped = parts.group_by(names, use_threads=False).aggregate([(name, "sum") for name in sums])
        ordered = grouped.sort_by([(name, "ascending") for name in names])
        columns = [*(ordered.column(name) for name in names), *(ordered.column(f"{name}_sum") for name in sums)]
    else:
        rows = min(parts.num_rows, 1)  # no row where no part has a unit
        columns = [pa.chunked_array([pa.array([pc.sum(column).as_py()], WIDE)[:rows]]) for column in parts.columns]
    return pa.table([*columns[:keys], *map(_stopped, columns[keys:])], schema=schema)


def _stopped(sums: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    lower, upper = (pa.scalar(edge, WIDE) for edge in _EDGES)
    within: Any = pc.min_element_wise(pc.max_element_wise(sums.cast(WIDE), lower), upper)
    stopped: pa.ChunkedArray[Any] = within.cast(pa.int64())
    return stopped
