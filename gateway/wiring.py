"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, start_http_server

from gateway.adapters.archive_sql import SqlPolicyArchive
from gateway.adapters.audit_sql import SqlAuditLog
from gateway.adapters.batches_sql import SqlBatchRegister
from gateway.adapters.cases_sql import SqlCaseRegister
from gateway.adapters.certificates_sql import SqlCertificates
from gateway.adapters.clock_system import SystemClock
from gateway.adapters.consents_sql import SqlConsentRegister
from gateway.adapters.contests_sql import SqlContestRegister
from gateway.adapters.emergencies_sql import SqlEmergencyRegister
from gateway.adapters.extracts_sql import SqlExtractRegister
from gateway.adapters.identity_bound import BoundIdentities
from gateway.adapters.identity_jwt import PersonTokens, VerifyingKey, read_verifying_key
from gateway.adapters.identity_mtls import CertificateInstitutions
from gateway.adapters.indicators_sql import SqlIndicatorRegister
from gateway.adapters.joins_sql import SqlJoinRegister
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.ledger_books import read_books
from gateway.adapters.ledger_sql import SqlBudgetLedger
from gateway.adapters.meters_sql import SqlMeters
from gateway.adapters.rehearsals_duckdb import DuckDBRehearsals
from gateway.adapters.reidentifications_sql import SqlReidentificationRegister
from gateway.adapters.requests_sql import SqlRequestRegister
from gateway.adapters.row_folders import ParquetRowFolders
from gateway.adapters.series_sql import SqlSeriesRegister
from gateway.adapters.source_duckdb import DuckDBSource
from gateway.adapters.source_kept import KeptAggregates
from gateway.adapters.source_points import IndexedPoints
from gateway.adapters.sources import RoutedSources
from gateway.adapters.state_engine import StateDatabase, StateUnusable, open_state
from gateway.adapters.state_upgrade import is_current, upgrade
from gateway.adapters.synthesis.folder import ExtractFolder
from gateway.adapters.synthesis.register_sql import SqlSynthesisRegister
from gateway.adapters.synthesis.workshop import Workshop, WorkshopRules
from gateway.adapters.upstream.calls import Connection
from gateway.adapters.upstream.copies import CopiedServices
from gateway.adapters.upstream.descriptors import InvalidDescriptors
from gateway.adapters.upstream.source import Service, UpstreamSource
from gateway.administration.desk import Office
from gateway.administration.joins import close_joins
from gateway.administration.key_watch import KeyWatch
from gateway.administration.life import first_publication
from gateway.administration.sunset import sunset
from gateway.intake import Intake, reconcile
from gateway.model.books import Books
from gateway.model.contract import FILES, SourceKind
from gateway.model.errors import Fault
from gateway.model.party import Peer
from gateway.pipeline import Ports
from gateway.policy.budgets import BudgetPolicy
from gateway.policy.snapshot import load
from gateway.policy.store import FolderSource, PolicyStore, PublishedSource
from gateway.ports import AuditLog, Clock, PolicyArchive, Registers, Source
from gateway.privacy.opendp_faults import refuse_untested
from gateway.server.admission import Capacity
from gateway.server.app import Server, ServerConfig
from gateway.server.call import Patience
from gateway.server.desk import Desk
from gateway.server.ingest import Ingest
from gateway.server.observation import Observer
from gateway.server.rounds import Round, Rounds
from gateway.server.services import services
from gateway.server.upload import UploadBounds
from gateway.settings import (
    DatabaseSettings,
    DataSettings,
    ExtractSettings,
    HttpSettings,
    InvalidSettings,
    ServiceSettings,
    Settings,
    SynthesisSettings,
)
from gateway.synthesis.order import Limits

if TYPE_CHECKING:
    from gateway.adapters.postgres.source import PostgresSource
    from gateway.authzen.listener import ListenerConfig


@dataclass(frozen=True, slots=True)
class Gateway:
    """A composed gateway: the ports of both its sides, a server over them, and the way to read the policy anew."""

    ports: Ports
    office: Office
    ingest: Ingest
    server: Server
    reload_policy: Callable[[], object]


