"""Channels to a Spark Connect server: over TLS or this machine's loopback, each call with an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
from pyspark.sql.connect.client.core import DefaultChannelBuilder

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LARGEST_MESSAGE = 128 << 20


@dataclass(frozen=True, slots=True, repr=False)
class Endpoint:
    """A Spark Connect server and how the gateway calls it.

    The server's certificate must be for `host`, of the authority in `root_certificate` (PEM); on this machine's
    loopback alone that may be left out. `token` (a bearer's) goes with every call. Seconds: how long answers in one
    message may take (`call_seconds`), how long a stream (`statement_seconds`).
    """

    host: str
    port: int
    token: str | None
    root_certificate: bytes | None
    call_seconds: float
    statement_seconds: float

    def channel(self) -> grpc.Channel:
        """Open a channel. Raises ValueError for one over a network that nothing protects."""
        if self.root_certificate is None and self.host not in LOOPBACK:
            raise ValueError("a Spark Connect server over a network is called over TLS")
        options = [
            ("grpc.max_send_message_length", _LARGEST_MESSAGE),
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.enable_http_proxy", 0),
        ]
        credentials = (
            grpc.local_channel_credentials()
            if self.root_certificate is None
            else grpc.ssl_channel_credentials(self.root_certificate)
        )
        if self.token is not None:
            bearer = grpc.access_token_call_credentials(self.token)
            credentials = grpc.composite_channel_credentials(credentials, bearer)
        channel = grpc.secure_channel(f"{self.host}:{self.port}", credentials, options)
        return grpc.intercept_channel(channel, _Ending(self.call_seconds, self.statement_seconds))


class GatewayChannel(DefaultChannelBuilder):
    """The library's view of an endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"sc://{endpoint.host}:{endpoint.port}/;user_id=purpose-gateway")
        self._endpoint = endpoint

    def toChannel(self) -> grpc.Channel:
        return self._endpoint.channel()

    @property
    def token(self) -> str | None:
        return self._endpoint.token


class _Call(NamedTuple):
    """What gRPC takes for the details of a call."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


if TYPE_CHECKING:
    # the stubs have parameters that the library has not
    _Single = grpc.UnaryUnaryClientInterceptor[Any, Any]
    _Stream = grpc.UnaryStreamClientInterceptor[Any, Any]
    _Upload = grpc.StreamUnaryClientInterceptor[Any, Any]
else:
    _Single = grpc.UnaryUnaryClientInterceptor
    _Stream = grpc.UnaryStreamClientInterceptor
    _Upload = grpc.StreamUnaryClientInterceptor


class _Ending(_Single, _Stream, _Upload):
    """Gives each call an end: the library's own waits for ever."""

    def __init__(self, call_seconds: float, statement_seconds: float) -> None:
        self._call, self._statement = call_seconds, statement_seconds

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(_until(details, self._call), request)

    def intercept_unary_stream(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return continuation(_until(details, self._statement), request)

    def intercept_stream_unary(self, continuation: Callable[..., Any], details: Any, requests: Any) -> Any:
        return continuation(_until(details, self._call), requests)


def _until(details: Any, seconds: float) -> _Call:
    timeout = seconds if details.timeout is None else min(details.timeout, seconds)
    wait = getattr(details, "wait_for_ready", None)
    return _Call(
        details.method, timeout, details.metadata, details.credentials, wait, getattr(details, "compression", None)
    )


def read_token(file: Path | None) -> str | None:
    """Return the token in a file. Raises OSError if it cannot be read."""
    return None if file is None else file.read_text(encoding="utf-8").strip()
