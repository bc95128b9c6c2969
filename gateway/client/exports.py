"""Exports: the rows of an extract as Parquet files, made where the rows are, and saved in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import grpc

from gateway.api.v1 import export_service_pb2, export_service_pb2_grpc, receipt_pb2
from gateway.client.calls import Caller
from gateway.client.channel import Channel
from gateway.client.context import context
from gateway.client.errors import IncompleteExtract, from_call
from gateway.client.saving import Whole, save
from gateway.client.tls import Pems
from gateway.client.values import Condition, to_conditions

ExportProgress = Callable[[int, int], None]
"""Called with how many parts are made, and how many rows they have."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export: its rows, its bytes, and its SHA-256 in hex."""

    rows: int
    bytes: int
    sha256: str


class Export:
    """An export that is published: its `files`, which can be fetched `until` then (UTC)."""

    def __init__(
        self, calls: Exports, asked: export_service_pb2.MakeExportRequest, trailer: export_service_pb2.ExportTrailer
    ) -> None:
        self._calls, self._asked = calls, asked
        self.id: str = trailer.export.export_id
        self.files = tuple(ExportedFile(one.rows, one.bytes, one.sha256) for one in trailer.export.files)
        self.rows: int = trailer.export.rows
        self.until: datetime = trailer.export.until.ToDatetime()
        self.receipt: receipt_pb2.Receipt = trailer.receipt
        """Of what may be fetched: it was durable before the files were there."""

    def save(self, folder: Path | str) -> tuple[Path, ...]:
        """Write all files into a folder, which is made where it is missing, and return them, in their order.

        A file that is there already stays if its digest is right; one that was cut short is gone on with.

        Raises:
            IncompleteExtract: what arrived is not a file, as its digest tells.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        return tuple(self._saved(number, file, place) for number, file in enumerate(self.files))

    def _saved(self, number: int, file: ExportedFile, folder: Path) -> Path:
        target, whole = folder / f"{number}.parquet", Whole(file.bytes, file.sha256)
        if whole.is_at(target):
            return target
        return save(
            target, lambda offset: self._calls.export_pieces(self._asked, self.id, number, offset), lambda: whole
        )


class Exports(Channel):
    """The calls of exports."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        super().__init__(address, pems, caller)
        self._exports = export_service_pb2_grpc.ExportServiceStub(self._channel)

    def export(
        self,
        dataset: str,
        disclosure: str,
        *,
        purpose: str,
        fields: Sequence[str] = (),
        filters: Iterable[Condition] = (),
        region: str = "",
        case_number: str = "",
        break_glass_reason: str = "",
        allow_partial: bool = False,
        progress: ExportProgress | None = None,
        timeout: float | None = None,
    ) -> Export:
        """Have the rows of an extract made into files, wait until they are there, and return what can be saved.

        It is made while the call lasts: one that breaks, is interrupted, or takes longer than `timeout` (seconds)
        leaves nothing, and is not repeated by itself.
        """
        asked = export_service_pb2.MakeExportRequest(
            context=context(purpose, region, case_number, break_glass_reason),
            order=export_service_pb2.ExportOrder(
                dataset=dataset,
                disclosure=disclosure,
                fields=fields,
                filters=to_conditions(filters),
                allow_partial=allow_partial,
            ),
        )
        trailer = None
        try:
            for one in self._exports.MakeExport(asked, timeout=timeout, metadata=self._caller.metadata()):
                if one.HasField("trailer"):
                    trailer = one.trailer
                elif one.HasField("progress") and progress is not None:
                    progress(one.progress.parts, one.progress.rows)
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error
        if trailer is None:
            raise IncompleteExtract(0, 0)
        return Export(self, asked, trailer)

    def export_pieces(
        self, asked: export_service_pb2.MakeExportRequest, export_id: str, number: int, offset: int
    ) -> Iterator[export_service_pb2.ExportPiece]:
        """Yield the bytes of a file from an offset on."""
        request = export_service_pb2.FetchExportRequest(
            context=asked.context, order=asked.order, export_id=export_id, file=number, offset=offset
        )
        try:
            for one in self._exports.FetchExport(request, metadata=self._caller.metadata()):
                if one.HasField("piece"):
                    yield one.piece
        except grpc.RpcError as error:
            raise self._caller.explain(from_call(error)) from error
