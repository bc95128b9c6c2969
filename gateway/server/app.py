"""The listening server: TLS with client certificates, limits, health, and an orderly end."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor

from gateway.server.admission import Admission, Capacity, Gate
from gateway.server.call import Edge, Patience, Threads
from gateway.server.health import SERVICE_NAME, Health
from gateway.server.method import Method
from gateway.server.observation import Observer

Services = Mapping[ServiceDescriptor, Mapping[str, Method]]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to listen. Certificates and the key are PEM; `client_ca_pem` signs the institutions' certificates.

    `address` is host:port, port 0 for any. Sizes are bytes, times seconds. `workers` are the threads of single
    calls, `stream_workers` those of extracts, `release_workers` those of releases, which mostly wait for their time
    slot. A connection of `connection_age` takes no new calls, and those under way have the `connection_grace` to end.
    """

    address: str
    certificate_pem: bytes
    private_key_pem: bytes
    client_ca_pem: bytes
    capacity: Capacity = field(default_factory=Capacity)
    patience: Patience = field(default_factory=Patience)
    max_request_bytes: int = 256 << 10
    max_batch_bytes: int = 3 << 20
    workers: int = 16
    stream_workers: int = 32
    release_workers: int = 32
    reflection: bool = False
    grace: float = 20.0
    handshake: float = 10.0
    keepalive: float = 60.0
    connection_streams: int = 64
    connection_age: float = 1800.0
    connection_grace: float = 600.0
    reuse_port: bool = False

    def __repr__(self) -> str:
        # the key must not reach a log
        return f"ServerConfig({self.address})"


class Server:
    """A gateway that listens. `start` and `stop` are called once each, in one event loop."""

    def __init__(self, config: ServerConfig, services: Services, gate: Gate, observer: Observer) -> None:
        """Take the handlers of every service, and the gate that knows callers."""
        self._config = config
        self._observer = observer
        self._threads = Threads(
            quick=ThreadPoolExecutor(config.workers, "disclosure"),
            streams=ThreadPoolExecutor(config.stream_workers, "stream"),
            slow=ThreadPoolExecutor(config.release_workers, "release"),
        )
        admission = Admission(gate, config.capacity)
        self._edge = Edge(admission, self._threads, observer, config.patience)
        self._services = services
        self._health = Health(service.full_name for service in services)
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            RuntimeError: the address cannot be bound.
        """
        config = self._config
        server = grpc.aio.server(options=_options(config))
        handlers = [self._edge.service(descriptor, methods) for descriptor, methods in self._services.items()]
        server.add_generic_rpc_handlers((*handlers, self._health.handler()))
        if config.reflection:
            _reflect(server, (SERVICE_NAME, *(service.full_name for service in self._services)))
        credentials = grpc.ssl_server_credentials(
            [(config.private_key_pem, config.certificate_pem)],
            root_certificates=config.client_ca_pem,
            require_client_auth=True,
        )
        self.port = server.add_secure_port(config.address, credentials)
        await server.start()
        self._health.serving = True
        self._server = server
        self._observer.state("serving", port=self.port)
        return self.port

    async def stop(self) -> None:
        """Say NOT_SERVING, let calls under way end within the grace, then end the rest and wait for their audit."""
        self._observer.state("stopping", grace=self._config.grace)
        self._health.serving = False
        if self._server is not None:
            await self._server.stop(self._config.grace)
        await asyncio.to_thread(self._edge.end)
        await asyncio.to_thread(self._shut)
        self._observer.state("stopped")

    def _shut(self) -> None:
        for pool in (self._threads.slow, self._threads.streams, self._threads.quick):
            pool.shutdown(wait=True)

    async def serve_until(self, end: asyncio.Event) -> None:
        """Serve until the event is set, then stop."""
        await self.start()
        await end.wait()
        await self.stop()


def run(server: Server, on_hangup: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT; call `on_hangup`, in a thread of its own, at every SIGHUP."""
    lift_file_limit()
    asyncio.run(_run(server, on_hangup))


def lift_file_limit() -> None:
    """Let this process hold as many connections as the system permits: the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _run(server: Server, on_hangup: Callable[[], object]) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, on_hangup))
    await server.serve_until(end)


def _reflect(server: grpc.aio.Server, names: Iterable[str]) -> None:
    """Let any client of a known authority read the descriptors. Imported by those who ask for it."""
    from grpc_reflection.v1alpha import reflection

    reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)


def _options(config: ServerConfig) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", config.max_request_bytes),
        ("grpc.max_metadata_size", 16 << 10),
        ("grpc.max_concurrent_streams", config.connection_streams),
        ("grpc.server_handshake_timeout_ms", _milliseconds(config.handshake)),
        ("grpc.keepalive_time_ms", _milliseconds(config.keepalive)),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.max_connection_idle_ms", 600_000),
        ("grpc.max_connection_age_ms", _milliseconds(config.connection_age)),
        ("grpc.max_connection_age_grace_ms", _milliseconds(config.connection_grace)),
        ("grpc.so_reuseport", int(config.reuse_port)),
    ]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
