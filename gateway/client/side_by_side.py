"""Several iterators as one: each is read by a thread of its own, a little ahead."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 2
_LOOK = 0.1


def side_by_side(sources: Sequence[Iterator[T]]) -> Iterator[T]:
    """Yield what the sources yield, as it comes: of each in its order. The end is the end of all of them.

    Each source is read at most two items ahead of what was taken. One alone is read where it is iterated.

    Raises:
        Exception: the first that a source raises; the others are read no further than they are.
    """
    if len(sources) == 1:
        yield from sources[0]
        return
    # an item, the failure of a source, or its end
    items: Queue[tuple[T, ...] | BaseException | None] = Queue(_AHEAD * len(sources))
    stopped = threading.Event()

    def put(item: tuple[T, ...] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return items.put(item, timeout=_LOOK)
            except Full:
                continue

    def read(source: Iterator[T]) -> None:
        try:
            for item in source:
                put((item,))
                if stopped.is_set():
                    return
        except BaseException as error:
            return put(error)
        put(None)

    for source in sources:
        threading.Thread(target=read, args=(source,), name="extract-stream", daemon=True).start()
    left = len(sources)
    try:
        while left:
            item = items.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                left -= 1
            else:
                yield item[0]
    finally:
        stopped.set()
