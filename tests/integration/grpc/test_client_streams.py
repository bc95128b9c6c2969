"""What the client makes of streams that end early and of gateways that falter: an edge with handlers that do so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.api.v1 import research_service_pb2
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.server.frames import arrow_frame
from gateway.server.method import Method, Opened, Reply, Wire
from gateway.server.problem import Problem
from tests.integration.grpc.edge import Edge, edge, sharing
from tests.integration.site import utc_now

BATCH = pa.record_batch({"n": pa.array([1, 2, 3])})
HEADER = pb.ExtractResponse(header=pb.ExtractHeader(arrow_schema=BATCH.schema.serialize().to_pybytes()))
RESEARCH = research_service_pb2.DESCRIPTOR.services_by_name["ResearchService"]


def trailer(rows: int, batches: int) -> Wire:
    return pb.ExtractResponse(trailer=pb.ExtractTrailer(rows=rows, batches=batches))


def connect(at: Edge) -> gw.Gateway:
    mine = at.authority.client("police", utc_now())
    return gw.connect(
        at.target,
        certificate=mine.certificate_pem,
        key=mine.private_key_pem,
        ca=at.authority.ca_pem,
        token="any",
        timeout=10,
    )


def streaming(parts: list[Wire], fault: ErrorReason | None = None) -> Method:
    def opened(_: Peer, __: Any) -> Opened:
        def messages() -> Iterator[Wire]:
            yield from parts
            if fault is not None:
                raise Fault(fault)

        return Opened(messages(), lambda: None)

    return Method(opened, streams=True)


WHOLE: list[Wire] = [HEADER, arrow_frame(0, BATCH), arrow_frame(1, BATCH), trailer(6, 2)]


def test_a_whole_stream_is_read() -> None:
    with edge(sharing(Extract=streaming(WHOLE))) as at, connect(at) as gateway:
        extract = gateway.extract("d", "e", purpose="p")
        assert extract.read_all().num_rows == 6 and extract.complete


def test_a_call_that_went_well_is_none_that_was_cancelled() -> None:
    def opened(_: Peer, __: Any) -> Opened:
        def messages() -> Iterator[Wire]:
            yield from WHOLE
            time.sleep(0.1)  # what the gateway does between its last message and the end of the call

        return Opened(messages(), lambda: None)

    with edge(sharing(Extract=Method(opened, streams=True))) as at:
        with connect(at) as gateway:
            gateway.extract("d", "e", purpose="p").read_all()
        at.stop()
        assert at.count("SharingService/Extract", "OK") == 1


def test_an_unknown_word_is_told_with_those_that_are_known() -> None:
    with edge(sharing(Extract=streaming(WHOLE))) as at, connect(at) as gateway:
        wrong: Any = "gzip"
        with pytest.raises(ValueError, match="compression is one of none, lz4, zstd, not 'gzip'"):
            gateway.extract("d", "e", purpose="p", compression=wrong)


@pytest.mark.parametrize(
    ("parts", "rows"),
    [
        (WHOLE[:-1], 6),
        ([HEADER, arrow_frame(0, BATCH), arrow_frame(2, BATCH), trailer(6, 2)], 3),
        ([HEADER, arrow_frame(1, BATCH), trailer(3, 1)], 0),
        ([HEADER, arrow_frame(0, BATCH), trailer(6, 2)], 3),
        ([HEADER, arrow_frame(0, BATCH), trailer(3, 2)], 3),
        ([HEADER, arrow_frame(0, BATCH), HEADER, trailer(3, 1)], 3),
        ([HEADER], 0),
        ([], 0),
        ([trailer(0, 0)], 0),
    ],
)
def test_what_is_missing_is_noticed(parts: list[Wire], rows: int) -> None:
    with edge(sharing(Extract=streaming(parts))) as at, connect(at) as gateway:
        with pytest.raises(gw.IncompleteExtract) as raised:
            gateway.extract("d", "e", purpose="p").read_all()
        assert raised.value.rows == rows


def header(stream: int) -> Wire:
    schema = BATCH.schema.serialize().to_pybytes()
    return pb.ExtractResponse(
        header=pb.ExtractHeader(arrow_schema=schema, extract_id=32 * "0", stream=stream, streams=2)
    )


@pytest.mark.parametrize("breaks", [1, 3])
def test_a_connection_that_breaks_while_a_further_stream_is_opened_is_made_again(breaks: int) -> None:
    asked: list[int] = []

    def opened(_: Peer, __: Any) -> Opened:
        asked.append(len(asked))
        stream = min(asked[-1], 1)

        def messages() -> Iterator[Wire]:
            if stream and asked[-1] <= breaks:
                raise Fault(ErrorReason.SOURCE_UNAVAILABLE)
            yield header(stream)
            yield arrow_frame(0, BATCH)
            yield pb.ExtractResponse(trailer=pb.ExtractTrailer(rows=3, batches=1, stream=stream, streams=2))

        return Opened(messages(), lambda: None)

    with edge(sharing(Extract=Method(opened, streams=True))) as at, connect(at) as gateway:
        extract = gateway.extract("d", "e", purpose="p", streams=2)
        assert extract.read_all().num_rows == 6 and extract.complete
        assert extract.connections == len(asked) == 2 + breaks


def test_a_revoked_permission_is_told_as_such() -> None:
    with edge(sharing(Extract=streaming(WHOLE[:2], ErrorReason.PERMIT_REVOKED))) as at, connect(at) as gateway:
        extract = gateway.extract("d", "e", purpose="p")
        with pytest.raises(gw.Revoked):
            extract.read_all()
        assert extract.rows == 3 and not extract.complete


def test_a_release_is_retried_with_its_own_id_and_a_lookup_never() -> None:
    ids: list[str] = []
    lookups: list[Peer] = []

    def create(_: Peer, request: research_service_pb2.CreateReleaseRequest) -> Reply | Problem:
        ids.append(request.context.request_id)
        if len(ids) < 3:
            reason = ErrorReason.LEDGER_UNAVAILABLE if len(ids) == 1 else ErrorReason.RELEASE_FAILED
            return Problem(reason)
        return Reply(research_service_pb2.CreateReleaseResponse(charged=True))

    def fail(peer: Peer, _: Any) -> Problem:
        lookups.append(peer)
        return Problem(ErrorReason.SOURCE_UNAVAILABLE)

    research = {method.name: Method(fail) for method in RESEARCH.methods}
    methods = {RESEARCH: research | {"CreateRelease": Method(create)}, **sharing(Lookup=Method(fail))}
    with edge(methods) as at, connect(at) as gateway:
        assert gateway.release("d", "e", [gw.count()], purpose="p", epsilon=0.5).charged
        assert len(ids) == 3 and len(set(ids)) == 1 and ids[0]
        with pytest.raises(gw.Unavailable):
            gateway.lookup("d", "e", purpose="p", by="f", values=["x"])
        assert len(lookups) == 1
        with pytest.raises(gw.Unavailable):
            gateway.budget("d", "e", purpose="p")
        assert len(lookups) == 5
