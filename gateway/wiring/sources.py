"""Which engine reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.sources.kept import KeptAggregates
from gateway.adapters.sources.points import IndexedPoints
from gateway.adapters.sources.routed import RoutedSources
from gateway.model.contract import DataContract
from gateway.model.errors import Fault
from gateway.model.storage import FILES, SourceKind
from gateway.policy.places import Lack
from gateway.policy.store import PolicyStore
from gateway.ports import Source
from gateway.settings import DatabaseSettings, DataSettings, InvalidSettings, LakeSettings, ServiceSettings
from gateway.wiring.files import read, read_secret

if TYPE_CHECKING:
    from gateway.adapters.postgres.source import PostgresSource
    from gateway.adapters.spark.source import SparkSource
    from gateway.adapters.upstream.copies import CopiedServices
    from gateway.adapters.upstream.source import UpstreamSource


def sources(data: DataSettings, stack: ExitStack) -> tuple[KeptAggregates, IndexedPoints, SparkSource | None]:
    """Return the source of all data, the part of it that keeps rows, and that of lakes, if any. The stack closes them.

    Raises:
        InvalidSettings: a file that the settings name cannot be read; libraries of an engine are not installed.
        Fault: SOURCE_UNAVAILABLE if there is no folder of data.
    """
    engine = DuckDBSource(data.root, memory_limit=f"{data.memory_limit_mib}MiB", threads=data.threads)
    stack.callback(engine.close)
    points = IndexedPoints(engine, data.point_index_mib << 20)
    stack.callback(points.close)
    engines: dict[SourceKind, Source] = dict.fromkeys(FILES, points)
    if data.services:
        live = _upstream(data.services)
        stack.callback(live.close)
        copied = _copies(data, live)
        stack.callback(copied.close)
        engines[SourceKind.GRPC] = copied
    if data.databases:
        databases = _databases(data.databases)
        stack.callback(databases.close)
        engines[SourceKind.POSTGRES] = databases
    lakes = _lakes(data.spark, stack) if data.spark else None
    if lakes is not None:
        engines[SourceKind.SPARK] = lakes
    return KeptAggregates(RoutedSources(engines), data.kept_aggregates_mib << 20), points, lakes


def _upstream(named: Mapping[str, ServiceSettings]) -> UpstreamSource:
    """The source that asks departments' own services. None is called before something is asked of it."""
    # libraries and modules of an engine are loaded for those who use it
    from gateway.adapters.upstream.calls import Connection
    from gateway.adapters.upstream.descriptors import InvalidDescriptors
    from gateway.adapters.upstream.source import Service, UpstreamSource

    services = {}
    for name, service in named.items():
        place = f"data.services.{name}"
        connection = Connection(
            service.address,
            read(service.ca, f"{place}.ca"),
            read(service.certificate, f"{place}.certificate"),
            read_secret(service.key, f"{place}.key"),
            service.call_seconds,
            service.stall_seconds,
            service.max_message_mib << 20,
        )
        services[name] = Service(connection, read(service.descriptors, f"{place}.descriptors"))
    try:
        return UpstreamSource(services)
    except InvalidDescriptors as wrong:
        raise InvalidSettings(f"data.services.{wrong}") from None


def _databases(named: Mapping[str, DatabaseSettings]) -> PostgresSource:
    """The source over PostgreSQL databases. None is called before something is asked of it."""
    try:
        from gateway.adapters.postgres.connections import Server
        from gateway.adapters.postgres.source import PostgresSource
    except ImportError:
        raise InvalidSettings(
            "data.databases: the libraries of PostgreSQL are not there. Install purpose-gateway[server,postgres]"
        ) from None
    servers = {}
    for name, told in named.items():
        if told.password_file is not None:
            read_secret(told.password_file, f"data.databases.{name}.password_file")
        servers[name] = Server(**{one: getattr(told, one) for one in DatabaseSettings.model_fields})
    return PostgresSource(servers)


def _lakes(named: Mapping[str, LakeSettings], stack: ExitStack) -> SparkSource:
    """The source over lakes. No session is opened before something is asked of it; the stack closes them."""
    try:
        from gateway.adapters.spark.server import LocalSpark
        from gateway.adapters.spark.sessions import RemoteSpark, Sessions
        from gateway.adapters.spark.source import Lake, SparkSource
    except ImportError:
        raise InvalidSettings(
            "data.spark: the libraries of Spark are not there. Install purpose-gateway[server,spark]"
        ) from None
    told: dict[str, LocalSpark | RemoteSpark] = {}
    for name, lake in named.items():
        if lake.remote is None:
            told[name] = LocalSpark(
                lake.cores, lake.memory_mib, lake.scratch, lake.call_seconds, lake.statement_seconds
            )
            continue
        if lake.token_file is not None:
            read_secret(lake.token_file, f"data.spark.{name}.token_file")
        if lake.root_certificate is not None:
            read(lake.root_certificate, f"data.spark.{name}.root_certificate")
        host, _, port = lake.remote.rpartition(":")
        seconds = lake.call_seconds, lake.statement_seconds
        told[name] = RemoteSpark(host, int(port), lake.token_file, lake.root_certificate, *seconds)
    sessions = Sessions(told)
    stack.callback(sessions.close)
    lakes = {name: Lake(lake.root, lake.listing_seconds, lake.settle_seconds) for name, lake in named.items()}
    return SparkSource(lakes, sessions)


def _copies(data: DataSettings, live: UpstreamSource) -> CopiedServices:
    from gateway.adapters.upstream.copies import CopiedServices

    try:
        memory = f"{data.memory_limit_mib}MiB"
        return CopiedServices(live, data.copies, data.copy_mib << 20, memory_limit=memory, threads=data.threads)
    except OSError as error:
        raise InvalidSettings(f"data.copies: cannot make {data.copies}: {error.strerror}") from None


def see_sources(policy: PolicyStore, source: Source, data: DataSettings) -> None:
    """Have each contract held against what the settings say of its source, now and before another comes into force; and
    one over a service against its descriptors, so that the log says at the start what is not served. Nobody is called.

    Only that dataset is not served: what one department changed does not stop all others.
    """
    policy.see_places(lambda contract: _missing(contract, data))
    for contract in policy.current().contracts.values():
        if contract.source.kind is SourceKind.GRPC and _missing(contract, data) is None:
            with suppress(Fault):
                source.verify(contract)


def _missing(contract: DataContract, data: DataSettings) -> Lack | None:
    """What the settings do not say of a contract's source, and what to do about it; None if they say all."""
    spec = contract.source
    table = spec.table
    section, servers, server = "", frozenset[str](), ""
    if table is not None:
        section, servers, server = "databases", frozenset(data.databases), table.server
    elif spec.kind is SourceKind.SPARK:
        section, servers, server = "spark", frozenset(data.spark), spec.lake
    elif contract.upstream is not None:
        section, servers, server = "services", frozenset(data.services), contract.upstream.server
    place = f"[data.{section}.{server}]"
    if section and server not in servers:
        return Lack(f"the settings have no {place}", "Add it, or mend the contract's server")
    if table is None:
        return None
    told = data.databases[server]
    differing = [one for one in ("host", "port", "database") if getattr(table, one) != getattr(told, one)]
    if not differing:
        return None
    what = f"{' and '.join(differing)} of its server: not as in {place} of the settings"
    return Lack(what, "Make them the same")
