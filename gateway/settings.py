"""Settings: read once, frozen. A TOML file, environment variables over it, secrets in files of their own.

Every path in the file is relative to the file's folder. An environment variable is named after the setting's place,
as in `GATEWAY_SERVER__LISTEN`. An unknown setting is an error, not a shrug. docs/reference/settings.md lists them all.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource


class InvalidSettings(Exception):
    """The settings cannot be used. For the operator, at start; the text says which and what to do."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('must be an address with a port, such as "127.0.0.1:8443"')
    return value


Address = Annotated[str, AfterValidator(_address)]

Institution = Annotated[str, StringConstraints(pattern=r"\A[a-z0-9-]+\z", max_length=64)]
"""An institution's id, as certificates, tokens and grants write it."""


class ServerSettings(_Section):
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


class HttpSettings(_Section):
    """The HTTPS port: decisions for other systems (AuthZEN). Certificate, key and authorities are those of [server]."""

    listen: Address = Field(description="Address and port of the HTTPS service.")
    url: BaseUrl = Field(description="What others call this service by: its metadata name it.")
    workers: int = Field(8, ge=1, le=512, description="Threads that decide.")
    max_request_bytes: int = Field(262_144, ge=1024, le=4_194_304, description="The largest request.")
    max_calls: int = Field(64, ge=1, le=65536, description="Calls at a time; more are refused.")
    max_institution_calls: int = Field(16, ge=1, le=65536, description="Calls of one institution at a time.")
    request_seconds: float = Field(10.0, gt=0, le=600, description="How long a request may take to arrive.")


class IdentitySettings(_Section):
    """Who is believed: institutions by certificate, persons by token."""

    institutions: frozenset[Institution] = Field(min_length=1, description="Institutions that may call.")
    issuer: str = Field(min_length=1, description="The `iss` that tokens must carry.")
    audience: str = Field("purpose-gateway", min_length=1, description="The `aud` that tokens must carry.")
    token_keys: tuple[Path, ...] = Field(
        min_length=1, description="Public keys of the token issuer, PEM, Ed25519 or P-256."
    )


ServerName = Annotated[str, StringConstraints(pattern=r"\A[a-z0-9]+(-[a-z0-9]+)*\z", max_length=64)]
"""What contracts call a server that the gateway reads from."""


class ServiceSettings(_Section):
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


class DatabaseSettings(_Section):
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


class LakeSettings(_Section):
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


class DataSettings(_Section):
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


class PolicySettings(_Section):
    """Where the policy is, and what brings another one into force."""

    folder: Path = Field(description="The policy folder.")
    follow: Literal["published", "folder"] = Field(
        "published",
        description="What brings a policy into force: officers who publish it, or the folder's files.",
    )
    poll_seconds: float = Field(1.0, gt=0, le=60, description="How often a process looks for a newer publication.")
    sunset_seconds: float = Field(
        60.0,
        gt=0,
        le=86400,
        description="How often it looks for purposes, joins and series that ended, and for new keys.",
    )


class StateSettings(_Section):
    """Where the gateway keeps its state: budgets, releases and the audit log."""

    file: Path = Field(description="The SQLite file; made at the first start.")


class KeySettings(_Section):
    """The encrypted key file and the secret that opens it."""

    file: Path = Field(description="The key file; `gateway key init` makes it.")
    secret_file: Path = Field(description="A file that holds the secret, readable by the gateway alone.")


class ExtractSettings(_Section):
    """Extracts that are read in several connections."""

    streams: int = Field(8, ge=1, le=64, description="Streams of one extract at most, each read by itself.")
    resume_seconds: float = Field(
        3600.0, ge=1, le=86_400, description="How long after its opening an extract can be gone on with."
    )
    kept_each: int = Field(
        256, ge=1, le=65_536, description="Extracts of one institution that can be gone on with; the newest are."
    )


