"""A service is served whole, or not at all."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from gateway.api.v1 import audit_service_pb2, policy_service_pb2
from gateway.model.errors import ErrorReason
from gateway.model.party import Peer
from gateway.server.admission import Admission, Capacity
from gateway.server.call import Edge, Patience, Threads
from gateway.server.method import Method
from gateway.server.observation import Observer
from gateway.server.problem import Problem

SERVICE = audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]


def refuse(_: Peer, __: object) -> Problem:
    return Problem(ErrorReason.RECEIPT_NOT_FOUND)


@pytest.mark.parametrize(
    "methods",
    [
        {},
        {"GetReceipt": Method(refuse), "Backdoor": Method(refuse)},
        {"GetReceipt": Method(refuse, streams=True)},
        {"GetReceipt": Method(refuse, uploads=lambda _: None)},
    ],
)
def test_handlers_must_be_the_methods_of_their_service(methods: dict[str, Method]) -> None:
    pool = ThreadPoolExecutor(1)
    admission = Admission(lambda _: "police", Capacity())
    edge = Edge(admission, Threads(pool, pool, pool), Observer(CollectorRegistry(), io.StringIO()), Patience())
    with pytest.raises(ValueError):
        edge.service(SERVICE, methods)
    assert edge.service(SERVICE, {"GetReceipt": Method(refuse)}) is not None


def test_a_method_that_takes_an_upload_says_who_may_send_one() -> None:
    service = policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"]
    pool = ThreadPoolExecutor(1)
    observer = Observer(CollectorRegistry(), io.StringIO())
    edge = Edge(Admission(lambda _: "police", Capacity()), Threads(pool, pool, pool), observer, Patience())
    methods = {one.name: Method(refuse, streams=one.server_streaming) for one in service.methods}
    with pytest.raises(ValueError, match="takes an upload"):
        edge.service(service, methods)
