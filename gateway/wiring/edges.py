"""How the edges listen: gRPC, and HTTPS beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.server.admission import Capacity
from gateway.server.app import ServerConfig
from gateway.server.call import Patience
from gateway.settings import HttpSettings, Settings
from gateway.wiring.files import read, read_secret

if TYPE_CHECKING:
    from gateway.authzen.listener import ListenerConfig


def server_config(settings: Settings) -> ServerConfig:
    """Return how to listen.

    Raises:
        InvalidSettings: a certificate or the key cannot be read, or others than its owner can use the key.
    """
    server = settings.server
    return ServerConfig(
        address=server.listen,
        certificate_pem=read(server.certificate, "server.certificate"),
        private_key_pem=read_secret(server.key, "server.key"),
        client_ca_pem=read(server.client_ca, "server.client_ca"),
        capacity=Capacity(server.max_calls, server.max_institution_calls, server.max_institution_releases),
        patience=Patience(server.request_seconds, server.stall_seconds),
        max_request_bytes=server.max_request_bytes,
        workers=server.workers,
        stream_workers=server.stream_workers,
        release_workers=server.release_workers,
        reflection=server.reflection,
        reuse_port=server.reuse_port,
        connection_streams=server.max_connection_calls,
        connection_age=server.connection_seconds,
        connection_grace=server.connection_grace_seconds,
        grace=server.grace_seconds,
    )


def listener_config(settings: Settings, http: HttpSettings) -> ListenerConfig:
    """Return how to listen for questions over HTTPS: with the certificate and the authorities of the gRPC port.

    Raises:
        InvalidSettings: others than its owner can use the key.
    """
    from gateway.authzen.app import Limits as HttpLimits
    from gateway.authzen.listener import ListenerConfig

    server = settings.server
    read_secret(server.key, "server.key")
    return ListenerConfig(
        address=http.listen,
        url=http.url,
        certificate=server.certificate,
        private_key=server.key,
        client_ca=server.client_ca,
        capacity=Capacity(http.max_calls, http.max_institution_calls),
        limits=HttpLimits(http.max_request_bytes, http.request_seconds),
        workers=http.workers,
        grace=server.grace_seconds,
    )
