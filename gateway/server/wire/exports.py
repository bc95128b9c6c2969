"""Exports, between proto and model."""

from __future__ import annotations

from dataclasses import replace

from gateway.api.v1 import export_service_pb2 as pb
from gateway.model.contract import DisclosureKind
from gateway.model.export import Export
from gateway.model.request import RowsRequest
from gateway.server.wire.receipts import instant
from gateway.server.wire.requests import body_digest, context_of
from gateway.server.wire.values import conditions


def order_of(request: pb.MakeExportRequest | pb.FetchExportRequest) -> RowsRequest:
    """Read what is exported. To have it made and to fetch a file of it is to ask for the same."""
    order = request.order
    asked = pb.MakeExportRequest(context=request.context, order=order)
    return RowsRequest(
        context=replace(context_of(request), body_digest=body_digest(asked)),
        kind=DisclosureKind.EXTRACT,
        dataset=order.dataset,
        disclosure=order.disclosure,
        fields=tuple(order.fields),
        allow_partial=order.allow_partial,
        filters=conditions(order.filters, "order.filters"),
        selector=None,
    )


def export_of(export: Export) -> pb.Export:
    """Write an export as proto."""
    return pb.Export(
        export_id=export.id,
        files=[pb.ExportFile(rows=file.rows, bytes=file.bytes, sha256=file.sha256) for file in export.files],
        rows=export.rows,
        until=instant(export.until),
    )
