"""Long lists in pieces that one statement may bind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

BOUND = 400
"""Values of one statement: within what SQLite binds (999 in old builds), with room for some more."""


def chunks(values: Iterable[T], size: int = BOUND) -> Iterator[tuple[T, ...]]:
    """Yield the values in their order, `size` at a time."""
    rest = iter(values)
    while some := tuple(islice(rest, size)):
        yield some
