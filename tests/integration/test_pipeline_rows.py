"""Rows through the pipeline: order, refusal to leave unrecorded, revocation, and what the record says."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

import pyarrow.parquet as pq
import pytest

from gateway import pipeline
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.permit import Obligation, Permit, Refusal
from gateway.model.record import AuditRecord, Outcome
from gateway.pipeline import Delivery, Refused
from gateway.stages.admit import admit
from gateway.stages.authenticate import authenticate
from gateway.stages.blend import blend
from gateway.stages.decide import decide
from gateway.stages.fetch.rows import fetch
from gateway.stages.minimize import minimize
from gateway.stages.noise import waive_noise
from gateway.stages.pseudonymize import pseudonymize
from gateway.stages.record.rows import record_release
from gateway.tables import ProtectedTable
from tests.integration.house import House, answered, colour, context, delivered, edit, tracing


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
    assert all(plan.version for plan in house.source.plans), "rows are of one version of the data"
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
    permits = decide(identity, tracing(), ports.policy.current(), ports.clock)
    assert not isinstance(permits, Refusal)
    permit = permits[0]

    def protected(owed: Permit) -> ProtectedTable:
        admitted = admit((owed,), ports.registers, ports.keys, ports.audit, ports.clock)
        assert not isinstance(admitted, Refusal)
        raw = fetch(admitted, ports.source, ports.keys, ports.registers, ports.clock)
        minimal = minimize(raw, ports.keys)
        return waive_noise(pseudonymize(blend(minimal, lambda: minimal), ports.keys))

    scope = permit.scope
    owed = replace(permit, scope=replace(scope, obligations=scope.obligations | {Obligation("watermark")}))
    with pytest.raises(Fault, match="INTERNAL"):
        record_release(protected(owed), ports.audit, ports.clock, lambda: True)
    less = replace(permit, scope=replace(scope, obligations=frozenset()))
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
