"""Uploads at the edge: received whole within bounds, and not at all from those who may not send one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import grpc
import pytest

import gateway.client as gw
from gateway.administration.study import Kept
from gateway.api.v1 import policy_pb2, policy_service_pb2
from gateway.api.v1 import policy_service_pb2_grpc as rpc
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.policy.folder import folder_digest
from gateway.server import upload
from gateway.server.admission import Capacity
from gateway.server.call import Patience
from gateway.server.method import Method, Opened, Reply
from gateway.server.problem import Problem
from gateway.server.upload import EDITED, UploadBounds
from gateway.server.wire.policy import PIECE_BYTES, parts_of, uploaded
from tests.integration.grpc.edge import Edge, edge, until
from tests.integration.grpc.test_edge import reason_of
from tests.integration.site import utc_now

SERVICE = policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"]
CHECK = "/gateway.api.v1.PolicyService/CheckPolicy"
Part = policy_service_pb2.CheckPolicyRequest


class Desk:
    """A handler that counts what it received. The door holds it back."""

    def __init__(self, refuse: bool = False, bounds: UploadBounds = EDITED) -> None:
        self.files: Mapping[str, bytes] = {}
        self.runs = 0
        self.asked = 0
        self.refuse = refuse
        self.bounds = bounds
        self.door = threading.Event()
        self.door.set()

    def may(self, _: Peer) -> Problem | None:
        self.asked += 1
        return Problem(ErrorReason.AUTHORITY_EXCEEDED) if self.refuse else None

    def run(self, _: Peer, messages: Any) -> Reply:
        self.runs += 1
        assert self.door.wait(20)
        _header, self.files = uploaded(messages)
        summary = policy_pb2.PolicySummary(contracts=len(self.files))
        return Reply(policy_service_pb2.CheckPolicyResponse(sound=summary))

    @property
    def methods(self) -> Mapping[Any, Mapping[str, Method]]:
        """All methods of PolicyService; every one with an upload is this desk's."""

        def absent(*_: object) -> Any:
            raise LookupError

        return {
            SERVICE: {
                one.name: Method(self.run, uploads=self.may, bounds=self.bounds)
                if one.client_streaming
                else Method(absent, streams=one.server_streaming)
                for one in SERVICE.methods
            }
        }


def header(**files: bytes) -> Part:
    """The first message of an upload of these files."""
    return Part(header=policy_pb2.PolicySelector(uploaded=bool(files), digest=folder_digest(files) if files else ""))


def part(name: str, content: bytes = b"") -> Part:
    return Part(file=policy_pb2.FilePart(name=name, content=content))


def send(at: Edge, parts: Iterable[Part], timeout: float = 20.0) -> Any:
    return rpc.PolicyServiceStub(at.channel()).CheckPolicy(iter(parts), timeout=timeout)


def refusal(at: Edge, parts: Iterable[Part]) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        send(at, parts)
    return reason_of(raised.value)


def test_files_arrive_whole_and_apart() -> None:
    desk, large = Desk(), bytes(range(256)) * 2000
    pieces = [part("b", large[start : start + PIECE_BYTES]) for start in range(0, len(large), PIECE_BYTES)]
    with edge(desk.methods) as at:
        answer = send(at, [header(a=b"", b=large, c=b"x"), part("a"), *pieces, part("c", b"x")])
    assert answer.sound.contracts == 3
    assert desk.files == {"a": b"", "b": large, "c": b"x"}


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part("a", b"x")],
        [header(), header()],
        [header(a=b"", b=b""), part("a"), part("b"), part("a")],
        [header(), part("")],
        [header(), part("a" * 513)],
        [header(), part("a", bytes(PIECE_BYTES + 1))],
        [header(), Part()],
        [header(a=b"xy"), part("a", b"x")],
        [header(a=b"x", b=b""), part("a", b"x")],
        [header(a=b"x")],
        [header(), part("a", b"x")],
    ],
    ids=[
        *("nothing", "no header", "two headers", "mixed files", "no name", "long name", "large piece", "no part"),
        *("cut file", "cut folder", "no files", "no digest"),
    ],
)
def test_what_is_no_upload_is_refused(parts: list[Part]) -> None:
    with edge(Desk().methods) as at:
        assert refusal(at, parts) == "REQUEST_INVALID"


def test_bytes_that_are_no_message_are_told_as_such() -> None:
    with edge(Desk().methods) as at:
        call: Any = at.channel().stream_unary(CHECK, None, None)
        with pytest.raises(grpc.RpcError) as raised:
            call(iter([header().SerializeToString(), b"\xff\xff"]), timeout=10)
        assert reason_of(raised.value) == "REQUEST_INVALID"


def test_who_may_not_send_is_refused_before_anything_is_read() -> None:
    desk, sent = Desk(refuse=True), []

    def endless() -> Iterator[Part]:
        for number in range(5000):
            sent.append(number)
            yield part("a", bytes(PIECE_BYTES))

    with edge(desk.methods, patience=Patience(request=60.0)) as at:
        assert refusal(at, endless()) == "AUTHORITY_EXCEEDED"
        assert (desk.asked, desk.runs) == (1, 0)
        assert len(sent) < 500  # what the windows of HTTP/2 hold, of a gigabyte


