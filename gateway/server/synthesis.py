"""SynthesisService: rows that are made of noised counts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from gateway.api.v1 import synthesis_service_pb2 as pb
from gateway.lanes import syntheses
from gateway.model.party import Peer
from gateway.pipeline import Refused
from gateway.server.desk import Desk, refused
from gateway.server.method import Method, Opened, Reply, Wire
from gateway.server.problem import Problem
from gateway.server.wire.receipts import receipt_of
from gateway.server.wire.requests import context_of
from gateway.server.wire.synthesis import estimate_of, report_of, request_of, synthesis_of


class Synthesis:
    """The handlers of SynthesisService."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.methods = {
            # it computes like a release, as Estimate does
            "EstimateSynthesis": Method(self.estimate, release=True),
            "RequestSynthesis": Method(self.request, release=True),
            "GetSynthesis": Method(self.look),
            "CancelSynthesis": Method(self.cancel),
            "GetSynthesisReport": Method(self.report),
            "DownloadSynthesis": Method(self.download, streams=True),
        }

    def estimate(self, peer: Peer, request: pb.EstimateSynthesisRequest) -> Reply | Problem:
        """The price and the margins of what is counted for synthetic rows."""
        quote = syntheses.estimate(self._desk.ports, peer, request_of(request))
        if isinstance(quote, Refused):
            return refused(quote)
        return Reply(estimate_of(quote))

    def request(self, peer: Peer, request: pb.RequestSynthesisRequest) -> Reply | Problem:
        """Charge, count, and set a job to work."""
        made = syntheses.request(self._desk.ports, peer, request_of(request))
        if isinstance(made, Refused):
            return refused(made)
        return Reply(
            pb.RequestSynthesisResponse(
                synthesis=synthesis_of(made.job, made.counts, self._desk.delta),
                receipt=receipt_of(made.receipt, self._desk.delta),
                charged=made.paid,
            )
        )

    def look(self, peer: Peer, request: pb.GetSynthesisRequest) -> Reply | Problem:
        """Where a job stands."""
        found = syntheses.look(self._desk.ports, peer, context_of(request), request.synthesis_id)
        if isinstance(found, Refused):
            return refused(found)
        return Reply(pb.GetSynthesisResponse(synthesis=synthesis_of(found.job, found.counts, self._desk.delta)))

    def cancel(self, peer: Peer, request: pb.CancelSynthesisRequest) -> Reply | Problem:
        """End a job."""
        found = syntheses.cancel(self._desk.ports, peer, context_of(request), request.synthesis_id)
        if isinstance(found, Refused):
            return refused(found)
        return Reply(pb.CancelSynthesisResponse(synthesis=synthesis_of(found.job, found.counts, self._desk.delta)))

    def report(self, peer: Peer, request: pb.GetSynthesisReportRequest) -> Reply | Problem:
        """How near the rows are to their counts."""
        told = syntheses.report(self._desk.ports, peer, context_of(request), request.synthesis_id)
        if isinstance(told, Refused):
            return refused(told)
        return Reply(
            pb.GetSynthesisReportResponse(
                report=report_of(told.report),
                json=json.dumps(told.report, ensure_ascii=False, indent=2) + "\n",
                receipt=receipt_of(told.receipt, self._desk.delta),
            )
        )

    def download(self, peer: Peer, request: pb.DownloadSynthesisRequest) -> Opened | Problem:
        """A file, from some byte on."""
        opened = syntheses.download(self._desk.ports, peer, context_of(request), request.synthesis_id, request.offset)
        if isinstance(opened, Refused):
            return refused(opened)
        return Opened(self._stream(opened, request.offset), opened.delivery.close)

    def _stream(self, opened: syntheses.Opened, offset: int) -> Iterator[Wire]:
        header = pb.SynthesisHeader(
            synthesis=synthesis_of(opened.job, opened.counts, self._desk.delta),
            receipt=receipt_of(opened.delivery.receipt, self._desk.delta),
        )
        yield pb.DownloadSynthesisResponse(header=header)
        for data in opened.delivery:
            yield pb.DownloadSynthesisResponse(piece=pb.FilePiece(offset=offset, data=data))
            offset += len(data)
