"""The listening server: TLS with client certificates, limits, health, reflection, and an orderly end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.server.call import Edge, Method
from gateway.server.observation import Observer

_asyncio_health: Any = health  # the stubs know the synchronous half alone

Services = Mapping[ServiceDescriptor, Mapping[str, Method]]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to listen. Certificates and the key are PEM; `client_ca_pem` signs the institutions' certificates.

    `address` is host:port, port 0 for any. Sizes are bytes, times seconds. `workers` are the threads of row
    disclosures, `release_workers` those of releases, which mostly wait for their time slot.
    """

    address: str
    certificate_pem: bytes
    private_key_pem: bytes
    client_ca_pem: bytes
    max_request_bytes: int = 1 << 20
    max_batch_bytes: int = 3 << 20
    max_concurrent_calls: int = 256
    workers: int = 16
    release_workers: int = 32
    grace: float = 20.0
    keepalive: float = 60.0
    reuse_port: bool = False

    def __repr__(self) -> str:
        # the key must not reach a log
        return f"ServerConfig({self.address})"


class Server:
    """A gateway that listens. `start` and `stop` are called once each, in one event loop."""

    def __init__(self, config: ServerConfig, services: Services, observer: Observer) -> None:
        self._config = config
        self._observer = observer
        self._quick = ThreadPoolExecutor(config.workers, "disclosure")
        self._slow = ThreadPoolExecutor(config.release_workers, "release")
        self._edge = Edge(self._quick, self._slow, observer)
        self._services = services
        self._health = _asyncio_health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self) -> int:
        """Listen, and return the port.

        Raises:
            RuntimeError: the address cannot be bound.
        """
        config = self._config
        server = grpc.aio.server(options=_options(config), maximum_concurrent_rpcs=config.max_concurrent_calls)
        names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        for descriptor, methods in self._services.items():
            server.add_generic_rpc_handlers((self._edge.service(descriptor, methods),))
            names.append(descriptor.full_name)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection(names, server)
        credentials = grpc.ssl_server_credentials(
            [(config.private_key_pem, config.certificate_pem)],
            root_certificates=config.client_ca_pem,
            require_client_auth=True,
        )
        self.port = server.add_secure_port(config.address, credentials)
        await server.start()
        for name in ("", *names[2:]):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._server = server
        self._observer.state("serving", port=self.port)
        return self.port

    async def stop(self) -> None:
        """Say NOT_SERVING, let calls under way end within the grace, then end the rest and wait for their audit."""
        self._observer.state("stopping", grace=self._config.grace)
        await self._health.enter_graceful_shutdown()
        if self._server is not None:
            await self._server.stop(self._config.grace)
        await asyncio.to_thread(self._edge.end)
        await asyncio.to_thread(self._shut)
        self._observer.state("stopped")

    def _shut(self) -> None:
        self._slow.shutdown(wait=True)
        self._quick.shutdown(wait=True)

    async def serve_until(self, end: asyncio.Event) -> None:
        """Serve until the event is set, then stop."""
        await self.start()
        await end.wait()
        await self.stop()


def run(server: Server, on_hangup: Callable[[], object]) -> None:
    """Serve until SIGTERM or SIGINT; call `on_hangup`, in a thread of its own, at every SIGHUP."""
    asyncio.run(_run(server, on_hangup))


async def _run(server: Server, on_hangup: Callable[[], object]) -> None:
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: loop.run_in_executor(None, on_hangup))
    await server.serve_until(end)


def _options(config: ServerConfig) -> list[tuple[str, int]]:
    keepalive = int(config.keepalive * 1000)
    return [
        ("grpc.max_receive_message_length", config.max_request_bytes),
        ("grpc.max_metadata_size", 16 << 10),
        ("grpc.keepalive_time_ms", keepalive),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.max_connection_idle_ms", 600_000),
        ("grpc.so_reuseport", int(config.reuse_port)),
    ]
