"""The channel to a gateway: opened over mTLS, and closed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import grpc

from gateway.client.calls import Caller
from gateway.client.tls import Pems


class Channel:
    """What every connection to a gateway is, whatever it calls. A context manager that closes itself."""

    def __init__(self, address: str, pems: Pems, caller: Caller) -> None:
        credentials = grpc.ssl_channel_credentials(pems.ca, pems.key, pems.certificate)
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.enable_retries", 0),
            # an extract goes on once the gateway is there again, and not two minutes later
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2_000),
        ]
        self._channel = grpc.secure_channel(address, credentials, options)
        self._caller = caller

    def close(self) -> None:
        """Close the connection; what is under way on it ends."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
