"""Rows on their way: Raw → Minimized → Blended → Pseudonymized → Protected → Released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.model.errors import ErrorReason, Fault
from gateway.model.permit import Obligation, Permit
from gateway.model.record import Receipt
from gateway.tables.permits import AdmittedPermit
from gateway.tables.seal import Sealed, require

PLACE = np.dtype([("start", "<u8"), ("length", "<u4"), ("done", "<u4")])
Places: TypeAlias = npt.NDArray[np.void]
"""Where rows stand in a stream, one of type `PLACE` for each."""


@dataclass(frozen=True, slots=True, repr=False)
class Span:
    """Which rows of a stream a segment was cut from: `length` rows after the first `start`.

    `kept` are those that are left of them, by their places (int64, ascending); None: all.
    """

    start: int
    length: int
    kept: npt.NDArray[np.int64] | None = None

    def only(self, kept: pa.BooleanArray) -> Span:
        """Return it with some of the rows that are left."""
        mask = kept.to_numpy(zero_copy_only=False)
        return replace(self, kept=np.flatnonzero(mask) if self.kept is None else self.kept[mask])


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """One batch on its way, with what travels beside it.

    `tags` holds 16 bytes for each subject (one a row, or one for each who was asked for): tokens in the audit domain,
    for the disclosure manifest.
    `slots` (int32) tells for each row of a lookup which of the asked subjects it belongs to. `asked` holds the raw
    ids of the subjects that were asked for, where they were: they are tagged whether or not there was anything to
    give, and end with minimisation. `left` is what the subject's quota has left, where the disclosure consumes it.
    `traits` holds, row by row, what tells whether people blend in, as it may leave; it ends where they are judged.
    `days` (date32) holds, for each field whose tokens another one renews, the first day of that one's period in each
    row; it ends with pseudonymisation.
    Of an extract, `span` says which of the stream's rows it was cut from, until they are shuffled; from then on
    `places` says where each row stands in the stream: `start` and `length` of its segment, and its place in that.
    """

    records: pa.RecordBatch
    tags: bytes
    slots: pa.Int32Array | None
    asked: pa.StringArray | None = None
    left: int | None = None
    traits: pa.RecordBatch | None = None
    days: Mapping[str, pa.Array[Any]] = field(default_factory=dict)
    span: Span | None = None
    places: Places | None = None

    @property
    def num_rows(self) -> int:
        """How many rows it has, in Arrow's word for it."""
        return self.records.num_rows

    def only(self, kept: pa.BooleanArray) -> Segment:
        """Return it with some of its raw rows."""
        span = None if self.span is None else self.span.only(kept)
        return replace(self, records=self.records.filter(kept), span=span)

    def __repr__(self) -> str:
        return f"Segment({self.num_rows} rows)"


class SealedTable(Sealed):
    """A stream of segments that can be taken once."""

    __slots__ = ("_data_version", "_schema", "_segments", "_taken", "_withheld_rows")
    _data_version: str
    _withheld_rows: int
    _schema: pa.Schema
    _segments: Iterator[Segment]
    _taken: bool
    _after: ClassVar[type[SealedTable] | None] = None

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the segments' records."""
        return self._schema

    @property
    def data_version(self) -> str:
        """The version of the data that the stream reads."""
        return self._data_version

    @property
    def withheld_rows(self) -> int:
        """The rows that will not leave because too few people share what they say."""
        return self._withheld_rows

    def take(self) -> Iterator[Segment]:
        """Hand over the stream; a second taking is a fault, so that no stage can be by-passed."""
        if self._taken:
            raise Fault(ErrorReason.INTERNAL)
        self._taken = True
        return self._segments

    @classmethod
    def _seal(
        cls,
        permit: Permit,
        data_version: str,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> Self:
        return cls._mint(
            permit,
            discharged,
            data_version=data_version,
            schema=schema,
            segments=segments,
            taken=False,
            withheld_rows=0,
        )

    @classmethod
    def _advance(
        cls,
        before: SealedTable,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> Self:
        if cls._after is None:
            raise Fault(ErrorReason.INTERNAL)
        require(before, cls._after)
        table = cls._seal(before.permit, before.data_version, schema, segments, before.discharged | discharged)
        table._withheld_rows = before.withheld_rows
        return table


class RawTable(SealedTable):
    """Permitted rows as the source has them. Minted by `fetch`."""

    __slots__ = ()

    @classmethod
    def _open(
        cls,
        admitted: AdmittedPermit,
        data_version: str,
        schema: pa.Schema,
        segments: Iterator[Segment],
        discharged: frozenset[Obligation],
    ) -> RawTable:
        require(admitted, AdmittedPermit)
        return cls._seal(admitted.permit, data_version, schema, segments, discharged)


class MinimizedTable(SealedTable):
    """Only granted fields, generalised and masked; internal columns are gone. Minted by `minimize`."""

    __slots__ = ()
    _after = RawTable


class BlendedTable(SealedTable):
    """Only rows that enough people share, where the disclosure asks for that. Minted by `blend`."""

    __slots__ = ()
    _after = MinimizedTable

    @classmethod
    def _blend(
        cls, before: MinimizedTable, segments: Iterator[Segment], discharged: frozenset[Obligation], withheld_rows: int
    ) -> BlendedTable:
        table = cls._advance(before, before.schema, segments, discharged)
        table._withheld_rows = withheld_rows
        return table


class PseudonymizedTable(SealedTable):
    """Identifiers are tokens of the recipient's domain. Minted by `pseudonymize`."""

    __slots__ = ()
    _after = BlendedTable


class ProtectedTable(SealedTable):
    """Noise was added, or waived by name. Minted by `noise`."""

    __slots__ = ()
    _after = PseudonymizedTable


class ReleasedTable(SealedTable):
    """Durably recorded; may leave. Minted by `record`. `receipt` is that of the entry made before the first byte."""

    __slots__ = ("_completion", "_receipt")
    _after = ProtectedTable
    _receipt: Receipt
    _completion: list[Receipt]

    @classmethod
    def _record(
        cls,
        before: ProtectedTable,
        segments: Iterator[Segment],
        receipt: Receipt,
        completion: list[Receipt],
    ) -> ReleasedTable:
        table = cls._advance(before, before.schema, segments, frozenset())
        table._receipt = receipt
        table._completion = completion
        return table

    def close(self) -> None:
        """End it before it was taken: what left, nothing, is recorded as aborted."""
        close = getattr(self._segments, "close", None)
        if close is not None:
            close()

    @property
    def receipt(self) -> Receipt:
        """The receipt of the entry that was durable before the first byte."""
        return self._receipt

    @property
    def completion(self) -> Receipt | None:
        """The receipt of what left in full; None until the stream has ended."""
        return self._completion[0] if self._completion else None
