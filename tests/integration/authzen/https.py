"""A caller over HTTPS that keeps the bytes."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Said:
    """What one request brought back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def everything(self) -> bytes:
        """Every byte that the caller received, as far as HTTP shows them."""
        return self.body + str(self.headers).encode()


def trusting(ca: Path) -> ssl.SSLContext:
    """TLS of a client that trusts an authority and shows no certificate."""
    return ssl.create_default_context(cafile=ca)


def client_tls(folder: Path, institution: str) -> ssl.SSLContext:
    """TLS of an institution whose credentials are in a folder."""
    context = trusting(folder / "ca.pem")
    context.load_cert_chain(folder / f"{institution}.pem", folder / f"{institution}.key")
    return context


def post(
    port: int,
    tls: ssl.SSLContext,
    path: str,
    body: object,
    *,
    token: str | None,
    method: str = "POST",
    **headers: str,
) -> Said:
    """Send one request, and wait for its answer."""
    connection = http.client.HTTPSConnection("localhost", port, context=tls, timeout=20)
    shown = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if token is not None:
        shown["Authorization"] = f"Bearer {token}"
    try:
        connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), shown)
        answer = connection.getresponse()
        return Said(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()
