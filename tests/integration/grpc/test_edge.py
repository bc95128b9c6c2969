"""The call wrapper over a real TLS channel, with handlers that misbehave as no real one should."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1 import sharing_service_pb2_grpc as rpc
from gateway.model.errors import ErrorReason, Fault
from gateway.model.party import Peer
from gateway.ports.interruption import interruptible
from gateway.server.method import Method, Opened, Reply, Wire
from gateway.server.problem import Problem
from tests.integration.grpc.edge import edge, sharing, until
from tests.integration.site import utc_now

SECRET = "330102199001011234"


def reason_of(error: Any) -> str:
    status = rpc_status.from_call(error)
    for packed in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info):
            return str(info.reason)
    return ""


class Rows:
    """A stream that counts what was pulled and notes how it ended."""

    def __init__(self, batches: int, fault_at: int = -1) -> None:
        self.pulled = 0
        self.closed = threading.Event()
        self.batches = batches
        self.fault_at = fault_at

    def open(self, _: Peer, __: Any) -> Opened:
        return Opened(self._messages(), self.closed.set)

    def _messages(self) -> Iterator[Wire]:
        yield pb.ExtractResponse(header=pb.ExtractHeader())
        for number in range(self.batches):
            if number == self.fault_at:
                raise Fault(ErrorReason.PERMIT_REVOKED)
            self.pulled += 1
            yield pb.ExtractResponse(arrow_batch=pb.ArrowBatch(number=number, ipc_message=b"x" * 100_000))
        yield pb.ExtractResponse(trailer=pb.ExtractTrailer())


def extract_request() -> pb.ExtractRequest:
    request = pb.ExtractRequest(dataset="d", disclosure="e")
    request.context.purpose = "p"
    return request


def test_a_stream_arrives_in_order_and_is_closed_at_its_end() -> None:
    rows = Rows(5)
    with edge(sharing(Extract=Method(rows.open, streams=True))) as at:
        parts = [part.WhichOneof("part") for part in rpc.SharingServiceStub(at.channel()).Extract(extract_request())]
        assert parts == ["header", *["arrow_batch"] * 5, "trailer"]
        assert rows.closed.wait(5)
        assert until(lambda: at.count("SharingService/Extract", "OK") == 1)


def test_a_cancelled_stream_is_closed_and_pulled_no_further() -> None:
    rows = Rows(10_000)
    with edge(sharing(Extract=Method(rows.open, streams=True))) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        next(stream)
        stream.cancel()
        assert rows.closed.wait(5)
        pulled = rows.pulled
        time.sleep(0.2)
        assert rows.pulled == pulled < 10_000
        assert until(lambda: at.count("SharingService/Extract", "CANCELLED") == 1)


def test_a_caller_who_does_not_read_holds_the_pipeline_back() -> None:
    rows = Rows(10_000)
    with edge(sharing(Extract=Method(rows.open, streams=True))) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        next(stream)
        time.sleep(1.0)
        assert rows.pulled < 500  # of a gigabyte; what the windows of HTTP/2 and the client hold
        stream.cancel()
        assert rows.closed.wait(5)


def test_a_deadline_closes_the_stream() -> None:
    rows = Rows(10_000)
    with edge(sharing(Extract=Method(rows.open, streams=True))) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request(), timeout=0.5)
        next(stream)
        assert rows.closed.wait(5)


def test_a_stream_that_is_cancelled_while_it_opens_is_closed() -> None:
    rows = Rows(5)
    entered, leave = threading.Event(), threading.Event()

    def slow(peer: Peer, request: Any) -> Opened:
        entered.set()
        assert leave.wait(10)
        return rows.open(peer, request)

    with edge(sharing(Extract=Method(slow, streams=True))) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        assert entered.wait(5)
        stream.cancel()
        time.sleep(0.1)
        leave.set()
        assert rows.closed.wait(5)
        assert rows.pulled == 0


class Engine:
    """Is at work for a stream, and misses what would stop it as often as it is `deaf`."""

    def __init__(self, deaf: int) -> None:
        self.working, self.stopped, self.closed = threading.Event(), threading.Event(), threading.Event()
        self._deaf, self.asked = deaf, 0

    def open(self, _: Peer, __: Any) -> Opened:
        return Opened(self._messages(), self.closed.set)

    def _messages(self) -> Iterator[Wire]:
        with interruptible(self._stop):
            self.working.set()
            self.stopped.wait(20)
        yield pb.ExtractResponse()

    def _stop(self) -> None:
        self.asked += 1
        if self.asked > self._deaf:
            self.stopped.set()


@pytest.mark.parametrize("deaf", [0, 1, 2])
def test_an_engine_that_misses_its_interruption_is_interrupted_again(deaf: int) -> None:
    engine = Engine(deaf)
    with edge(sharing(Extract=Method(engine.open, streams=True)), stream_workers=1) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        assert engine.working.wait(5)
        stream.cancel()
        assert engine.closed.wait(5)
        asked = engine.asked
        time.sleep(1.0)
        assert engine.asked == asked  # and no more once it has ended


def test_an_engine_that_misses_its_interruption_does_not_keep_the_gateway_from_ending() -> None:
    engine = Engine(2)
    with edge(sharing(Extract=Method(engine.open, streams=True)), grace=0.1) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        assert engine.working.wait(5)
        began = time.monotonic()
        at.stop()
        assert engine.closed.is_set() and time.monotonic() - began < 10
        stream.cancel()


def test_a_fault_in_the_middle_ends_the_stream_with_its_reason() -> None:
    rows = Rows(5, fault_at=2)
    with edge(sharing(Extract=Method(rows.open, streams=True))) as at:
        received: list[pb.ExtractResponse] = []
        with pytest.raises(grpc.RpcError) as raised:
            received.extend(rpc.SharingServiceStub(at.channel()).Extract(extract_request()))
        assert raised.value.code() is grpc.StatusCode.ABORTED
        assert reason_of(raised.value) == "PERMIT_REVOKED"
        assert rows.closed.wait(5)


def test_an_unexpected_exception_tells_nothing_of_its_text() -> None:
    def broken(_: Peer, __: Any) -> Reply:
        raise ValueError(f"no such person: {SECRET}")

    with edge(sharing(Describe=Method(broken))) as at:
        stub = rpc.SharingServiceStub(at.channel())
        with pytest.raises(grpc.RpcError) as raised:
            stub.Describe(pb.DescribeRequest())
        assert raised.value.code() is grpc.StatusCode.INTERNAL
        assert reason_of(raised.value) == "INTERNAL"
        assert SECRET not in str(raised.value.trailing_metadata()) + str(raised.value.details())
        logged = at.log.getvalue()
        assert SECRET not in logged
        lines = [json.loads(line) for line in logged.splitlines()]
        fault = next(line for line in lines if line["event"] == "unexpected exception")
        assert fault["exception"] == "builtins.ValueError"


def test_the_log_of_a_call_names_method_reason_and_institution() -> None:
    def reply(_: Peer, __: Any) -> Reply:
        return Reply(pb.DescribeResponse())

    with edge(sharing(Describe=Method(reply))) as at:
        rpc.SharingServiceStub(at.channel()).Describe(pb.DescribeRequest(purpose=SECRET))
        assert until(lambda: at.count("SharingService/Describe", "OK") == 1)
        call = next(json.loads(line) for line in at.log.getvalue().splitlines() if '"call"' in line)
        assert (call["method"], call["reason"], call["institution"]) == ("SharingService/Describe", "OK", "police")
        assert SECRET not in at.log.getvalue()


def test_bytes_that_are_no_message_are_an_invalid_request() -> None:
    with edge(sharing()) as at:
        call: Any = at.channel().unary_unary("/gateway.api.v1.SharingService/Describe", None, None)
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff\xff")
        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert reason_of(raised.value) == "REQUEST_INVALID"


def test_identity_is_read_from_the_certificate_and_one_bearer_token_alone() -> None:
    seen: list[Peer] = []

    def note(peer: Peer, _: Any) -> Problem:
        seen.append(peer)
        return Problem(ErrorReason.TOKEN_MISSING)

    with edge(sharing(Describe=Method(note))) as at:
        mine = at.authority.client("police", utc_now())
        stub = rpc.SharingServiceStub(at.channel(mine))
        spoofed = (
            ("x-institution", "health-commission"),
            ("x-forwarded-client-cert", "URI=urn:purpose-gateway:institution:health-commission"),
            ("x509_pem_cert", "forged"),
        )
        for metadata in (spoofed, (("authorization", "Bearer a"), ("authorization", "Bearer b"))):
            with pytest.raises(grpc.RpcError):
                stub.Describe(pb.DescribeRequest(), metadata=metadata)
        assert [peer.bearer_token for peer in seen] == [None, None]
        assert {peer.certificate_pem for peer in seen} == {mine.certificate_pem}


def test_messages_are_in_the_language_asked_for() -> None:
    def refuse(_: Peer, __: Any) -> Problem:
        return Problem(ErrorReason.PURPOSE_MISSING)

    with edge(sharing(Describe=Method(refuse))) as at:
        stub = rpc.SharingServiceStub(at.channel())
        for asked, locales in (("zh-CN,en;q=0.5", ["zh-CN"]), ("en", ["en"]), ("fr", ["en", "zh-CN"])):
            with pytest.raises(grpc.RpcError) as raised:
                stub.Describe(pb.DescribeRequest(), metadata=(("accept-language", asked),))
            texts = []
            failed: Any = raised.value
            for packed in rpc_status.from_call(failed).details:
                message = error_details_pb2.LocalizedMessage()
                if packed.Unpack(message):
                    texts.append(message.locale)
            assert texts == locales


def test_an_oversized_message_is_refused_and_the_edge_lives_on() -> None:
    def reply(_: Peer, __: Any) -> Reply:
        return Reply(pb.DescribeResponse())

    with edge(sharing(Describe=Method(reply)), max_request_bytes=10_000) as at:
        stub = rpc.SharingServiceStub(at.channel())
        with pytest.raises(grpc.RpcError) as raised:
            stub.Describe(pb.DescribeRequest(purpose="x" * 20_000))
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.Describe(pb.DescribeRequest()) == pb.DescribeResponse()


def serves(health: Any, ask: Any) -> bool:
    try:
        answer: Any = health.Check(ask)
    except grpc.RpcError:
        return False  # it takes no calls any more
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_health_does_not_say_serving_while_calls_end_in_their_grace() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(_: Peer, __: Any) -> Reply:
        entered.set()
        assert leave.wait(10)
        return Reply(pb.DescribeResponse(policy_digest="done"))

    with edge(sharing(Describe=Method(slow)), grace=10.0) as at:
        channel = at.channel()
        health = health_pb2_grpc.HealthStub(channel)
        ask = health_pb2.HealthCheckRequest(service="gateway.api.v1.SharingService")
        assert serves(health, ask)
        answer = rpc.SharingServiceStub(channel).Describe.future(pb.DescribeRequest())
        assert entered.wait(5)
        stopping = threading.Thread(target=at.stop)
        stopping.start()
        assert until(lambda: not serves(health, ask))
        leave.set()
        assert answer.result(10).policy_digest == "done"
        stopping.join(20)


def test_a_stop_closes_streams_that_outlast_the_grace() -> None:
    rows = Rows(10_000)
    with edge(sharing(Extract=Method(rows.open, streams=True)), grace=0.2) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        next(stream)
        at.stop()
        assert rows.closed.is_set()


def test_reflection_names_the_services() -> None:
    with edge(sharing(), reflection=True) as at:
        stub = reflection_pb2_grpc.ServerReflectionStub(at.channel())
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(stub.ServerReflectionInfo(iter([ask])))
        names = {service.name for service in answer.list_services_response.service}
        assert {"gateway.api.v1.SharingService", "grpc.health.v1.Health"} <= names