@contextmanager
def open_gateway(settings: Settings) -> Iterator[Gateway]:
    """Compose a gateway and close what it holds at the end.

    Raises:
        InvalidSettings: a file that the settings name cannot be read, or a secret one by too many; or an institution
            has the name of a role.
        InvalidPolicy: the policy folder is not valid, and there is no earlier good one.
        StateUnusable: the state database cannot be used.
        Fault: KEYS_UNAVAILABLE; INTERNAL if the installed OpenDP was not tested.
        RuntimeError: the HTTPS address cannot be bound.
    """
    refuse_untested()
    with ExitStack() as stack:
        state = open_state(settings.state.file)
        stack.callback(state.close)
        upgrade(state)
        keys = _keys(settings)
        office = _office(settings, state, keys, stack)
        source, points = _source(settings, stack)
        _see_services(office.policy, source)
        rehearsals = DuckDBRehearsals()
        stack.callback(rehearsals.close)
        files = _extract_folder(settings.synthesis)
        ports = _ports(state, office, keys, source, files, rehearsals)
        registry = CollectorRegistry()
        observer = Observer(registry)
        config = server_config(settings)
        ingest = _ingest(settings, office)
        desk = Desk(ports, config.max_batch_bytes, settings.extracts.streams)
        server = Server(config, services(desk, office, ingest), _gate(ports), observer)
        if settings.server.metrics_listen is not None:
            host, _, port = settings.server.metrics_listen.rpartition(":")
            http, thread = start_http_server(int(port), host, registry)
            stack.callback(thread.join)
            stack.callback(http.shutdown)
        if settings.http is not None:
            from gateway.authzen.listener import listening  # with libraries of HTTP, for those alone who use it

            stack.enter_context(listening(listener_config(settings, settings.http), ports, _gate(ports), observer))
        rounds = Rounds(_rounds(settings, office, source, points), observer)
        rounds.start()
        stack.callback(rounds.stop)
        workshop = _workshop(settings.synthesis, ports, files, observer)
        workshop.start()
        stack.callback(workshop.stop)
        yield Gateway(ports, office, ingest, server, ports.policy.reload)


class Budgets(NamedTuple):
    """The books of the budgets, and the caps that are in force."""

    books: Books
    policy: BudgetPolicy


def read_budgets(settings: Settings) -> Budgets:
    """Read the books of the budgets and the policy in force, also while a gateway serves. Writes nothing into either.

    Raises:
        StateUnusable: there is no state database, it cannot be read, or it is of another version of the gateway.
        InvalidPolicy: the policy is not valid.
        Fault: LEDGER_UNAVAILABLE or POLICY_UNAVAILABLE.
    """
    if not settings.state.file.is_file():
        raise StateUnusable("there is no state database: it is made when the gateway starts for the first time")
    state = open_state(settings.state.file)
    try:
        if not is_current(state):
            raise StateUnusable("the state database is of another version of the gateway")
        archive = SqlPolicyArchive(state)
        published = settings.policy.follow == "published" and archive.newest() is not None
        policy = PublishedSource(archive).read() if published else load(settings.policy.folder)
        return Budgets(read_books(state), policy.budgets)
    finally:
        state.close()


def _rounds(settings: Settings, office: Office, source: KeptAggregates, points: IndexedPoints) -> list[Round]:
    """What the gateway does by itself. A folder is read when it is asked for, not by the clock."""
    rounds = [
        Round("sunset", settings.policy.sunset_seconds, lambda: sunset(office)),
        Round("keys", settings.policy.sunset_seconds, KeyWatch(office).look),
        Round("joins", settings.policy.sunset_seconds, lambda: close_joins(office)),
        Round(
            "series", settings.policy.sunset_seconds, lambda: office.registers.series.erase_ended(office.clock.now())
        ),
        Round("changed data", settings.policy.sunset_seconds, source.forget_changed),
        Round("changed rows", settings.policy.sunset_seconds, points.forget_changed),
    ]
    if office.policy.published:
        rounds.append(Round("policy", settings.policy.poll_seconds, office.policy.follow))
    return rounds


def _keys(settings: Settings) -> FileKeyRing:
    secret = _read_secret(settings.keys.secret_file, "keys.secret_file")
    keys = FileKeyRing.open(settings.keys.file, secret.strip())
    keys.signer.signing_keys()  # a key that could not be made would fail each release, after its charge
    return keys


