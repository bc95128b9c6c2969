"""The product's ports over real adapters, watched, with ways to let faults in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gateway import pipeline
from gateway.adapters.keys.ring import FileKeyRing
from gateway.adapters.sources.before import SourceBefore
from gateway.administration.desk import Office
from gateway.model.contract import DataContract, DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason, Fault
from gateway.model.grouping import ByKeys
from gateway.model.measure import Currency, Price
from gateway.model.party import Peer
from gateway.model.plan import AggregatePlan, DailyPlan, RowPlan
from gateway.model.record import AuditRecord, LogEntry
from gateway.model.request import ReleaseRequest, RequestContext, RowsRequest, Selector
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.pipeline import Delivery, Ports, Refused, ReleaseDelivery
from gateway.ports import AuditLog, Clock, Source
from gateway.settings import read_settings
from gateway.stages.fetch import rows as fetch_stage
from gateway.wiring.composition import open_gateway
from tests.integration.site import SECRET, Site


@dataclass
class Diary:
    """What happened at the ports, in order."""

    events: list[str] = field(default_factory=list)


class WatchedClock:
    """The system's clock, which can be put forward, and whose sleeping is noted and not done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta(0)
        self.woke_at: list[float] = []

    def now(self) -> datetime:
        return self._clock.now() + self.ahead

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def sleep_until(self, instant: float) -> None:
        self.woke_at.append(instant)


class WatchedSource(SourceBefore):
    """A source that notes what is read, and can fail."""

    def __init__(self, source: Source, diary: Diary) -> None:
        self._source = source
        self._diary = diary
        self.failing: Exception | None = None
        self.version: str | None = None
        self.plans: list[RowPlan] = []

    def _behind(self, _: DataContract) -> Source:
        return self._source

    def data_version(self, contract: DataContract) -> str:
        return self.version or self._source.data_version(contract)

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        self._diary.events.append("rows")
        self.plans.append(plan)
        plan = replace(plan, version=self._real(plan.version))
        for number, batch in enumerate(self._source.rows(plan, batch_rows)):
            if self.failing is not None and number == 1:
                raise self.failing
            yield batch

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        self._diary.events.append("aggregates")
        if self.failing is not None:
            raise self.failing
        return self._source.aggregates(replace(plan, version=self._real(plan.version)))

    def days(self, plan: DailyPlan) -> pa.RecordBatch:
        self._diary.events.append("days")
        if self.failing is not None:
            raise self.failing
        return self._source.days(replace(plan, version=self._real(plan.version)))

    def _real(self, version: str | None) -> str | None:
        """What the source itself calls a version; where the data have another name by now, one that nothing has."""
        if self.version is None or version is None:
            return version
        return None if version == self.version else "gone"


class WatchedAudit:
    """A log that notes what is written, and can fail."""

    def __init__(self, audit: AuditLog, diary: Diary) -> None:
        self._audit = audit
        self._diary = diary
        self.failing_from: int | None = None
        self.records: list[AuditRecord] = []
        self.manifests: list[tuple[int, int, bytes]] = []

    def append(self, record: AuditRecord, manifest: Sequence[bytes] = ()) -> LogEntry:
        if self.failing_from is not None and len(self.records) >= self.failing_from:
            raise Fault(ErrorReason.AUDIT_UNAVAILABLE)
        entry = self._audit.append(record, manifest)
        self.records.append(record)
        self._diary.events.append(f"log {record.outcome}")
        for number, tokens in enumerate(manifest):
            self.manifests.append((entry.index, number, tokens))
            self._diary.events.append("manifest")
        return entry

    def append_manifest(self, index: int, segment: int, tokens: bytes) -> None:
        self._audit.append_manifest(index, segment, tokens)
        self.manifests.append((index, segment, tokens))
        self._diary.events.append("manifest")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._audit, name)


