"""Calls that keep the bytes: what crosses the wire is looked at as it is, not as a client understands it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message

from tests.integration.site import Site


@dataclass(frozen=True)
class Answer:
    """All that one call brought back: the messages' bytes, the status and its text and metadata."""

    messages: tuple[bytes, ...]
    code: grpc.StatusCode
    details: str
    trailing: tuple[tuple[str, bytes], ...]

    def everything(self) -> bytes:
        """Every byte that the caller received."""
        trailers = b"".join(key.encode() + b"=" + value for key, value in self.trailing)
        return b"\n".join([*self.messages, self.details.encode(), trailers])


class Wire:
    """A raw mTLS channel of one institution."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {token}"),)

    def call(self, method: str, request: Message | bytes, timeout: float = 60.0) -> Answer:
        """Call "Service/Method" of the API and collect every byte of the answer, streamed or not."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        call = self._channel.unary_stream(
            f"/gateway.api.v1.{method}",
            request_serializer=_same,
            response_deserializer=_same,
        )(data, metadata=self._metadata, timeout=timeout)
        messages: list[bytes] = []
        with suppress(grpc.RpcError):
            messages.extend(call)
        trailing = tuple(
            (key, value if isinstance(value, bytes) else value.encode())
            for key, value in call.trailing_metadata() or ()
        )
        return Answer(tuple(messages), call.code(), call.details() or "", trailing)


def _same(data: bytes) -> bytes:
    return data


@contextmanager
def wire(site: Site, institution: str, person: str = "li.wei", token: str | None = None) -> Iterator[Wire]:
    """Open a raw channel."""
    credentials = grpc.ssl_channel_credentials(
        root_certificates=(site.folder / "ca.pem").read_bytes(),
        private_key=(site.folder / f"{institution}.key").read_bytes(),
        certificate_chain=(site.folder / f"{institution}.pem").read_bytes(),
    )
    options = [("grpc.max_receive_message_length", 64 << 20)]
    with grpc.secure_channel(site.target, credentials, options) as channel:
        yield Wire(channel, site.token(institution, person) if token is None else token)