def _office(settings: Settings, state: StateDatabase, keys: FileKeyRing, stack: ExitStack) -> Office:
    clock = SystemClock()
    audit = SqlAuditLog(state)
    stack.callback(audit.close)
    archive = SqlPolicyArchive(state)
    policy = _policy(settings, archive, audit, clock)
    _distinct(settings.identity.institutions, policy)
    identity = settings.identity
    tokens = PersonTokens(identity.issuer, identity.audience, [_token_key(path) for path in identity.token_keys])
    return Office(
        clock=clock,
        identities=BoundIdentities(CertificateInstitutions(identity.institutions), tokens),
        policy=policy,
        keys=keys,
        ledger=SqlBudgetLedger(state, clock),
        registers=_registers(state, clock, settings.extracts),
        audit=audit,
        archive=archive,
        certificates=SqlCertificates(state),
    )


def _policy(settings: Settings, archive: PolicyArchive, audit: AuditLog, clock: Clock) -> PolicyStore:
    """The policy in force: the folder, or what was published last; the folder is the first to be."""
    folder = settings.policy.folder
    if settings.policy.follow == "folder":
        return PolicyStore(FolderSource(folder))
    if archive.newest() is None:
        first_publication(load(folder), archive, audit, clock)
    return PolicyStore(PublishedSource(archive))


def _registers(state: StateDatabase, clock: Clock, kept: ExtractSettings) -> Registers:
    return Registers(
        requests=SqlRequestRegister(state, clock),
        meters=SqlMeters(state, clock),
        consents=SqlConsentRegister(state, clock),
        cases=SqlCaseRegister(state),
        emergencies=SqlEmergencyRegister(state),
        joins=SqlJoinRegister(state),
        reidentifications=SqlReidentificationRegister(state),
        contests=SqlContestRegister(state),
        series=SqlSeriesRegister(state),
        indicators=SqlIndicatorRegister(state),
        syntheses=SqlSynthesisRegister(state),
        extracts=SqlExtractRegister(state, clock, timedelta(seconds=kept.resume_seconds), kept.kept_each),
        batches=SqlBatchRegister(state),
    )


def _source(settings: Settings, stack: ExitStack) -> tuple[KeptAggregates, IndexedPoints]:
    """Return the source of all data, and the part of it that keeps rows."""
    data = settings.data
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
    return KeptAggregates(RoutedSources(engines), data.kept_aggregates_mib << 20), points


def _upstream(named: Mapping[str, ServiceSettings]) -> UpstreamSource:
    """The source that asks departments' own services. None is called before something is asked of it."""
    services = {}
    for name, service in named.items():
        place = f"data.services.{name}"
        connection = Connection(
            service.address,
            _read(service.ca, f"{place}.ca"),
            _read(service.certificate, f"{place}.certificate"),
            _read_secret(service.key, f"{place}.key"),
            service.call_seconds,
            service.stall_seconds,
            service.max_message_mib << 20,
        )
        services[name] = Service(connection, _read(service.descriptors, f"{place}.descriptors"))
    try:
        return UpstreamSource(services)
    except InvalidDescriptors as wrong:
        raise InvalidSettings(f"data.services.{wrong}") from None


def _databases(named: Mapping[str, DatabaseSettings]) -> PostgresSource:
    """The source over PostgreSQL databases. None is called before something is asked of it."""
    try:
        from gateway.adapters.postgres.connections import Server  # libraries of their own, for those who use them
        from gateway.adapters.postgres.source import PostgresSource
    except ImportError:
        raise InvalidSettings(
            "data.databases: the libraries of PostgreSQL are not there. Install purpose-gateway[server,postgres]"
        ) from None
    servers = {}
    for name, told in named.items():
        if told.password_file is not None:
            _read_secret(told.password_file, f"data.databases.{name}.password_file")
        servers[name] = Server(**{one: getattr(told, one) for one in DatabaseSettings.model_fields})
    return PostgresSource(servers)


def _copies(data: DataSettings, live: UpstreamSource) -> CopiedServices:
    try:
        memory = f"{data.memory_limit_mib}MiB"
        return CopiedServices(live, data.copies, data.copy_mib << 20, memory_limit=memory, threads=data.threads)
    except OSError as error:
        raise InvalidSettings(f"data.copies: cannot make {data.copies}: {error.strerror}") from None


