"""Settings of the sources: files of the embedded engine, services, databases and lakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator, model_validator

from gateway.settings.section import Address, Section

ServerName = Annotated[str, StringConstraints(pattern=r"\A[a-z0-9]+(-[a-z0-9]+)*\z", max_length=64)]
"""What contracts call a server that the gateway reads from."""


class ServiceSettings(Section):
    """A department's own gRPC service. mTLS is not optional here either."""

    address: Address = Field(description="Address and port of the service.")
    ca: Path = Field(description="The authority that issued the service's certificate, PEM.")
    certificate: Path = Field(description="The gateway's client certificate, PEM.")
    key: Path = Field(description="Its private key, PEM.")
    descriptors: Path = Field(description="The descriptor set of the service, with all that it imports.")
    call_seconds: float = Field(10.0, gt=0, le=600, description="How long an answer in one message may take.")
    stall_seconds: float = Field(30.0, gt=0, le=600, description="How long each message of a stream may take.")
    max_message_mib: int = Field(4, ge=1, le=256, description="The largest message that is taken.")


LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What this machine calls itself."""


class DatabaseSettings(Section):
    """A PostgreSQL database. Over a network TLS is not optional; a host that is a folder has a socket in it."""

    host: str = Field(min_length=1, description="The server's name, as its certificate has it, or a socket's folder.")
    port: int = Field(5432, ge=1, le=65535, description="The server's port.")
    database: str = Field(min_length=1, description="The database.")
    user: str = Field(min_length=1, description="The role, which needs to read and no more.")
    password_file: Path | None = Field(None, description="A file with its password; read at every connection.")
    root_certificate: Path | None = Field(None, description="The authority that issued the server's certificate, PEM.")
    certificate: Path | None = Field(None, description="The gateway's client certificate, PEM.")
    key: Path | None = Field(None, description="Its private key, PEM.")
    statement_seconds: int = Field(600, ge=1, le=86400, description="How long a question may take the database.")
    snapshot_seconds: float = Field(5.0, ge=0, le=3600, description="How old the state may be that is read.")
    hold_seconds: float = Field(10.0, ge=0, le=3600, description="How long a state is kept for who began with it.")

    @model_validator(mode="after")
    def _over_tls(self) -> DatabaseSettings:
        if not self.host.startswith("/") and self.root_certificate is None:
            raise ValueError("needs root_certificate: a database is called over TLS, or by a socket")
        if (self.certificate is None) != (self.key is None):
            raise ValueError("has a certificate and a key, or neither")
        return self


class LakeSettings(Section):
    """A lake of Parquet that Spark reads: one of the gateway's own, or that of a Spark Connect server.

    Over a network that is called over TLS; what listens on this machine's loopback needs none.
    """

    root: str = Field(min_length=1, description="Where the lake is: a URI of Spark's, which contracts' paths follow.")
    remote: Address | None = Field(
        None, description="Address and port of a Spark Connect server. Left out: a Spark of the gateway's own."
    )
    token_file: Path | None = Field(None, description="A file with the token that the server asks for.")
    root_certificate: Path | None = Field(None, description="The authority that issued the server's certificate, PEM.")
    cores: int = Field(2, ge=1, le=1024, description="Cores that a Spark of its own may use.")
    memory_mib: int = Field(2048, ge=512, le=1_048_576, description="Memory that it may use.")
    scratch: Path | None = Field(None, description="The folder for what does not fit in its memory.")
    call_seconds: float = Field(30.0, gt=0, le=600, description="How long an answer in one message may take.")
    statement_seconds: float = Field(600.0, gt=0, le=86400, description="How long a question may take.")
    listing_seconds: float = Field(5.0, ge=0, le=3600, description="How old a list of files may be that is read.")
    settle_seconds: float = Field(2.0, ge=0, le=3600, description="How long nothing may have been written.")

    @field_validator("root")
    @classmethod
    def _plain(cls, root: str) -> str:
        if re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9@._~/:+=-]*", root, re.ASCII) is None:
            raise ValueError('must be a URI such as "s3a://city-lake" or "file:///srv/lake", of plain characters')
        return root

    @model_validator(mode="after")
    def _over_tls(self) -> LakeSettings:
        host = (self.remote or "").rpartition(":")[0]
        if self.remote is None and (self.token_file is not None or self.root_certificate is not None):
            raise ValueError("has token_file and root_certificate for a remote alone")
        if self.remote is not None and self.root_certificate is None and host not in LOOPBACK:
            raise ValueError("needs root_certificate: a Spark over a network is called over TLS")
        return self


class DataSettings(Section):
    """The sources: the embedded one, and others by the names that contracts call their servers."""

    root: Path = Field(description="The folder that contracts' source paths are relative to. Only read.")
    memory_limit_mib: int = Field(1024, ge=64, description="Memory the engine may use.")
    threads: int = Field(2, ge=1, le=256, description="Threads the engine may use.")
    kept_aggregates_mib: int = Field(
        64, ge=0, le=65536, description="Memory for exact aggregates, kept for as long as the data stays as it is."
    )
    point_index_mib: int = Field(
        256, ge=0, le=1_048_576, description="Memory for the rows of lookups, kept for as long as the data stays."
    )
    services: dict[ServerName, ServiceSettings] = Field(
        default_factory=dict, description="Departments' own gRPC services."
    )
    databases: dict[ServerName, DatabaseSettings] = Field(default_factory=dict, description="PostgreSQL databases.")
    spark: dict[ServerName, LakeSettings] = Field(default_factory=dict, description="Lakes that Spark reads.")
    copies: Path = Field(
        Path("copies"), description="The folder that copies of services' rows are kept in while a gateway runs."
    )
    copy_mib: int = Field(4096, ge=1, le=1_048_576, description="Disk that a copy may take.")
