"""A gateway behind a real channel with mTLS, over ports of the test's own.

It is composed as `gateway serve` composes it, but for two ports: its clock can be put forward, and its key ring can be
exchanged for one that is broken on purpose. Clients reach it over loopback, as institutions do.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from prometheus_client import CollectorRegistry

import gateway.client as gw
from gateway.adapters.dev_ca import write_private
from gateway.adapters.keys.keeper import KeyKeeper
from gateway.adapters.keys.ring import FileKeyRing
from gateway.model.calendar import city_day
from gateway.model.pseudonym import CipherSuite, PseudonymDomain
from gateway.ports import AUDIT_DOMAIN, KeyRing, KeysState, KeyUse
from gateway.server.app import Server
from gateway.server.desk import Desk
from gateway.server.observation import Observer
from gateway.server.services import services
from gateway.settings import read_settings
from gateway.wiring.composition import open_gateway, server_config
from tests.integration.house import WatchedClock
from tests.integration.site import SECRET, Site, utc_now

LONG = timedelta(days=1200)
"""How long callers' certificates and tokens hold, so that the gateway's clock can be put forward by years."""


class Exchangeable:
    """A key ring that is another one, which can be exchanged."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring

    @property
    def suite(self) -> CipherSuite:
        return self.ring.suite

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        return self.ring.working_key(domain, use, field_form, version)

    def versions(self) -> tuple[int, ...]:
        return self.ring.versions()

    def domains(self) -> tuple[PseudonymDomain, ...]:
        return self.ring.domains()

    def state(self) -> KeysState:
        return self.ring.state()

    def destroyed(self) -> tuple[PseudonymDomain, ...]:
        return self.ring.destroyed()

    def destroy(self, domain: PseudonymDomain) -> None:
        self.ring.destroy(domain)

    def expire_epochs(self, before: date) -> tuple[PseudonymDomain, ...]:
        return self.ring.expire_epochs(before)


class Broken(Exchangeable):
    """A key ring that takes one domain for another, or says what the keys are; its own domain it leaves alone."""

    def __init__(
        self,
        ring: KeyRing,
        *,
        domain: Callable[[PseudonymDomain], PseudonymDomain] = lambda domain: domain,
        key: bytes | None = None,
    ) -> None:
        super().__init__(ring)
        self._domain, self._key = domain, key

    def working_key(self, domain: PseudonymDomain, use: KeyUse, field_form: str, version: int | None = None) -> bytes:
        if domain == AUDIT_DOMAIN:
            return super().working_key(domain, use, field_form, version)
        if self._key is not None:
            return self._key
        return super().working_key(self._domain(domain), use, field_form, version)


@dataclass
class Serving:
    """A gateway that serves in this process."""

    site: Site
    clock: WatchedClock
    keys: Exchangeable
    keeper: KeyKeeper
    port: int = 0
    _known: set[str] = field(default_factory=set)

    def connect(self, institution: str) -> gw.Gateway:
        """A connection of an institution; close it."""
        name, folder = f"{institution}-for-long", self.site.folder
        if institution not in self._known:
            mine = self.site.authority.client(institution, utc_now(), LONG)
            (folder / f"{name}.pem").write_bytes(mine.certificate_pem)
            write_private(folder / f"{name}.key", mine.private_key_pem)
            self._known.add(institution)
        return gw.connect(
            f"localhost:{self.port}",
            certificate=folder / f"{name}.pem",
            key=folder / f"{name}.key",
            ca=folder / "ca.pem",
            token=self.site.token(institution, life=LONG),
        )

    def turn_to(self, day: date) -> None:
        """Put the gateway's clock to the noon of a day of the city, later than today."""
        self.clock.ahead = timedelta(0)
        now = self.clock.now()
        noon = datetime.combine(day, time(4))
        assert noon > now
        self.clock.ahead = noon - now
        assert city_day(self.clock.now()) == day

    @contextmanager
    def broken(self, ring: KeyRing) -> Iterator[None]:
        """Serve with another key ring until the end of the block."""
        sound, self.keys.ring = self.keys.ring, ring
        try:
            yield
        finally:
            self.keys.ring = sound


@contextmanager
def serving(site: Site) -> Iterator[Serving]:
    """Serve in this process, over the deployment's own key file and state, until the end of the block."""
    settings = read_settings(site.config)
    with open_gateway(settings) as gateway:
        clock = WatchedClock(gateway.ports.clock)
        keys = Exchangeable(FileKeyRing.open(settings.keys.file, SECRET, clock))
        keeper = KeyKeeper.open(settings.keys.file, SECRET, clock)
        ports = replace(gateway.ports, clock=clock, keys=keys)
        office = replace(gateway.office, clock=clock, keys=keys)
        config = replace(server_config(settings), address="127.0.0.1:0")
        server = Server(
            config,
            services(Desk(ports, config.max_batch_bytes), office, gateway.ingest),
            lambda peer: ports.identities.identify(peer, clock.now()).institution,
            Observer(CollectorRegistry(), io.StringIO()),
        )
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        try:
            port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
            yield Serving(site, clock, keys, keeper, port)
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()
