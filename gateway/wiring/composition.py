"""The composition root: the only place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server

from gateway.adapters.clock_system import SystemClock
from gateway.adapters.duckdb.rehearsals import DuckDBRehearsals
from gateway.adapters.identity.bound import BoundIdentities
from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.adapters.identity.tokens import PersonTokens, VerifyingKey, read_verifying_key
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.row_folders import ParquetRowFolders
from gateway.adapters.sources.kept import KeptAggregates
from gateway.adapters.sources.points import IndexedPoints
from gateway.adapters.state.database import StateDatabase
from gateway.adapters.synthesis.folder import ExtractFolder
from gateway.adapters.synthesis.workshop import Workshop, WorkshopRules
from gateway.administration.desk import Office
from gateway.administration.joins import close_joins
from gateway.administration.key_watch import KeyWatch
from gateway.administration.life import first_publication
from gateway.administration.sunset import sunset
from gateway.intake import Intake, reconcile
from gateway.lanes.exports import keep_house
from gateway.model.party import Peer
from gateway.pipeline import Ports
from gateway.policy.snapshot import load
from gateway.policy.store import FolderSource, PolicyStore, PublishedSource
from gateway.ports import AuditLog, Clock, PolicyArchive
from gateway.privacy.opendp_faults import refuse_untested
from gateway.server.app import Server
from gateway.server.desk import Desk
from gateway.server.ingest import Ingest
from gateway.server.observation import Observer
from gateway.server.rounds import Round, Rounds
from gateway.server.services import services
from gateway.server.upload import UploadBounds
from gateway.settings import InvalidSettings, Settings, SynthesisSettings
from gateway.synthesis.order import Limits
from gateway.wiring.edges import listener_config, server_config
from gateway.wiring.exports import exports_of
from gateway.wiring.files import read
from gateway.wiring.gauges import watch_policy
from gateway.wiring.keys import open_keys
from gateway.wiring.sources import see_sources, sources
from gateway.wiring.state import open_database, state_at

__all__ = ["Gateway", "open_gateway", "server_config"]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A composed gateway: the ports of both its sides, a server over them, and the way to read the policy anew."""

    ports: Ports
    office: Office
    ingest: Ingest
    server: Server
    reload_policy: Callable[[], object]


@contextmanager
def open_gateway(settings: Settings, opened: Callable[[], FileKeyRing] | None = None) -> Iterator[Gateway]:
    """Compose a gateway and close what it holds at the end. `opened` returns its keys, if somebody opens them already.

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
        database = open_database(settings, stack)
        keys = open_keys(settings) if opened is None else opened()
        office = _office(settings, database, keys, stack)
        source, points, lakes = sources(settings.data, stack)
        see_sources(office.policy, source, settings.data)
        rehearsals = DuckDBRehearsals()
        stack.callback(rehearsals.close)
        files = _extract_folder(settings.synthesis)
        exports = exports_of(settings, lakes, stack)
        ports = replace(_ports(office, keys, source, files, rehearsals), exports=exports)
        keep_house(ports)  # what a crash left of exports goes first
        registry = CollectorRegistry()
        watch_policy(office.policy, registry)
        observer = Observer(registry)
        config = server_config(settings)
        ingest = _ingest(settings, office, observer)
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
        rounds = Rounds(_rounds(settings, office, source, points, ports), observer)
        rounds.start()
        stack.callback(rounds.stop)
        workshop = _workshop(settings.synthesis, ports, files, observer)
        workshop.start()
        stack.callback(workshop.stop)
        yield Gateway(ports, office, ingest, server, ports.policy.reload)


def _rounds(
    settings: Settings, office: Office, source: KeptAggregates, points: IndexedPoints, ports: Ports
) -> list[Round]:
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
    if ports.exports is not None:
        rounds.append(Round("exports", settings.policy.sunset_seconds, lambda: keep_house(ports)))
    if office.policy.published:
        rounds.append(Round("policy", settings.policy.poll_seconds, office.policy.follow))
    return rounds


def _office(settings: Settings, database: StateDatabase, keys: FileKeyRing, stack: ExitStack) -> Office:
    clock = SystemClock()
    state = state_at(database, clock, settings.extracts, stack)
    policy = _policy(settings, state.archive, state.audit, clock)
    _distinct(settings.identity.institutions, policy)
    identity = settings.identity
    tokens = PersonTokens(identity.issuer, identity.audience, [_token_key(path) for path in identity.token_keys])
    return Office(
        clock=clock,
        identities=BoundIdentities(CertificateInstitutions(identity.institutions), tokens),
        policy=policy,
        keys=keys,
        ledger=state.ledger,
        registers=state.registers,
        audit=state.audit,
        archive=state.archive,
        certificates=state.certificates,
    )


def _policy(settings: Settings, archive: PolicyArchive, audit: AuditLog, clock: Clock) -> PolicyStore:
    """The policy in force: the folder, or what was published last; the folder is the first to be."""
    folder = settings.policy.folder
    if settings.policy.follow == "folder":
        return PolicyStore(FolderSource(folder))
    if archive.newest() is None:
        first_publication(load(folder), archive, audit, clock)
    return PolicyStore(PublishedSource(archive))


def _ports(
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


def _ingest(settings: Settings, office: Office, observer: Observer) -> Ingest:
    """What takes rows in; what a crash left of batches is finished or undone first, where their folder is there."""
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
    for dataset in reconcile(intake):
        observer.state("rows cannot be kept", dataset=dataset)
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


def _token_key(path: Path) -> VerifyingKey:
    try:
        return read_verifying_key(read(path, "identity.token_keys"))
    except ValueError:
        raise InvalidSettings(f"identity.token_keys: {path} holds no Ed25519 or P-256 public key in PEM") from None
