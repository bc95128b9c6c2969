"""One ahead: the next of a stream is made while the one before it is used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from gateway.model.contract import DisclosureKind
from gateway.model.permit import Permit

T = TypeVar("T")


def made_ahead(permit: Permit, items: Iterator[T]) -> Iterator[T]:
    """Have what a stage makes of an extract made `ahead`. It is not where a register says who agrees, since a row whose
    subject withdraws must not wait to be sent; nor in a lookup or a check, which is one batch."""
    late = permit.scope.terms.consent is not None or permit.scope.disclosure.kind is not DisclosureKind.EXTRACT
    return items if late else ahead(items)


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Pass items on in their order, each made in a thread of its own while the one before it is used; never two ahead.

    What `items` raises comes where the item would have come. However it ends, nothing is being made then, and `items`
    is closed. Not for what must be decided at the moment when it leaves, as consent is.
    """
    # what the call is known by goes along, so that its end reaches an engine that works ahead
    context = copy_context()

    def following() -> T | None:
        return next(items, None)

    with ThreadPoolExecutor(1, "ahead") as thread:
        coming = thread.submit(context.run, following)
        try:
            while (item := coming.result()) is not None:
                coming = thread.submit(context.run, following)
                yield item
        finally:
            coming.cancel()
            wait([coming])
            close = getattr(items, "close", None)
            if close is not None:
                close()
