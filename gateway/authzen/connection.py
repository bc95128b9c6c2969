"""One connection: the certificate that its handshake proved, and no more patience than is due."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1, which tells the application who the client is.

    The certificate stands in the scope as the ASGI TLS extension has it (`extensions.tls.client_cert_chain`, PEM; the
    client's own alone): from the transport, where no header reaches. Headers that do not arrive within the patience,
    answers that are not read within it, and requests sent too far ahead of their answers end the connection.
    """

    patience = 10.0
    """Seconds."""

    most_ahead = 64 << 10
    """Bytes that a client may send while it waits for an answer: what comes next is kept in memory until then."""

    _ahead = 0
    _unread: asyncio.TimerHandle | None = None
    _unsaid: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the certificate, and wait for a request."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        self.app: Any = _with_certificate(self.app, certificate_of(transport.get_extra_info("ssl_object")))
        self._await_request()

    def data_received(self, data: bytes) -> None:
        """Take data; a request that has begun must have a whole head in time."""
        self._ahead = self._ahead + len(data) if self._answering() else 0
        if self._ahead > self.most_ahead:
            self.transport.abort()
            return
        super().data_received(data)
        self._await_request()

    def pause_writing(self) -> None:
        """The client reads slower than it is answered: it has so long to catch up."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.patience, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has caught up, or is gone."""
        super().resume_writing()
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._said()
        self._read()

    def _answering(self) -> bool:
        """Whether a request is here, whole, and its answer is not out yet."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    def _await_request(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._said()
        elif self._unsaid is None:
            self._unsaid = self.loop.call_later(self.patience, self.transport.abort)

    def _said(self) -> None:
        if self._unsaid is not None:
            self._unsaid.cancel()
            self._unsaid = None

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def certificate_of(tls: ssl.SSLObject | None) -> str | None:
    """Return the verified certificate of the peer as PEM; None where TLS proved none."""
    der = None if tls is None else tls.getpeercert(binary_form=True)
    return None if der is None else ssl.DER_cert_to_PEM_cert(der)


def _with_certificate(app: ASGIApp, pem: str | None) -> ASGIApp:
    chain = () if pem is None else (pem,)

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {**scope.get("extensions", {}), "tls": {"client_cert_chain": chain}}
        await app({**scope, "extensions": extensions}, receive, send)

    return known