def test_a_stranger_is_not_even_asked() -> None:
    desk = Desk()
    with edge(desk.methods) as at:
        channel = at.channel(at.authority.client("probe", utc_now(), uris=[]))
        with pytest.raises(grpc.RpcError) as raised:
            rpc.PolicyServiceStub(channel).CheckPolicy(iter([header()]), timeout=10)
        assert reason_of(raised.value) == "CERTIFICATE_INVALID"
        assert desk.asked == 0


def test_too_many_bytes_end_the_call() -> None:
    desk = Desk()
    number = upload.MAX_BYTES // PIECE_BYTES + 1
    with edge(desk.methods) as at:
        parts = (part("a", bytes(PIECE_BYTES)) for _ in range(number))
        assert refusal(at, (one for one in [header(), *parts])) == "CAP_EXCEEDED"
        assert desk.runs == 0


def test_too_many_messages_end_the_call() -> None:
    desk = Desk(bounds=UploadBounds(messages=5))
    with edge(desk.methods) as at:
        assert send(at, [header(a=b"xxxx"), *[part("a", b"x")] * 4]).sound.contracts == 1
        assert refusal(at, [header(), *[part("a", b"x")] * 5]) == "CAP_EXCEEDED"
        assert desk.runs == 1


def dripping(pause: float, end: threading.Event, most: int = 10_000) -> Iterator[Part]:
    yield header(a=b"x" * most)
    for _ in range(most):
        if end.wait(pause):
            return
        yield part("a", b"x")


@pytest.mark.parametrize(
    ("patience", "pause"),
    [(Patience(request=0.3), 30.0), (Patience(request=5.0, upload=0.6), 0.05)],
    ids=["stalls", "drips"],
)
def test_who_is_too_slow_loses_the_place(patience: Patience, pause: float) -> None:
    desk, end = Desk(), threading.Event()
    with edge(desk.methods, patience=patience, capacity=Capacity(uploads_each=1)) as at:
        began = time.monotonic()
        assert refusal(at, dripping(pause, end)) == "REQUEST_INVALID"
        assert time.monotonic() - began < 5
        end.set()
        assert desk.runs == 0
        assert until(lambda: at.count("PolicyService/CheckPolicy", "REQUEST_INVALID") == 1)
        assert send(at, [header()]).HasField("sound")  # the place came back


def test_a_cancelled_upload_frees_its_place_and_answers_nothing() -> None:
    desk, end = Desk(), threading.Event()
    with edge(desk.methods, capacity=Capacity(uploads_each=1)) as at:
        # cancelled while the header is all that arrived, or later
        call: Any = rpc.PolicyServiceStub(at.channel()).CheckPolicy.future(dripping(0.05, end), timeout=20)
        assert until(lambda: desk.asked == 1)
        assert refusal(at, [header()]) == "CAP_EXCEEDED"
        call.cancel()
        end.set()
        # gRPC may tell the end of the messages before the end of the call
        ends = ("CANCELLED", "REQUEST_INVALID")
        assert until(lambda: sum(at.count("PolicyService/CheckPolicy", end) for end in ends) == 1)
        assert desk.files == {}
        assert send(at, [header()]).HasField("sound")


def test_uploads_are_few_at_a_time_and_other_calls_go_on() -> None:
    desk = Desk()
    desk.door.clear()
    with edge(desk.methods, capacity=Capacity(uploads=3, uploads_each=2)) as at:
        police = rpc.PolicyServiceStub(at.channel())
        hotel = rpc.PolicyServiceStub(at.channel(at.authority.client("hotel", utc_now())))

        def begin(stub: rpc.PolicyServiceStub, running: int) -> Any:
            call = stub.CheckPolicy.future(iter([header()]), timeout=20)
            assert until(lambda: desk.runs == running)
            return call

        calls = [begin(police, 1), begin(police, 2)]
        assert _refused(lambda: police.CheckPolicy(iter([header()]))) == "CAP_EXCEEDED"
        calls.append(begin(hotel, 3))
        assert _refused(lambda: hotel.CheckPolicy(iter([header()]))) == "CAP_EXCEEDED"
        # a call of another kind is let in, to a handler that fails
        request = policy_service_pb2.ListProposalsRequest()
        assert _refused(lambda: police.ListProposals(request)) == "INTERNAL"
        desk.door.set()
        assert all(call.result(10).HasField("sound") for call in calls)
        for _ in range(6):
            assert police.CheckPolicy(iter([header()])).HasField("sound")


def _refused(call: Callable[[], Any]) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return reason_of(raised.value)


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "another file"])
def test_a_client_holds_a_snapshot_against_its_digest(whole: bool) -> None:
    files = {"grants.csv": b"p\n", "large": bytes(PIECE_BYTES + 1), "none": b""}

    def snapshot(_: Peer, __: Any) -> Opened:
        sent = files if whole else {**files, "none": b"p"}
        return Opened(parts_of(Kept(folder_digest(files), sent)), lambda: None)

    methods = {SERVICE: {**Desk().methods[SERVICE], "GetSnapshot": Method(snapshot, streams=True)}}
    with edge(methods) as at:
        mine = at.authority.client("police", utc_now())
        with gw.connect_officer(
            at.target, certificate=mine.certificate_pem, key=mine.private_key_pem, ca=at.authority.ca_pem, token="t"
        ) as officer:
            if whole:
                assert officer.snapshot(folder_digest(files)).files == files
            else:
                with pytest.raises(gw.SnapshotMismatch):
                    officer.snapshot()
            with pytest.raises(gw.SnapshotMismatch):
                officer.snapshot("0" * 64)