class SynthesisSettings(_Section):
    """Jobs that make synthetic extracts. Gateways that share a state share the folder as well."""

    folder: Path = Field(Path("synthetic"), description="The folder that extracts are kept in; made at the start.")
    at_once: int = Field(1, ge=1, le=64, description="Jobs at a time.")
    memory_mib: int = Field(1024, ge=64, le=1_048_576, description="Memory a job may use, beyond its libraries'.")
    job_seconds: float = Field(600.0, gt=0, le=86_400, description="How long a job may take.")
    job_disk_mib: int = Field(1024, ge=1, le=1_048_576, description="Disk that a job's files may take.")
    disk_mib: int = Field(16_384, ge=1, le=1_073_741_824, description="Disk that all extracts may take together.")
    retention_hours: float = Field(72.0, gt=0, le=8760, description="How long extracts are kept.")
    lease_seconds: float = Field(
        15.0, ge=2, le=600, description="How long a killed gateway keeps its jobs from being begun anew."
    )


class ExportSettings(_Section):
    """Exports: rows of extracts as files, made by Spark. Gateways that share a state share the folder as well.

    The Spark is one of the gateway's own, or a server whose workers see the same folders and files.
    """

    folder: Path = Field(
        Path("exports"), description="The folder that exports are made and kept in; made at the start."
    )
    retention_hours: float = Field(24.0, gt=0, le=8760, description="How long exports are kept.")
    job_seconds: float = Field(3600.0, gt=0, le=86_400, description="How long an export may take.")
    cores: int = Field(2, ge=1, le=1024, description="Cores that a Spark of its own may use.")
    memory_mib: int = Field(2048, ge=512, le=1_048_576, description="Memory that it may use.")
    remote: Address | None = Field(
        None, description="Address and port of a Spark Connect server, in place of a Spark of its own."
    )
    token_file: Path | None = Field(None, description="A file with the token that the server asks for.")
    root_certificate: Path | None = Field(None, description="The authority that issued the server's certificate, PEM.")


class IngestSettings(_Section):
    """Rows that departments push."""

    max_batch_mib: int = Field(32, ge=1, le=1024, description="The largest batch, all its messages; held in memory.")
    max_rows: int = Field(100_000, ge=1, le=10_000_000, description="Rows of a batch.")
    dataset_mib: int = Field(16_384, ge=1, le=1_073_741_824, description="Disk that the rows of a dataset may take.")
    turn_seconds: float = Field(30.0, gt=0, le=600, description="How long a batch waits for those before it.")


class HealthSettings(_Section):
    """How `gateway health` asks: as a client, with a certificate of its own that names no institution."""

    certificate: Path = Field(description="The probe's client certificate, PEM.")
    key: Path = Field(description="The probe's private key, PEM.")
    server_ca: Path = Field(description="The authority that issued the server's certificate, PEM.")


class Settings(BaseSettings):
    """All settings of one gateway."""

    model_config = SettingsConfigDict(
        env_prefix="GATEWAY_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings
    http: HttpSettings | None = None
    identity: IdentitySettings
    data: DataSettings
    policy: PolicySettings
    state: StateSettings
    keys: KeySettings
    extracts: ExtractSettings = Field(default_factory=lambda: ExtractSettings.model_validate({}))
    synthesis: SynthesisSettings = Field(default_factory=lambda: SynthesisSettings.model_validate({}))
    exports: ExportSettings | None = None
    ingest: IngestSettings = Field(default_factory=lambda: IngestSettings.model_validate({}))
    health: HealthSettings | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, and read nothing else."""
        return env_settings, init_settings


def read_settings(file: Path) -> Settings:
    """Read the settings.

    Raises:
        InvalidSettings: with one line for each mistake; no value is shown.
    """
    if not file.is_file():
        raise InvalidSettings(f"{file}: there is no such file. Write one after docs/reference/settings.md")
    try:
        written = TomlConfigSettingsSource(Settings, file)()
        settings = Settings(**written)
    except ValidationError as error:
        raise InvalidSettings("\n".join(f"{file}: {line}" for line in _mistakes(error))) from None
    except ValueError as error:
        raise InvalidSettings(f"{file}: is not TOML: {error}") from None
    return _anchored(settings, file.resolve().parent)


def _mistakes(error: ValidationError) -> list[str]:
    return [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Make every path absolute, from the settings' folder."""

    def anchor(value: Any) -> Any:
        match value:
            case Path():
                return folder / value
            case tuple():
                return tuple(anchor(item) for item in value)
            case dict():
                return {name: anchor(item) for name, item in value.items()}
            case BaseModel():
                return value.model_copy(
                    update={name: anchor(getattr(value, name)) for name in type(value).model_fields}
                )
            case _:
                return value

    anchored: Settings = anchor(settings)
    return anchored
