"""What leaves, and only from the one type that may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from gateway.model.errors import ErrorReason, Fault
from gateway.model.record import Receipt
from gateway.model.request import ReleaseRequest
from gateway.model.statistics import Presentation, Release, StatisticsQuery
from gateway.privacy.presenting import Shown, present
from gateway.tables import ReleasedCells, ReleasedTable, Segment


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """One numbered batch of a disclosure. `slots` (int32) tells in a lookup which asked subject a row belongs to.

    `left` is what the subject's quota has left, where the disclosure consumed of it.
    """

    number: int
    records: pa.RecordBatch
    slots: pa.Int32Array | None
    left: int | None = None


class Delivery:
    """A disclosure of rows on its way out: iterate over its parts, then read `completion`.

    `receipt` was durable before the first part. Closing the iterator early records the disclosure as aborted.
    """

    __slots__ = ("_segments", "_table")

    def __init__(self, table: ReleasedTable) -> None:
        if type(table) is not ReleasedTable:
            raise Fault(ErrorReason.INTERNAL)
        self._table = table
        self._segments: Iterator[Segment] = table.take()

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of every part."""
        return self._table.schema

    @property
    def receipt(self) -> Receipt:
        """The receipt of the decision."""
        return self._table.receipt

    @property
    def completion(self) -> Receipt:
        """The receipt of what left in full.

        Raises:
            Fault: INTERNAL if the parts were not read to their end.
        """
        receipt = self._table.completion
        if receipt is None:
            raise Fault(ErrorReason.INTERNAL)
        return receipt

    def __iter__(self) -> Iterator[Part]:
        for number, segment in enumerate(self._segments):
            yield Part(number, segment.records, segment.slots, segment.left)

    def close(self) -> None:
        """End the disclosure early, if it has not ended: what had left is recorded as aborted."""
        close = getattr(self._segments, "close", None)
        if close is not None:
            close()


@dataclass(frozen=True, slots=True)
class ReleaseDelivery:
    """A release on its way out, as it is shown to this caller. `paid` tells whether this request was charged for it."""

    release: Release
    query: StatisticsQuery
    presentation: Presentation
    shown: Shown
    receipt: Receipt
    paid: bool


def deliver(table: ReleasedTable) -> Delivery:
    """Return the disclosure to be sent.

    Raises:
        Fault: INTERNAL for anything but a ReleasedTable, also where the type checker was silenced.
    """
    return Delivery(table)


def deliver_release(cells: ReleasedCells) -> ReleaseDelivery:
    """Return the release to be sent.

    Raises:
        Fault: INTERNAL for anything but ReleasedCells.
    """
    if type(cells) is not ReleasedCells or not isinstance(cells.permit.request, ReleaseRequest):
        raise Fault(ErrorReason.INTERNAL)
    release, request = cells.release, cells.permit.request
    shown = present(release, request.query, request.presentation, cells.permit.scope.contract)
    return ReleaseDelivery(release, request.query, request.presentation, shown, cells.receipt, cells.paid)