def _see_services(policy: PolicyStore, source: Source) -> None:
    """Hold each contract over a service against its descriptors, so that the log says at the start what is not served.

    Only that dataset is not served: what one department changed does not stop all others.
    """
    for contract in policy.current().contracts.values():
        if contract.source.kind is SourceKind.GRPC:
            with suppress(Fault):
                source.verify(contract)


def _ports(
    state: StateDatabase,
    office: Office,
    keys: FileKeyRing,
    source: KeptAggregates,
    files: ExtractFolder,
    rehearsals: DuckDBRehearsals,
) -> Ports:
    return Ports(
        clock=office.clock,
        identities=office.identities,
        policy=office.policy,
        source=source,
        keys=keys,
        signer=keys.signer,
        ledger=office.ledger,
        registers=office.registers,
        audit=office.audit,
        rehearsals=rehearsals,
        synthetic_files=files,
    )


def _ingest(settings: Settings, office: Office) -> Ingest:
    """What takes rows in; what a crash left of batches is finished or undone first.

    Raises:
        Fault: INTAKE_UNAVAILABLE if a dataset's folder cannot be written.
    """
    ingest = settings.ingest
    folders = ParquetRowFolders(settings.data.root, most_bytes=ingest.dataset_mib << 20, patience=ingest.turn_seconds)
    intake = Intake(
        clock=office.clock,
        identities=office.identities,
        policy=office.policy,
        keys=office.keys,
        registers=office.registers,
        audit=office.audit,
        folders=folders,
        most_rows=ingest.max_rows,
    )
    reconcile(intake)
    return Ingest(intake, UploadBounds(ingest.max_batch_mib << 20))


def _workshop(settings: SynthesisSettings, ports: Ports, files: ExtractFolder, observer: Observer) -> Workshop:
    rules = WorkshopRules(
        settings.at_once,
        Limits(settings.memory_mib << 20, settings.job_seconds, settings.job_disk_mib << 20, settings.disk_mib << 20),
        timedelta(hours=settings.retention_hours),
        timedelta(seconds=settings.lease_seconds),
    )
    return Workshop(ports.registers.syntheses, files, rules, ports.signer, ports.audit, ports.clock, observer.fault)


def _extract_folder(settings: SynthesisSettings) -> ExtractFolder:
    if settings.disk_mib < settings.job_disk_mib:
        raise InvalidSettings("synthesis.disk_mib: is less than synthesis.job_disk_mib, so that no job could begin")
    try:
        return ExtractFolder(settings.folder)
    except OSError as error:
        raise InvalidSettings(f"synthesis.folder: cannot make {settings.folder}: {error.strerror}") from None


def _gate(ports: Ports) -> Callable[[Peer], str]:
    """Return what tells the edge whom to let in. The pipeline asks the same port again: it trusts no edge."""
    return lambda peer: ports.identities.identify(peer, ports.clock.now()).institution


def _distinct(institutions: frozenset[str], policy: PolicyStore) -> None:
    """Refuse an institution that would be taken for a role, and get all that its members may."""
    for institution in sorted(institutions & policy.current().roles.names):
        raise InvalidSettings(f"identity.institutions: {institution} is the name of a role in the policy: rename one")


def server_config(settings: Settings) -> ServerConfig:
    """Return how to listen.

    Raises:
        InvalidSettings: a certificate or the key cannot be read, or others than its owner can use the key.
    """
    server = settings.server
    return ServerConfig(
        address=server.listen,
        certificate_pem=_read(server.certificate, "server.certificate"),
        private_key_pem=_read_secret(server.key, "server.key"),
        client_ca_pem=_read(server.client_ca, "server.client_ca"),
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
    _read_secret(server.key, "server.key")
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


def _token_key(path: Path) -> VerifyingKey:
    try:
        return read_verifying_key(_read(path, "identity.token_keys"))
    except ValueError:
        raise InvalidSettings(f"identity.token_keys: {path} holds no Ed25519 or P-256 public key in PEM") from None


def _read_secret(path: Path, setting: str) -> bytes:
    """Read a file that nobody but its owner may read or write."""
    data = _read(path, setting)
    if path.stat().st_mode & 0o077:
        raise InvalidSettings(f"{setting}: others than its owner can use {path}: run chmod 600 on it")
    return data


def _read(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSettings(f"{setting}: cannot read {path}: {error.strerror}") from None
