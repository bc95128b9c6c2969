"""A proposal, put to what was really asked: what flips, what is newly exposed, what it costs, what cannot be told."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest

from gateway.decision.officer.impact import Impact, InstitutionImpact, impact
from gateway.decision.officer.settled import settle
from gateway.model.contract import DisclosureKind
from gateway.model.loss import PrivacyLoss
from gateway.model.party import Identity
from gateway.model.permit import Permit, Refusal, Withheld
from gateway.model.record import UNKNOWN, AuditRecord, Outcome
from gateway.model.request import DisclosureRequest
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.decision.officer.conftest import Changed
from tests.unit.decision.officer.recorded import record

NOW = datetime(2027, 1, 15, 4)
TRACED = ("resident_id", "community", "onset")
TRACING = record("police-xihu", "health_cases/tracing", "contact-tracing", fields=TRACED)
LOOKUP = record("police", "health_cases/one-case", "contact-tracing", kind=DisclosureKind.LOOKUP,
                outcome=Outcome.COMPLETED, region="hangzhou/xiacheng", selected_by="resident_id key",
                fields=("resident_id", "community"))  # fmt: skip
REFUSED = record("zju", "health_cases/tracing", "contact-tracing", outcome=Outcome.REFUSED, region="")
RELEASE = record("zju", "subsidies/by-tier", "open-data", kind=DisclosureKind.RELEASE, outcome=Outcome.COMPLETED,
                 statistics=("count",), loss=PrivacyLoss(Fraction(1, 8), Fraction(1, 2)))  # fmt: skip


def of(found: Impact, institution: str) -> InstitutionImpact:
    return next(one for one in found.institutions if one.institution == institution)


def test_a_policy_has_no_impact_on_itself(snapshot: PolicySnapshot) -> None:
    found = impact([TRACING, LOOKUP, REFUSED, RELEASE], snapshot, snapshot, NOW)
    assert [(one.institution, one.records, one.same) for one in found.institutions] == [
        ("police", 1, 1), ("police-xihu", 1, 1), ("zju", 2, 2)
    ]  # fmt: skip
    assert (found.records, found.questions, found.unknown, found.unasked, found.left) == (4, 4, 0, (), 0)
    assert all(not one.now_refused + one.now_allowed + one.other_reason for one in found.institutions)


def test_decisions_flip_both_ways(snapshot: PolicySnapshot, changed: Changed) -> None:
    proposal = changed(
        "p, d-new, police-xihu, health_cases/*, *, *, *, , deny",
        "p, g-new, zju, health_cases/tracing, extract, hangzhou, contact-tracing, , allow",
    )
    found = impact([TRACING, TRACING, REFUSED], snapshot, proposal, NOW)
    (refused,) = of(found, "police-xihu").now_refused
    assert (refused.before, refused.count, refused.asked.obj) == ("", 2, "health_cases/tracing")
    assert {flip.field.field for flip in of(found, "police-xihu").withdrawn} == set(TRACED)
    (allowed,) = of(found, "zju").now_allowed
    assert (allowed.before, allowed.after) == ("PURPOSE_NOT_GRANTED", "")
    assert {flip.field.field for flip in of(found, "zju").exposed} == set(TRACED)


def test_whoever_asked_for_all_gets_what_is_added_and_nobody_else(snapshot: PolicySnapshot, changed: Changed) -> None:
    file = "contracts/health_cases.yaml"
    proposal = changed(replace={file: [("onset: {generalize: day}", "onset: keep\n            diagnosis: keep")]})
    fewer = record("police-xiacheng", "health_cases/tracing", "contact-tracing", region="hangzhou/xihu",
                   fields=("resident_id", "community"))  # fmt: skip
    found = impact([TRACING, fewer], snapshot, proposal, NOW)
    exposed = {(flip.field.field, flip.field.before) for flip in of(found, "police-xihu").exposed}
    assert exposed == {("diagnosis", ""), ("onset", "generalize to day")}
    assert of(found, "police-xiacheng").exposed == ()
    assert of(found, "police-xiacheng").same == 1


def test_another_grant_another_reason_another_price(snapshot: PolicySnapshot, changed: Changed) -> None:
    grants = [("p, g-trace-one,", "p, g-lookup,"), ("p, g-trace,", "p, g-tracing,")]
    renamed = changed(replace={"grants.csv": grants})
    (grant,) = of(impact([LOOKUP], snapshot, renamed, NOW), "police").grants
    assert (grant.before, grant.after) == ("g-trace-one", "g-lookup")
    reason = changed("p, g-z, zju, health_cases/tracing, extract, hangzhou, contact-tracing, case=A9, allow")
    (other,) = of(impact([REFUSED], snapshot, reason, NOW), "zju").other_reason
    assert (other.before, other.after) == ("PURPOSE_NOT_GRANTED", "CASE_NUMBER_REQUIRED")
    gone = changed(replace={"grants.csv": [("open-data, from=2026-01-01", "open-data, from=2028-01-01")],
                            "budgets.yaml": [("resident: 12.0", "resident: 13.0")]})  # fmt: skip
    found = impact([RELEASE], snapshot, gone, NOW)
    (loss,) = of(found, "zju").losses
    assert (loss.before, loss.after) == (Fraction(1, 8), Fraction(0))
    assert [cap.subject for cap in found.caps] == ["lifetime/resident"]


def test_what_cannot_be_asked_again_is_counted(snapshot: PolicySnapshot) -> None:
    records = [
        record("zju", f"{UNKNOWN}/{UNKNOWN}", "open-data", outcome=Outcome.REFUSED),
        record("zju", "health_cases/tracing", UNKNOWN, outcome=Outcome.REFUSED),
        record("police-xihu", "health_cases/tracing", "contact-tracing", outcome=Outcome.COMPLETED, completes=1),
        record("police-xihu", "health_cases/tracing", "contact-tracing", filtered_on=("onset like",)),
    ]
    found = impact(records, snapshot, snapshot, NOW)
    assert found.unknown == 2
    assert sorted(dict(found.unasked).values()) == [1, 1]
    assert found.institutions == ()


def test_what_was_withheld_is_asked_for_again(snapshot: PolicySnapshot, changed: Changed) -> None:
    partly = record("police-xihu", "health_cases/tracing", "contact-tracing", fields=("community",),
                    withheld=(Withheld("diagnosis", ""),))  # fmt: skip
    file = "contracts/health_cases.yaml"
    proposal = changed(replace={file: [("onset: {generalize: day}", "diagnosis: keep")]})
    (flip,) = of(impact([partly], snapshot, proposal, NOW), "police-xihu").exposed
    assert flip.field.field == "diagnosis"


def test_the_same_question_is_decided_once(snapshot: PolicySnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[PolicySnapshot] = []

    def counting(
        identity: Identity, request: DisclosureRequest, policy: PolicySnapshot, now: datetime
    ) -> Permit | Refusal:
        decided.append(policy)
        return settle(identity, request, policy, now)

    def many() -> list[AuditRecord]:
        audit = [
            record("audit-office", "subsidies/audit-rows", "subsidy-audit", case_number=f"SJ-{number:04}-A",
                   person=f"person-{number}")
            for number in range(2_000)
        ]  # fmt: skip
        return audit * 10

    records = many()
    monkeypatch.setattr("gateway.decision.officer.impact.settle", counting)
    found = impact(records, snapshot, snapshot, NOW)
    assert len(decided) == 2, "once under either policy"
    assert (found.records, found.questions) == (20_000, 1)
