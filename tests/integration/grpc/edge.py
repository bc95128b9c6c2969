"""An edge on loopback with real mTLS, and handlers of a test's own behind it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from prometheus_client import CollectorRegistry

from gateway.adapters.dev_ca import Credentials, DevelopmentAuthority
from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.api.v1 import audit_service_pb2, sharing_service_pb2
from gateway.model.party import Peer
from gateway.server.app import Server, ServerConfig
from gateway.server.method import Method
from gateway.server.observation import Observer
from tests.integration.site import utc_now

AUDIT = audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]
SHARING = sharing_service_pb2.DESCRIPTOR.services_by_name["SharingService"]


@dataclass
class Edge:
    """A listening edge, and what it logged and counted."""

    port: int
    authority: DevelopmentAuthority
    log: io.StringIO
    registry: CollectorRegistry
    server: Server
    loop: asyncio.AbstractEventLoop
    channels: list[grpc.Channel] = field(default_factory=list)

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"localhost:{self.port}"

    def channel(self, credentials: Credentials | None = None) -> grpc.Channel:
        """A channel with an institution's certificate."""
        mine = credentials or self.authority.client("police", utc_now())
        tls = grpc.ssl_channel_credentials(self.authority.ca_pem, mine.private_key_pem, mine.certificate_pem)
        channel = grpc.secure_channel(self.target, tls)
        self.channels.append(channel)
        return channel

    def stop(self) -> None:
        """Stop in order, and wait for it."""
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(30)

    def count(self, method: str, reason: str) -> float:
        """How many calls ended so."""
        labels = {"method": method, "reason": reason}
        return self.registry.get_sample_value("gateway_calls_total", labels) or 0.0


_INSTITUTIONS = CertificateInstitutions(frozenset({"police", "hotel"}))


def known(peer: Peer) -> str:
    """The gate of these tests: an institution's certificate is enough."""
    return _INSTITUTIONS.bind(peer.certificate_pem, utc_now()).institution


@contextmanager
def edge(methods: Mapping[Any, Mapping[str, Method]], grace: float = 2.0, **limits: Any) -> Iterator[Edge]:
    """Run an edge over the handlers until the end of the block."""
    authority = DevelopmentAuthority(utc_now())
    mine = authority.server(utc_now())
    log, registry = io.StringIO(), CollectorRegistry()
    config = ServerConfig(
        address="127.0.0.1:0",
        certificate_pem=mine.certificate_pem,
        private_key_pem=mine.private_key_pem,
        client_ca_pem=authority.ca_pem,
        grace=grace,
        **limits,
    )
    server = Server(config, methods, known, Observer(registry, log))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
    running = Edge(port, authority, log, registry, server, loop)
    try:
        yield running
    finally:
        for channel in running.channels:
            channel.close()
        running.stop()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def sharing(**methods: Method) -> Mapping[Any, Mapping[str, Method]]:
    """All methods of SharingService; those not given fail."""

    def absent(*_: object) -> Any:
        raise LookupError

    names = {"Describe": False, "Lookup": False, "Extract": True, "Check": False, "Consume": False, "Compose": False}
    return {SHARING: {name: methods.get(name, Method(absent, streams=streams)) for name, streams in names.items()}}


def until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something holds; tell whether it does."""
    waiting = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return True
        waiting.wait(0.02)
    return holds()
