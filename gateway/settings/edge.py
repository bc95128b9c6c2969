"""Settings of the edge: the ports, who is believed there, and how the gateway asks after its own health."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from gateway.settings.section import Address, Section

Institution = Annotated[str, StringConstraints(pattern=r"\A[a-z0-9-]+\z", max_length=64)]
"""An institution's id, as certificates, tokens and grants write it."""


class ServerSettings(Section):
    """The gRPC port. mTLS is not optional: there is no setting for a port without it."""

    listen: Address = Field("127.0.0.1:8443", description="Address and port of the gRPC service.")
    certificate: Path = Field(description="The server's certificate chain, PEM.")
    key: Path = Field(description="The server's private key, PEM.")
    client_ca: Path = Field(description="The authorities that issue institutions' certificates, PEM.")
    workers: int = Field(32, ge=1, le=512, description="Threads that answer single calls.")
    stream_workers: int = Field(32, ge=1, le=512, description="Threads that read and stream extracts.")
    release_workers: int = Field(32, ge=1, le=512, description="Threads that make releases and wait for their slots.")
    max_request_bytes: int = Field(262_144, ge=1024, le=4_194_304, description="The largest request.")
    max_calls: int = Field(256, ge=1, le=65536, description="Calls at a time; more are refused.")
    max_institution_calls: int = Field(64, ge=1, le=65536, description="Calls of one institution at a time.")
    max_institution_releases: int = Field(16, ge=1, le=512, description="Releases of one institution at a time.")
    max_connection_calls: int = Field(64, ge=1, le=65536, description="Calls of one connection at a time; more wait.")
    request_seconds: float = Field(10.0, gt=0, le=600, description="How long a request may take to arrive.")
    stall_seconds: float = Field(60.0, gt=0, le=3600, description="How long a message of a stream may stay unread.")
    connection_seconds: float = Field(1800.0, ge=1, le=86400, description="After this a connection takes no new calls.")
    connection_grace_seconds: float = Field(
        600.0, ge=1, le=86400, description="How long the calls of such a connection may go on."
    )
    reuse_port: bool = Field(False, description="Whether other gateways over the same state listen here as well.")
    reflection: bool = Field(False, description="Whether clients without a token may read the API's descriptors.")
    grace_seconds: float = Field(10.0, ge=0, le=600, description="How long calls may finish after SIGTERM.")
    metrics_listen: Address | None = Field(
        None, description="Address of the Prometheus metrics, plain HTTP; keep it internal. Off if left out."
    )


def _base_url(value: str) -> str:
    host, colon, port = value.removeprefix("https://").partition(":")
    if not value.startswith("https://") or not re.fullmatch(r"[A-Za-z0-9.-]+", host, re.ASCII):
        raise ValueError('must be a URL with no path, such as "https://gateway.example:8444"')
    if colon and not (port.isdigit() and 0 < int(port) < 65536):
        raise ValueError("must have a port from 1 to 65535, or none")
    return value


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class HttpSettings(Section):
    """The HTTPS port: decisions for other systems (AuthZEN). Certificate, key and authorities are those of [server]."""

    listen: Address = Field(description="Address and port of the HTTPS service.")
    url: BaseUrl = Field(description="What others call this service by: its metadata name it.")
    workers: int = Field(8, ge=1, le=512, description="Threads that decide.")
    max_request_bytes: int = Field(262_144, ge=1024, le=4_194_304, description="The largest request.")
    max_calls: int = Field(64, ge=1, le=65536, description="Calls at a time; more are refused.")
    max_institution_calls: int = Field(16, ge=1, le=65536, description="Calls of one institution at a time.")
    request_seconds: float = Field(10.0, gt=0, le=600, description="How long a request may take to arrive.")


class IdentitySettings(Section):
    """Who is believed: institutions by certificate, persons by token."""

    institutions: frozenset[Institution] = Field(min_length=1, description="Institutions that may call.")
    issuer: str = Field(min_length=1, description="The `iss` that tokens must carry.")
    audience: str = Field("purpose-gateway", min_length=1, description="The `aud` that tokens must carry.")
    token_keys: tuple[Path, ...] = Field(
        min_length=1, description="Public keys of the token issuer, PEM, Ed25519 or P-256."
    )


class HealthSettings(Section):
    """How `gateway health` asks: as a client, with a certificate of its own that names no institution."""

    certificate: Path = Field(description="The probe's client certificate, PEM.")
    key: Path = Field(description="The probe's private key, PEM.")
    server_ca: Path = Field(description="The authority that issued the server's certificate, PEM.")
