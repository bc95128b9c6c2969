"""Callers who take more than their share, or give nothing: strangers, idlers, and those who do not read."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway.adapters.dev_ca import Credentials
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.api.v1 import sharing_service_pb2_grpc as rpc
from gateway.model.party import Peer
from gateway.server.admission import Capacity
from gateway.server.call import Patience
from gateway.server.method import Method, Reply
from tests.integration.grpc.edge import Edge, edge, sharing, until
from tests.integration.grpc.test_edge import Rows, extract_request, reason_of
from tests.integration.site import utc_now

DESCRIBE = "/gateway.api.v1.SharingService/Describe"


class Room:
    """A handler that counts who is in it, and keeps them until it is opened."""

    def __init__(self) -> None:
        self.inside = 0
        self.door = threading.Event()

    def enter(self, _: Peer, __: Any) -> Reply:
        self.inside += 1
        assert self.door.wait(20)
        return Reply(pb.DescribeResponse(policy_digest="done"))


def reply(_: Peer, __: Any) -> Reply:
    return Reply(pb.DescribeResponse())


def stranger(at: Edge) -> Credentials:
    return at.authority.client("probe", utc_now(), uris=[])


def refusal(call: Any) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        list(call()) if callable(call) else call.result(10)
    failed: Any = raised.value
    return reason_of(failed) or str(failed.code().name)


def silence() -> tuple[Iterator[bytes], threading.Event]:
    """A stream of requests in which none ever comes, until the event."""
    end = threading.Event()

    def requests() -> Iterator[bytes]:
        end.wait(30)
        yield from ()

    return requests(), end


def silent(channel: grpc.Channel) -> tuple[Any, threading.Event]:
    requests, end = silence()
    return channel.stream_stream(DESCRIBE, None, None)(requests), end


def test_a_stranger_is_refused_before_anything_of_the_request_is_looked_at() -> None:
    with edge(sharing(Describe=Method(reply))) as at:
        call: Any = at.channel(stranger(at)).unary_unary(DESCRIBE, None, None)
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff\xff")
        assert reason_of(raised.value) == "CERTIFICATE_INVALID"


def test_a_stranger_who_sends_nothing_is_not_waited_for() -> None:
    with edge(sharing(Describe=Method(reply)), patience=Patience(request=60.0)) as at:
        waiting, end = silent(at.channel(stranger(at)))
        began = time.monotonic()
        assert refusal(lambda: waiting) == "CERTIFICATE_INVALID"
        assert time.monotonic() - began < 5
        end.set()


def test_a_request_that_does_not_arrive_ends_its_call_and_frees_its_place() -> None:
    with edge(sharing(Describe=Method(reply)), patience=Patience(request=0.3), capacity=Capacity(calls_each=4)) as at:
        calls = [silent(at.channel()) for _ in range(4)]
        stub = rpc.SharingServiceStub(at.channel())
        began = time.monotonic()
        for waiting, end in calls:
            assert refusal(lambda waiting=waiting: waiting) == "REQUEST_INVALID"
            end.set()
        assert time.monotonic() - began < 10
        assert until(lambda: at.count("SharingService/Describe", "REQUEST_INVALID") == 4)
        assert stub.Describe(pb.DescribeRequest()) == pb.DescribeResponse()


def test_a_call_without_a_request_is_invalid() -> None:
    with edge(sharing(Describe=Method(reply))) as at:
        assert refusal(lambda: at.channel().stream_stream(DESCRIBE, None, None)(iter(()))) == "REQUEST_INVALID"


def test_an_institution_fills_its_own_share_and_no_other() -> None:
    room = Room()
    with edge(sharing(Describe=Method(room.enter)), capacity=Capacity(calls_each=3)) as at:
        police = rpc.SharingServiceStub(at.channel())
        hotel = rpc.SharingServiceStub(at.channel(at.authority.client("hotel", utc_now())))
        under_way = [police.Describe.future(pb.DescribeRequest()) for _ in range(3)]
        assert until(lambda: room.inside == 3)
        assert refusal(police.Describe.future(pb.DescribeRequest())) == "CAP_EXCEEDED"
        other = hotel.Describe.future(pb.DescribeRequest())
        assert until(lambda: room.inside == 4)
        room.door.set()
        assert {call.result(10).policy_digest for call in (*under_way, other)} == {"done"}
        for _ in range(12):  # four times its share: every place came back
            assert police.Describe(pb.DescribeRequest(), timeout=10).policy_digest == "done"


def test_releases_have_a_smaller_share() -> None:
    room = Room()
    methods = sharing(Describe=Method(room.enter, release=True), Lookup=Method(reply))
    with edge(methods, capacity=Capacity(calls_each=10, releases_each=2)) as at:
        stub = rpc.SharingServiceStub(at.channel())
        under_way = [stub.Describe.future(pb.DescribeRequest()) for _ in range(2)]
        assert until(lambda: room.inside == 2)
        assert refusal(stub.Describe.future(pb.DescribeRequest())) == "CAP_EXCEEDED"
        # other calls are let in: this one is refused for what it says
        assert refusal(stub.Lookup.future(pb.LookupRequest())) == "REQUEST_INVALID"
        room.door.set()
        assert [call.result(10).policy_digest for call in under_way] == ["done"] * 2


def test_no_single_call_waits_for_extracts_that_read_whole_tables() -> None:
    room = Room()
    methods = sharing(Describe=Method(reply), Extract=Method(room.enter, streams=True))
    with edge(methods, workers=2, stream_workers=2) as at:
        stub = rpc.SharingServiceStub(at.channel())
        under_way: list[Any] = [stub.Extract(extract_request()) for _ in range(4)]
        assert until(lambda: room.inside == 2)
        assert stub.Describe(pb.DescribeRequest(), timeout=5) == pb.DescribeResponse()
        room.door.set()
        for call in under_way:
            call.cancel()


def test_health_answers_when_no_place_is_left() -> None:
    room = Room()
    with edge(sharing(Describe=Method(room.enter)), capacity=Capacity(calls=2), workers=1) as at:
        stub = rpc.SharingServiceStub(at.channel())
        under_way = [stub.Describe.future(pb.DescribeRequest()) for _ in range(2)]
        assert until(lambda: room.inside == 1)
        assert refusal(stub.Describe.future(pb.DescribeRequest())) == "CAP_EXCEEDED"
        health = health_pb2_grpc.HealthStub(at.channel(stranger(at)))
        answer = health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert refusal(health.Check.future(health_pb2.HealthCheckRequest(service="x"))) == "NOT_FOUND"
        assert refusal(lambda: health.Watch(health_pb2.HealthCheckRequest(), timeout=5)) == "UNIMPLEMENTED"
        room.door.set()
        assert [call.result(10).policy_digest for call in under_way] == ["done"] * 2


def test_a_stream_that_nobody_reads_is_closed_and_its_end_told_behind_what_is_unread() -> None:
    rows = Rows(10_000)
    methods = sharing(Extract=Method(rows.open, streams=True), Describe=Method(reply))
    with edge(methods, patience=Patience(message=0.5), capacity=Capacity(calls_each=1)) as at:
        stub = rpc.SharingServiceStub(at.channel())
        stream: Any = stub.Extract(extract_request(), timeout=20)
        next(stream)
        assert rows.closed.wait(10)
        assert until(lambda: at.count("SharingService/Extract", "CAP_EXCEEDED") == 1)
        # what is unread still takes memory, and so a place
        assert refusal(stub.Describe.future(pb.DescribeRequest())) == "CAP_EXCEEDED"
        assert refusal(lambda: stream) == "CAP_EXCEEDED"
        assert until(lambda: stub.Describe.future(pb.DescribeRequest()).code() is grpc.StatusCode.OK)
        assert rows.pulled < 10_000
        assert '"unexpected exception"' not in at.log.getvalue()


def test_a_stalled_stream_that_is_cancelled_gives_its_place_back() -> None:
    methods = sharing(Extract=Method(Rows(10_000).open, streams=True), Describe=Method(reply))
    with edge(methods, patience=Patience(message=0.3), capacity=Capacity(calls_each=1)) as at:
        stub = rpc.SharingServiceStub(at.channel())
        stream: Any = stub.Extract(extract_request(), timeout=20)
        next(stream)
        assert until(lambda: at.count("SharingService/Extract", "CAP_EXCEEDED") == 1)
        stream.cancel()
        assert until(lambda: stub.Describe.future(pb.DescribeRequest()).code() is grpc.StatusCode.OK)


def test_a_slow_reader_is_not_cut_off() -> None:
    rows = Rows(20)
    with edge(sharing(Extract=Method(rows.open, streams=True)), patience=Patience(message=0.5)) as at:
        stream: Any = rpc.SharingServiceStub(at.channel()).Extract(extract_request())
        received = 0
        for _ in stream:
            received += 1
            time.sleep(0.05)  # in all twice the patience
        assert received == 22


def test_one_connection_has_so_many_calls_at_a_time() -> None:
    room = Room()
    with edge(sharing(Describe=Method(room.enter)), connection_streams=2) as at:
        stub = rpc.SharingServiceStub(at.channel())
        calls = [stub.Describe.future(pb.DescribeRequest()) for _ in range(3)]
        assert until(lambda: room.inside == 2)
        time.sleep(0.3)
        assert room.inside == 2
        room.door.set()
        assert [call.result(10).policy_digest for call in calls] == ["done"] * 3


def test_a_connection_that_does_not_shake_hands_is_closed() -> None:
    with edge(sharing(), handshake=0.5) as at, socket.create_connection(("127.0.0.1", at.port), 5) as idle:
        idle.settimeout(10)
        assert idle.recv(1) == b""


def test_an_old_connection_is_given_up_and_calls_go_on() -> None:
    with edge(sharing(Describe=Method(reply)), connection_age=0.3, connection_grace=5.0) as at:
        channel, states = at.channel(), list[grpc.ChannelConnectivity]()
        channel.subscribe(states.append)
        stub = rpc.SharingServiceStub(channel)
        for _ in range(10):
            assert stub.Describe(pb.DescribeRequest(), wait_for_ready=True, timeout=5) == pb.DescribeResponse()
            time.sleep(0.1)
        assert states.count(grpc.ChannelConnectivity.READY) > 1


def test_reflection_is_off_unless_asked_for() -> None:
    with edge(sharing()) as at:
        stub = reflection_pb2_grpc.ServerReflectionStub(at.channel())
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        assert refusal(lambda: stub.ServerReflectionInfo(iter([ask]))) == "UNIMPLEMENTED"


def test_the_process_may_open_as_many_files_as_the_system_permits() -> None:
    program = (
        "import resource as r; from gateway.server.app import lift_file_limit\n"
        "_, hard = r.getrlimit(r.RLIMIT_NOFILE); r.setrlimit(r.RLIMIT_NOFILE, (min(200, hard), hard))\n"
        "lift_file_limit(); assert r.getrlimit(r.RLIMIT_NOFILE) == (hard, hard)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
