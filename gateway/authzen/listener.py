"""The HTTPS listener: TLS 1.2 or newer, never without a client's certificate, in a thread and an event loop of its own.

So the gRPC edge is not slowed down by what comes in here, and ends as it always does.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from gateway.authzen.app import DecisionPoint, Limits
from gateway.authzen.connection import Connection
from gateway.pipeline import Ports
from gateway.server.admission import Admission, Capacity, Gate
from gateway.server.observation import Observer

_KEEP_ALIVE = 60
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """How to listen. `address` is host:port; certificate, key and client authorities are files, PEM.

    `url` is what others call this listener by. `grace` is in seconds: how long calls may finish at the end.
    """

    address: str
    url: str
    certificate: Path
    private_key: Path
    client_ca: Path
    capacity: Capacity = field(default_factory=Capacity)
    limits: Limits = field(default_factory=Limits)
    workers: int = 8
    grace: float = 10.0


@contextmanager
def listening(config: ListenerConfig, ports: Ports, gate: Gate, observer: Observer) -> Iterator[int]:
    """Listen until the context ends, and then until every decision under way is on record. Gives the port.

    Raises:
        RuntimeError: the address cannot be bound, or the certificates cannot be used.
    """
    tls = tls_of(config)
    bound = _bind(config.address)
    port: int = bound.getsockname()[1]
    with ThreadPoolExecutor(config.workers, "decision") as workers:
        admission = Admission(gate, config.capacity)
        point = DecisionPoint(config.url, ports, admission, workers, observer, config.limits)
        server = _Server(_uvicorn(config, point.app(), tls))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="http")
        thread.start()
        try:
            server.wait_until_up(thread)
            observer.state("serving decisions", port=port)
            yield port
        finally:
            server.should_exit = True
            thread.join()


class _Server(uvicorn.Server):
    """uvicorn's server, which says when it is up. Outside the main thread it takes no signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    def wait_until_up(self, thread: threading.Thread) -> None:
        """Wait until connections are taken.

        Raises:
            RuntimeError: the thread ended before.
        """
        while not self._up.wait(0.05):
            if not thread.is_alive():
                raise RuntimeError("http.listen: the listener did not start")


def tls_of(config: ListenerConfig) -> ssl.SSLContext:
    """Return the TLS side: mutual, at least 1.2, every connection with a handshake of its own.

    Raises:
        RuntimeError: the files hold no usable certificate, key or authorities. A key with a password is not.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # no session is resumed: what a client proved once is asked for again
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(config.certificate, config.private_key, password="")
        context.load_verify_locations(config.client_ca)
    except (ssl.SSLError, OSError, ValueError):
        raise RuntimeError("server.certificate, server.key or server.client_ca cannot be used for TLS") from None
    return context


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(place)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise RuntimeError(f"http.listen cannot be bound: {error.strerror}") from None
    return bound


def _uvicorn(config: ListenerConfig, app: ASGIApp, tls: ssl.SSLContext) -> uvicorn.Config:
    patience = config.limits.request_seconds
    return uvicorn.Config(
        app,
        http=type("Connection", (Connection,), {"patience": patience}),
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        ssl_context_factory=lambda *_: tls,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(config.grace)),
        # nothing of a request reaches a log: no access log, no header believed, and what goes wrong is observed by us
        access_log=False,
        log_config=None,
        log_level="critical",
        proxy_headers=False,
        server_header=False,
    )
