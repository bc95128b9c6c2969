"""The pipeline over real adapters, with faults let in at the ports: order, refusal to leave unrecorded, revocation."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.model.contract import DataContract, DisclosureKind, SelectBy
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.party import Peer
from gateway.model.permit import Obligation, Permit
from gateway.model.plan import AggregatePlan, RowPlan
from gateway.model.record import AuditRecord, LogEntry, Outcome, Receipt
from gateway.model.request import ReleaseRequest, RequestContext, RowsRequest, Selector
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.pipeline import Delivery, Ports, Refused, ReleaseDelivery
from gateway.ports import AuditLog, Clock, Source
from gateway.settings import read_settings
from gateway.stages import fetch as fetch_stage
from gateway.stages.authenticate import authenticate
from gateway.stages.decide import decide
from gateway.stages.fetch import fetch
from gateway.stages.minimize import minimize
from gateway.stages.noise import waive_noise
from gateway.stages.pseudonymize import pseudonymize
from gateway.stages.record import record_release
from gateway.tables import ProtectedTable
from gateway.wiring import open_gateway
from tests.integration.site import Site


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


class WatchedSource:
    """A source that notes what is read, and can fail."""

    def __init__(self, source: Source, diary: Diary) -> None:
        self._source = source
        self._diary = diary
        self.failing: Exception | None = None
        self.version: str | None = None
        self.plans: list[RowPlan] = []

    def verify(self, contract: DataContract) -> None:
        self._source.verify(contract)

    def data_version(self, contract: DataContract) -> str:
        return self.version or self._source.data_version(contract)

    def rows(self, plan: RowPlan, batch_rows: int) -> Iterator[pa.RecordBatch]:
        self._diary.events.append("rows")
        self.plans.append(plan)
        for number, batch in enumerate(self._source.rows(plan, batch_rows)):
            if self.failing is not None and number == 1:
                raise self.failing
            yield batch

    def aggregates(self, plan: AggregatePlan) -> pa.RecordBatch:
        self._diary.events.append("aggregates")
        if self.failing is not None:
            raise self.failing
        return self._source.aggregates(plan)


class WatchedAudit:
    """A log that notes what is written, and can fail."""

    def __init__(self, audit: AuditLog, diary: Diary) -> None:
        self._audit = audit
        self._diary = diary
        self.failing_from: int | None = None
        self.records: list[AuditRecord] = []
        self.manifests: list[tuple[int, int, bytes]] = []

    def append(self, record: AuditRecord) -> LogEntry:
        if self.failing_from is not None and len(self.records) >= self.failing_from:
            raise Fault(ErrorReason.AUDIT_UNAVAILABLE)
        entry = self._audit.append(record)
        self.records.append(record)
        self._diary.events.append(f"log {record.outcome}")
        return entry

    def append_manifest(self, index: int, segment: int, tokens: bytes) -> None:
        self._audit.append_manifest(index, segment, tokens)
        self.manifests.append((index, segment, tokens))
        self._diary.events.append("manifest")

    def get(self, index: int) -> Receipt | None:
        return self._audit.get(index)


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
    diary: Diary
    clock: WatchedClock
    source: WatchedSource
    audit: WatchedAudit

    def peer(self, institution: str, person: str = "li.wei") -> Peer:
        pem = (self.site.folder / f"{institution}.pem").read_bytes()
        return Peer(pem, self.site.token(institution, person))


@pytest.fixture
def house(new_site: Site) -> Iterator[House]:
    with open_gateway(read_settings(new_site.config)) as gateway:
        diary, real = Diary(), gateway.ports
        clock, source, audit = (
            WatchedClock(real.clock),
            WatchedSource(real.source, diary),
            WatchedAudit(real.audit, diary),
        )
        ledger: Any = WatchedLedger(real.ledger, diary)
        ports = replace(real, clock=clock, source=source, audit=audit, ledger=ledger)
        yield House(new_site, ports, diary, clock, source, audit)


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
    query = StatisticsQuery((), group_by, (Statistic(StatisticKind.COUNT, None),))
    return ReleaseRequest(context("academic-research"), "subsidies", "by-sector", query, epsilon)


def delivered(outcome: Delivery | Refused) -> Delivery:
    assert isinstance(outcome, Delivery), outcome
    return outcome


def released(outcome: ReleaseDelivery | Refused) -> ReleaseDelivery:
    assert isinstance(outcome, ReleaseDelivery), outcome
    return outcome


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_stage, "BATCH_ROWS", 50)


# --- rows ------------------------------------------------------------


def test_nothing_is_read_before_the_start_is_logged(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    assert house.diary.events == ["log started"]
    parts = list(delivery)
    assert house.diary.events == ["log started", "rows", "manifest", "log completed"]
    assert sum(part.records.num_rows for part in parts) == delivery.completion.record.rows > 100


@pytest.mark.usefixtures("small_batches")
def test_every_batch_is_in_the_manifest_before_it_leaves(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    for number, part in enumerate(delivery, start=1):
        assert len(house.audit.manifests) == number
        index, segment, tokens = house.audit.manifests[-1]
        assert (index, segment) == (delivery.receipt.entry.index, number - 1)
        assert len(tokens) == 16 * part.records.num_rows
    assert delivery.completion.record.completes == delivery.receipt.entry.index
    assert len(house.audit.manifests) == delivery.completion.record.batches > 2


def test_an_unlogged_start_discloses_nothing(house: House) -> None:
    house.audit.failing_from = 0
    for institution, request in (("police", tracing()), ("verifier-metro", colour("330101198808088813"))):
        with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
            pipeline.rows(house.ports, house.peer(institution), request)
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        pipeline.rows(house.ports, house.peer("police"), tracing(context=context("")))


def test_an_unlogged_completion_is_not_told_as_one(house: House) -> None:
    house.audit.failing_from = 1
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        list(delivery)
    with pytest.raises(Fault, match="INTERNAL"):
        _ = delivery.completion


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_stream_left_early_is_logged_as_aborted(house: House, taken: int) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    rows = sum(next(parts).records.num_rows for _ in range(taken))
    delivery.close()
    delivery.close()
    last = house.audit.records[-1]
    assert (last.outcome, last.rows, last.batches) == (Outcome.ABORTED, rows, taken)
    assert last.completes == delivery.receipt.entry.index
    assert len(house.audit.records) == 2


@pytest.mark.usefixtures("small_batches")
def test_a_source_that_fails_midway_is_logged_and_told(house: House) -> None:
    house.source.failing = Fault(ErrorReason.SOURCE_UNAVAILABLE)
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    with pytest.raises(Fault, match="SOURCE_UNAVAILABLE"):
        list(delivery)
    last = house.audit.records[-1]
    assert (last.outcome, last.reason, last.rows) == (Outcome.ABORTED, "SOURCE_UNAVAILABLE", 50)


def test_data_exchanged_midway_never_completes(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    house.source.version = "another"
    with pytest.raises(Fault, match="SOURCE_SCHEMA_CHANGED"):
        list(delivery)
    assert house.audit.records[-1].outcome is Outcome.ABORTED


@pytest.mark.usefixtures("small_batches")
def test_a_policy_that_takes_the_grant_away_ends_the_stream(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    next(parts)
    edit(house.site.policies / "grants.csv", "p, g-police-tracing, police,", "p, g-police-tracing, police-xiacheng,")
    house.ports.policy.reload()
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)
    last = house.audit.records[-1]
    assert (last.outcome, last.reason, last.batches) == (Outcome.ABORTED, "PERMIT_REVOKED", 1)


@pytest.mark.usefixtures("small_batches")
def test_a_contract_that_coarsens_a_field_ends_the_stream(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    next(parts)
    contract = house.site.policies / "contracts/health_cases.yaml"
    edit(
        contract,
        "visited_at: keep",
        "visited_at: {generalize: day}",
        "[place, visited_at]",
        "[place]",
    )
    house.ports.policy.reload()
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


@pytest.mark.usefixtures("small_batches")
def test_a_policy_edited_elsewhere_does_not_end_the_stream(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    next(parts)
    before = house.ports.policy.current().digest
    edit(house.site.policies / "grants.csv", "p, g-eligibility,", "# another remark\np, g-eligibility,")
    house.ports.policy.reload()
    assert house.ports.policy.current().digest != before
    list(parts)
    assert delivery.completion.record.outcome is Outcome.COMPLETED


@pytest.mark.usefixtures("small_batches")
def test_a_stream_ends_with_the_token(house: House) -> None:
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    parts = iter(delivery)
    next(parts)
    house.clock.ahead = timedelta(hours=2)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(parts)


def test_an_undischarged_obligation_stops_the_release(house: House) -> None:
    ports, peer = house.ports, house.peer("police")
    identity = authenticate(peer, ports.identities, ports.clock)
    permit = decide(identity, tracing(), ports.policy.current(), ports.requests, ports.clock)
    assert isinstance(permit, Permit)

    def protected(owed: Permit) -> ProtectedTable:
        return waive_noise(pseudonymize(minimize(fetch(owed, ports.source, ports.keys), ports.keys), ports.keys))

    owed = replace(permit, obligations=permit.obligations | {Obligation("watermark")})
    with pytest.raises(Fault, match="INTERNAL"):
        record_release(protected(owed), ports.audit, ports.clock, lambda: True)
    less = replace(permit, obligations=frozenset())
    with pytest.raises(Fault, match="INTERNAL"):
        record_release(protected(less), ports.audit, ports.clock, lambda: True)
    assert house.audit.records == []


def test_more_rows_than_the_cap_never_look_whole(house: House) -> None:
    edit(
        house.site.policies / "grants.csv",
        "epidemic-tracing, until=2036-12-31, allow",
        "epidemic-tracing, max_rows=100, allow",
    )
    house.ports.policy.reload()
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        list(delivery)
    assert (house.audit.records[-1].outcome, house.audit.records[-1].rows) == (Outcome.ABORTED, 0)


def test_a_reused_request_id_is_refused_and_a_retry_is_not(house: House) -> None:
    peer, name = house.peer("police"), str(uuid.uuid4())
    for body in (b"one", b"one"):
        request = tracing(context=context("epidemic-tracing", name, body))
        delivered(pipeline.rows(house.ports, peer, request)).close()
    outcome = pipeline.rows(house.ports, peer, tracing(context=context("epidemic-tracing", name, b"two")))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.REQUEST_ID_REUSED
    # the same id of another person is another id
    other = tracing(context=context("epidemic-tracing", name, b"two"))
    delivered(pipeline.rows(house.ports, house.peer("police", "wang.fang"), other)).close()


# --- statistics ------------------------------------------------------------


def test_charge_then_read_then_store_then_log(house: House) -> None:
    delivery = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert house.diary.events == ["charge", "stored", "aggregates", "store", "log completed"]
    assert delivery.paid


def test_the_same_plan_is_the_same_release_for_everyone_entitled(house: House) -> None:
    first = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    house.diary.events.clear()
    again = released(pipeline.release(house.ports, house.peer("zju-research", "wang.fang"), counting()))
    assert house.diary.events == ["charge", "stored", "log completed"]
    assert again.release == first.release
    assert not again.paid
    assert house.audit.records[-1].replay


def balances(house: House) -> dict[str, Fraction]:
    outcome = pipeline.budgets(
        house.ports, house.peer("zju-research"), context("academic-research"), "subsidies", "by-sector"
    )
    assert not isinstance(outcome, Refused)
    return {balance.account.id: balance.spent for balance in outcome[0]}


def test_every_budget_bears_the_exact_loss(house: House) -> None:
    before = balances(house)
    released(pipeline.release(house.ports, house.peer("zju-research"), counting(Fraction(3, 10))))
    after = balances(house)
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(before, Fraction(9, 200))
    assert set(before) == {
        "lifetime/resident",
        "dataset/subsidies",
        "purpose/academic-research",
        "recipient/zju-research",
        "person/zju-research/li.wei",
    } & set(before)
    assert "lifetime/resident" in before


@pytest.mark.parametrize("failure", [Fault(ErrorReason.SOURCE_UNAVAILABLE), ValueError("龘靐甲"), MemoryError()])
def test_every_failure_after_the_charge_is_the_same_failure_at_the_same_time(house: House, failure: Exception) -> None:
    house.source.failing = failure
    before = balances(house)
    with pytest.raises(Fault, match=r"^RELEASE_FAILED$"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    assert len(house.clock.woke_at) == 1
    paid = balances(house)
    assert all(paid[name] == before[name] + Fraction(1, 200) for name in paid)

    # asked again, what was paid for is finished, and not paid for twice
    house.source.failing = None
    delivery = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert not delivery.paid
    assert len(delivery.release.cells) == 4
    assert balances(house) == paid


def test_answers_come_at_whole_slots(house: House) -> None:
    began = house.clock.monotonic()
    released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    slots = (house.clock.woke_at[0] - began) / 0.4
    assert 0.99 < slots < 4
    # the pipeline took its own start, a moment after ours
    assert abs(slots - round(slots)) < 0.05


def test_a_release_that_cannot_be_logged_is_not_delivered(house: House) -> None:
    house.audit.failing_from = 0
    with pytest.raises(Fault, match=r"^RELEASE_FAILED$"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())


def test_a_vanished_source_is_told_before_anything_is_charged(house: House) -> None:
    before = balances(house)
    data = house.site.data / "subsidies.parquet"
    hidden = data.rename(data.with_suffix(".hidden"))
    try:
        with pytest.raises(Fault, match="SOURCE_UNAVAILABLE"):
            pipeline.release(house.ports, house.peer("zju-research"), counting())
    finally:
        hidden.rename(data)
    assert balances(house) == before
    assert house.clock.woke_at == []


def test_data_exchanged_between_charge_and_read_gives_no_answer(house: House) -> None:
    real = house.source.data_version

    def drifting(contract: DataContract) -> str:
        return "another" if "aggregates" in house.diary.events else real(contract)

    house.source.data_version = drifting  # type: ignore[method-assign]  # a fault let in
    with pytest.raises(Fault, match="RELEASE_FAILED"):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    assert "store" not in house.diary.events


@pytest.mark.parametrize("epsilon", [Fraction(0), Fraction(-1), Fraction(1, 10**6), Fraction(11, 10), Fraction(10**9)])
def test_an_epsilon_out_of_range_is_refused_and_free(house: House, epsilon: Fraction) -> None:
    outcome = pipeline.release(house.ports, house.peer("zju-research"), counting(epsilon))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.EPSILON_OUT_OF_RANGE
    assert "charge" not in house.diary.events


def test_an_exhausted_budget_refuses_and_charges_nothing(house: House) -> None:
    epsilons = [Fraction(1), Fraction(9, 10), Fraction(8, 10), Fraction(7, 10), Fraction(6, 10), Fraction(5, 10)]
    outcomes = [pipeline.release(house.ports, house.peer("zju-research"), counting(epsilon)) for epsilon in epsilons]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert refused
    assert {item.refusal.reason for item in refused} == {ErrorReason.BUDGET_EXHAUSTED}
    paid = sum(
        (
            epsilon**2 / 2
            for epsilon, outcome in zip(epsilons, outcomes, strict=True)
            if not isinstance(outcome, Refused)
        ),
        Fraction(0),
    )
    assert balances(house)["lifetime/resident"] == paid


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


def test_who_was_asked_for_is_on_record_whether_found_or_not(house: House) -> None:
    found, _, tag = answered(house, "verifier-metro", colour("330101198808088813"))
    again, _, same = answered(house, "verifier-metro", colour("330101198808088813"))
    absent, _, other = answered(house, "verifier-metro", colour("110101190001010000"))
    assert (found, again, absent) == (1, 1, 0)
    assert tag == same != other
    assert len(tag) == len(other) == 16


def test_no_more_is_read_than_was_asked_for(house: House) -> None:
    answered(house, "verifier-metro", colour("330101198808088813"))
    (plan,) = house.source.plans
    assert set(plan.columns) == {"colour", "assessed_on", "resident_id"}
    assert plan.scope.conditions == (Condition("resident_id", Operator.IN, ("330101198808088813",)),)
    assert plan.scope.region == "hangzhou"


def test_the_record_of_a_check_does_not_tell_its_answer(house: House) -> None:
    subsidies = pq.read_table(house.site.data / "subsidies.parquet", columns=["resident_id", "eligible"])
    answers: dict[bool, AuditRecord] = {}
    for who, eligible in zip(*(column.to_pylist() for column in subsidies.columns), strict=True):
        if eligible not in answers:
            asked = colour(str(who))
            request = replace(
                asked,
                context=context("subsidy-eligibility"),
                kind=DisclosureKind.CHECK,
                dataset="subsidies",
                disclosure="eligibility",
            )
            rows, answers[bool(eligible)], _ = answered(house, "enterprise-service-bureau", request)
            assert (rows > 0) == eligible
    yes, no = (replace(record, at=datetime.min, request_id="") for record in (answers[True], answers[False]))
    assert yes == no
    assert yes.selected_by == "resident_id key"


def test_a_filter_is_on_record_as_the_field_it_tells_of(house: House) -> None:
    condition = Condition("place", Operator.EQUAL, ("hubin-mall",))
    request = tracing(fields=("resident_id",), filters=(condition,))
    delivered(pipeline.rows(house.ports, house.peer("police"), request)).close()
    record = house.audit.records[0]
    assert [item.field for item in record.fields] == ["resident_id"]
    assert record.filtered_on == ("place eq",)
    assert "hubin-mall" not in repr(record)


def test_a_region_is_no_filter_on_what_is_not_told(house: House) -> None:
    # the colour check tells no community: asked street by street, it would
    for region, expected in (("hangzhou", True), ("hangzhou/xihu", False), ("hangzhou/xiacheng/wulin/c01", False)):
        request = colour("330101198808088813")
        request = replace(request, context=replace(request.context, region=region))
        outcome = pipeline.rows(house.ports, house.peer("verifier-metro"), request)
        assert isinstance(outcome, Delivery) is expected
        if isinstance(outcome, Refused):
            assert outcome.refusal.reason is ErrorReason.REGION_NOT_GRANTED
            assert outcome.refusal.nearest is not None
            assert outcome.refusal.nearest.region == "hangzhou"


def test_a_release_of_others_looks_like_none(house: House) -> None:
    made = released(pipeline.release(house.ports, house.peer("zju-research"), counting())).release
    outcomes = [
        pipeline.stored_release(house.ports, house.peer("hotel-lakeside"), context("academic-research"), name)
        for name in (made.id, "0" * 64)
    ]
    theirs, none = outcomes
    assert isinstance(theirs, Refused) and isinstance(none, Refused)
    assert theirs.refusal == none.refusal
    assert theirs.receipt is not None and none.receipt is not None
    own = pipeline.stored_release(house.ports, house.peer("zju-research"), context("academic-research"), made.id)
    assert released(own).release == made


def test_a_group_asked_for_twice_is_refused_and_free(house: House) -> None:
    outcome = pipeline.release(house.ports, house.peer("zju-research"), counting(group_by=("tier", "tier")))
    assert isinstance(outcome, Refused)
    assert outcome.refusal.reason is ErrorReason.STATISTIC_NOT_DECLARED
    assert "charge" not in house.diary.events


def test_the_name_of_a_data_version_cannot_be_computed_from_the_data(house: House) -> None:
    made = released(pipeline.release(house.ports, house.peer("zju-research"), counting())).release
    contract = house.ports.policy.current().contracts["subsidies"]
    inside = house.source.data_version(contract)
    assert made.data_version != inside
    assert inside not in repr(house.audit.records)
    # and it is the same for the same data, also for rows
    delivery = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    again = delivered(pipeline.rows(house.ports, house.peer("police"), tracing()))
    assert delivery.receipt.record.data_version == again.receipt.record.data_version != made.data_version
    delivery.close()
    again.close()


def test_what_a_failed_request_paid_for_is_first_delivered_as_no_replay(house: House) -> None:
    house.source.failing = Fault(ErrorReason.SOURCE_UNAVAILABLE)
    with pytest.raises(Fault):
        pipeline.release(house.ports, house.peer("zju-research"), counting())
    house.source.failing = None
    first = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert (first.paid, first.receipt.record.replay) == (False, False)
    second = released(pipeline.release(house.ports, house.peer("zju-research"), counting()))
    assert (second.paid, second.receipt.record.replay) == (False, True)
