"""ExportService: the rows of extracts as files."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.api.v1 import export_service_pb2 as pb
from gateway.lanes import exports
from gateway.model.party import Peer
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Opened, Wire
from gateway.server.problem import Problem
from gateway.server.wire.exports import export_of, order_of
from gateway.server.wire.receipts import receipt_of
from gateway.server.wire.values import schema_of


class ExportDesk:
    """The handlers of ExportService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            "MakeExport": Method(self.make, streams=True),
            "FetchExport": Method(self.fetch, streams=True),
        }

    def make(self, peer: Peer, request: pb.MakeExportRequest) -> Opened | Problem:
        """Make an export, and tell of each part."""
        making = exports.request(self._desk.ports, peer, order_of(request))
        if isinstance(making, Refused):
            return refused(making)
        return Opened(self._made(making), making.close)

    def _made(self, making: exports.Making) -> Iterator[Wire]:
        delta = self._desk.delta
        header = pb.ExportHeader(
            export_id=making.id, schema=schema_of(making.schema), receipt=receipt_of(making.receipt, delta)
        )
        yield pb.MakeExportResponse(header=header)
        rows = 0
        for number, part in enumerate(making, 1):
            rows += part.rows
            yield pb.MakeExportResponse(progress=pb.ExportProgress(parts=number, rows=rows))
        trailer = pb.ExportTrailer(export=export_of(making.published), receipt=receipt_of(making.completion, delta))
        yield pb.MakeExportResponse(trailer=trailer)

    def fetch(self, peer: Peer, request: pb.FetchExportRequest) -> Opened | Problem:
        """A file of an export, from some byte on."""
        asked = order_of(request)
        given = exports.fetch(self._desk.ports, peer, asked, request.export_id, request.file, request.offset)
        if isinstance(given, Refused):
            return refused(given)
        return Opened(self._pieces(given, request.offset), given.delivery.close)

    def _pieces(self, given: exports.Fetched, offset: int) -> Iterator[Wire]:
        receipt = receipt_of(given.delivery.receipt, self._desk.delta)
        yield pb.FetchExportResponse(header=pb.FetchHeader(export=export_of(given.export), receipt=receipt))
        for data in given.delivery:
            yield pb.FetchExportResponse(piece=pb.ExportPiece(offset=offset, data=data))
            offset += len(data)
