"""The HTTP side without a network: one request put to the application, as a server would put it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, generate_latest
from starlette.types import ASGIApp, Message

from gateway.adapters.clock_system import SystemClock
from gateway.authzen.app import DecisionPoint, Limits
from gateway.model.errors import ErrorReason, Unauthenticated
from gateway.model.party import Identity, Peer
from gateway.model.record import AuditRecord, LogEntry
from gateway.pipeline import Ports
from gateway.policy.store import FolderSource, PolicyStore
from gateway.ports import IdentityProvider
from gateway.server.admission import Admission, Capacity
from gateway.server.observation import Observer

POLICIES = Path(__file__).resolve().parents[3] / "policies"
URL = "https://gateway.example:8444"


class Known:
    """Believes a certificate that is an institution's name, with the token "good"."""

    def identify(self, peer: Peer, now: datetime) -> Identity:
        if peer.certificate_pem is None:
            raise Unauthenticated(ErrorReason.CERTIFICATE_MISSING)
        if peer.bearer_token != "good":
            raise Unauthenticated(ErrorReason.TOKEN_INVALID)
        return Identity(peer.certificate_pem.decode(), "li.wei", now + timedelta(hours=1))


@dataclass
class Log:
    """An audit log in memory, which can fail."""

    records: list[AuditRecord] = field(default_factory=list)
    failing: BaseException | None = None

    def append(self, record: AuditRecord, manifest: Sequence[bytes] = ()) -> LogEntry:
        if self.failing is not None:
            raise self.failing
        self.records.append(record)
        return LogEntry(len(self.records) - 1, b"\x00" * 32, b"", b"")


class Untouched:
    """A port that a decision has no business with."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a decision used {name}")


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


@dataclass
class House:
    """A decision point with what stands behind it."""

    app: ASGIApp
    log: Log
    admission: Admission
    lines: StringIO
    registry: CollectorRegistry

    async def ask(
        self,
        path: str,
        body: object = None,
        *,
        institution: str | None = "verifier-metro",
        method: str = "POST",
        raw: bytes | list[Message] | None = None,
        headers: dict[str, str] | None = None,
        token: str = "good",
        **more: str,
    ) -> Answer:
        """Put one request; the messages of `raw` arrive as they are."""
        data = json.dumps(body).encode() if raw is None else raw
        incoming = iter(data if isinstance(data, list) else [{"type": "http.request", "body": data}])
        sent: list[Message] = []
        shown = {"content-type": "application/json", "authorization": f"Bearer {token}", **(headers or {}), **more}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in shown.items()],
            "extensions": {"tls": {"client_cert_chain": () if institution is None else (institution,)}},
        }

        async def receive() -> Message:
            await asyncio.sleep(0.005)
            return next(incoming)

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], found, b"".join(part.get("body", b"") for part in rest))

    def seen(self) -> str:
        """What operators see: log lines and metrics."""
        return self.lines.getvalue() + generate_latest(self.registry).decode()


def deciding(identities: IdentityProvider, log: Log) -> Ports:
    """The ports of a decision over the product's policy; those that it has no business with fail when used."""
    untouched = cast(Any, Untouched())
    return Ports(
        clock=SystemClock(),
        identities=identities,
        policy=PolicyStore(FolderSource(POLICIES)),
        source=untouched,
        keys=untouched,
        signer=untouched,
        ledger=untouched,
        registers=untouched,
        audit=cast(Any, log),
        rehearsals=untouched,
        synthetic_files=untouched,
    )


@contextmanager
def house(limits: Limits | None = None, capacity: Capacity | None = None) -> Iterator[House]:
    """The product's policy behind a decision point. Neither data nor keys nor budgets may be touched."""
    log, lines, registry = Log(), StringIO(), CollectorRegistry()
    ports = deciding(Known(), log)
    admission = Admission(
        lambda peer: ports.identities.identify(peer, ports.clock.now()).institution, capacity or Capacity()
    )
    with ThreadPoolExecutor(2) as workers:
        point = DecisionPoint(URL, ports, admission, workers, Observer(registry, lines), limits or Limits())
        yield House(point.app(), log, admission, lines, registry)


def metro(**properties: Any) -> dict[str, Any]:
    """The metro's question for the colour of one passenger's code: a permit."""
    subjects = {"field": "resident_id", "by": "key", "count": 1}
    return {
        "subject": {"type": "institution", "id": "verifier-metro"},
        "action": {"name": "lookup"},
        "resource": {
            "type": "disclosure",
            "id": "health_codes/colour-check",
            "properties": {"subjects": subjects, **properties},
        },
        "context": {"purpose": "health-code-check"},
    }