class WatchedLedger:
    """A ledger that notes what it is asked."""

    def __init__(self, ledger: Any, diary: Diary) -> None:
        self._ledger = ledger
        self._diary = diary

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._diary.events.append(name)
            return getattr(self._ledger, name)(*arguments)

        return call


@dataclass
class House:
    """The product's ports, watched."""

    site: Site
    ports: Ports
    office: Office
    diary: Diary
    clock: WatchedClock
    source: WatchedSource
    audit: WatchedAudit

    def peer(self, institution: str, person: str = "li.wei") -> Peer:
        return self.site.peer(institution, person)

    def long_signed_in(self, institution: str = "police", person: str = "li.wei") -> Peer:
        """A caller whose token outlives what a test puts the clock forward by."""
        return self.site.peer(institution, person, timedelta(days=3))


@contextmanager
def housed(site: Site) -> Iterator[House]:
    """Open the product of a site, watched."""
    with open_gateway(read_settings(site.config)) as gateway:
        diary, real = Diary(), gateway.ports
        clock, source, audit = (
            WatchedClock(real.clock),
            WatchedSource(real.source, diary),
            WatchedAudit(real.audit, diary),
        )
        ledger: Any = WatchedLedger(real.ledger, diary)
        log: Any = audit
        keys = FileKeyRing.open(site.folder / "keys.json", SECRET, clock)
        ports = replace(real, clock=clock, source=source, audit=log, ledger=ledger, keys=keys)
        office = replace(gateway.office, clock=clock, audit=log, keys=keys)
        yield House(site, ports, office, diary, clock, source, audit)


@pytest.fixture
def house(new_site: Site) -> Iterator[House]:
    with housed(new_site) as open_house:
        yield open_house


def context(purpose: str, request_id: str = "", body: bytes = b"body") -> RequestContext:
    return RequestContext(purpose, "", "", request_id or str(uuid.uuid4()), body, bool(request_id))


def tracing(**changed: Any) -> RowsRequest:
    whole: dict[str, Any] = {
        "context": context("epidemic-tracing"),
        "kind": DisclosureKind.EXTRACT,
        "dataset": "health_cases",
        "disclosure": "police-tracing",
        "fields": (),
        "allow_partial": False,
        "filters": (),
        "selector": None,
    }
    return RowsRequest(**{**whole, **changed})


def colour(*ids: str) -> RowsRequest:
    return tracing(
        context=context("health-code-check"),
        kind=DisclosureKind.LOOKUP,
        dataset="health_codes",
        disclosure="colour-check",
        selector=Selector(SelectBy.KEY, "resident_id", ids),
    )


def counting(epsilon: Fraction = Fraction(1, 10), group_by: tuple[str, ...] = ("tier",)) -> ReleaseRequest:
    query = StatisticsQuery((), tuple(map(ByKeys, group_by)), (Statistic(StatisticKind.COUNT, None),))
    return ReleaseRequest(
        context("academic-research"), "subsidies", "by-sector", query, Price(Currency.EPSILON, epsilon)
    )


def delivered(outcome: Delivery | Refused) -> Delivery:
    assert isinstance(outcome, Delivery), outcome
    return outcome


def released(outcome: ReleaseDelivery | Refused) -> ReleaseDelivery:
    assert isinstance(outcome, ReleaseDelivery), outcome
    return outcome


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_stage, "BATCH_ROWS", 50)


def edit(file: Path, *changes: str) -> None:
    """Replace texts in a file of the policy; each must be there."""
    text = file.read_text()
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def answered(house: House, institution: str, request: RowsRequest) -> tuple[int, AuditRecord, bytes]:
    """Make a lookup or check; return the rows that left, the record, and the manifest's tokens."""
    delivery = delivered(pipeline.rows(house.ports, house.peer(institution), request))
    with closing(delivery):
        rows = sum(part.records.num_rows for part in delivery)
    return rows, delivery.receipt.record, house.audit.manifests[-1][2]
