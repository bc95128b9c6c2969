"""Why and why not: all of it for officers, made true by making the change; and for callers nothing that is others'."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decision.judge import judge
from gateway.decision.officer.considered import Part, considered, matching_denies
from gateway.decision.officer.explain import OfficerView, explain
from gateway.model.contract import DisclosureKind
from gateway.model.governance import Officer, Power
from gateway.model.party import Identity
from gateway.model.permit import Refusal
from gateway.model.request import DisclosureRequest
from gateway.policy.grants import Effect, Grant
from gateway.policy.snapshot import PolicySnapshot, load
from gateway.policy.terms import parse_terms
from tests.unit.decision.officer.conftest import Changed
from tests.unit.policy.conftest import GOOD
from tests.unit.policy.requests import release, rows

NOW = datetime(2027, 1, 15, 4)
EXTRACT, LOOKUP, CHECK = DisclosureKind.EXTRACT, DisclosureKind.LOOKUP, DisclosureKind.CHECK


def who(institution: str) -> Identity:
    return Identity(institution, "somebody", datetime(2030, 1, 1))


def officers(
    policy: PolicySnapshot, institution: str, request: DisclosureRequest, officer: Officer | None = None
) -> OfficerView:
    return explain(request, who(institution), policy, NOW).for_officer(officer)


# --- for officers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("institution", "request_", "parts"),
    [
        ("zju", rows(EXTRACT, "health_cases/tracing", "epidemic-control"), {Part.RECIPIENT}),
        ("police", rows(EXTRACT, "health_cases/tracing", "subsidy-audit"), {Part.PURPOSE}),
        ("audit-office", rows(CHECK, "subsidies/eligibility", "subsidy-audit", "hangzhou", keys=1), {Part.REGION}),
        ("audit-office", rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit"), {Part.TERMS}),
        ("police", rows(LOOKUP, "health_cases/one-case", "contact-tracing", "hangzhou/xiacheng", keys=3), {Part.TERMS}),
    ],
    ids=["recipient", "purpose", "region", "case", "keys"],
)  # fmt: skip
def test_the_nearest_grant_says_which_part_misses(
    snapshot: PolicySnapshot, institution: str, request_: DisclosureRequest, parts: set[Part]
) -> None:
    view = officers(snapshot, institution, request_)
    assert not view.allowed
    assert {miss.part for miss in view.grants[0].misses} == parts


@pytest.mark.parametrize(
    ("institution", "request_", "what"),
    [
        ("zju", rows(EXTRACT, "health_cases/tracing", "contact-tracing", "hangzhou/xihu"), "add a grant for just this"),
        ("police-xiacheng", rows(EXTRACT, "health_cases/tracing", "contact-tracing", "hangzhou/xiacheng/wulin"),
         "take back or narrow the prohibition d-wulin"),
        ("audit-office", rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit", case_number="SJ-2027-A",
                              fields=("tier", "eligible")), "give eligible (keep) in the disclosure audit-rows"),
        ("police", rows(LOOKUP, "health_cases/one-case", "contact-tracing", "hangzhou/xiacheng", keys=3),
         "let the grant g-trace-one take 3 subjects at a time"),
        ("zju", release("subsidies/by-tier", "subsidy-audit"), "add a grant for just this"),
        ("police", rows(EXTRACT, "subsidies/audit-tiers", "contact-tracing"), "compatible with subsidy-audit"),
    ],
    ids=["grant", "deny", "field", "keys", "release", "unlawful"],
)  # fmt: skip
def test_the_change_that_is_named_would_do(
    snapshot: PolicySnapshot, institution: str, request_: DisclosureRequest, what: str
) -> None:
    view = officers(snapshot, institution, request_)
    assert any(what in step.change.what for step in view.policy_changes)
    assert view.would_pass


def test_a_line_that_is_proposed_passes_when_it_is_pasted(changed: Changed) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing", "hangzhou/xihu")
    view = officers(changed(), "zju", request)
    lines = [step.change.text for step in view.policy_changes]
    assert not isinstance(judge(who("zju"), request, changed(*lines), NOW), Refusal)
    # and it is for this alone
    assert isinstance(judge(who("zju"), rows(EXTRACT, "health_cases/tracing", "contact-tracing"), changed(*lines), NOW),
                      Refusal)  # fmt: skip


def test_a_lapsed_grant_purpose_and_membership_are_named(changed: Changed) -> None:
    lapsed = changed(
        "p, g-old, task-force, health_cases/tracing, extract, hangzhou, epidemic-control, until=2026-12-31, allow",
        "g, zju, task-force, until=2026-11-30",
        replace={"purposes.yaml": [("expires_on: 2027-06-30", "expires_on: 2026-12-31")],
                 "grants.csv": [("until=2027-06-30", "until=2026-12-31")]},
    )  # fmt: skip
    view = officers(lapsed, "zju", rows(EXTRACT, "health_cases/tracing", "contact-tracing"))
    told = " ".join(step.change.what for step in view.policy_changes)
    assert "let the purpose contact-tracing go on" in told
    assert "let the grant g-old hold on" in told
    assert "let zju be in the role task-force" in told
    assert view.would_pass


def test_the_hours_of_a_grant_are_named(changed: Changed) -> None:
    nights = changed(
        replace={"grants.csv": [("epidemic-control, until=2027-06-30", "epidemic-control, hours=20:00-22:00")]}
    )
    view = officers(nights, "police", rows(EXTRACT, "health_cases/tracing", "contact-tracing"))
    assert [miss.part for miss in view.grants[0].misses] == [Part.HOURS]
    assert view.policy_changes[0].change.what == "let the grant g-trace hold at all hours"
    assert view.would_pass


def test_what_no_rule_can_open_is_said_to_be_so(snapshot: PolicySnapshot) -> None:
    view = officers(snapshot, "audit-office", rows(EXTRACT, "subsidies/no-such", "subsidy-audit"))
    assert not view.would_pass
    case = officers(snapshot, "audit-office", rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit"))
    assert not case.would_pass
    assert any("case number" in line for line in case.request_changes)


def test_an_officer_sees_what_lies_within_the_authority(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing", "hangzhou/xihu")
    powers = frozenset({Power.REVIEW})
    district = Officer("police", "li", powers, "hangzhou/xihu", frozenset({"health_cases"}), b"")
    own = officers(snapshot, "zju", request, district)
    assert {one.grant.region for one in own.grants} <= {"hangzhou/xihu"}
    assert own.beyond > 0
    elsewhere = Officer("police", "li", powers, "hangzhou/xihu", frozenset({"subsidies"}), b"")
    none = officers(snapshot, "zju", request, elsewhere)
    assert (none.grants, none.denies, none.fields, none.policy_changes, none.beyond) == ((), (), (), (), 0)


_WHO = ["police", "police-xihu", "police-xiacheng", "zju", "audit-office", "stranger"]
_REGIONS = ["hangzhou", "hangzhou/xiacheng", "hangzhou/xiacheng/wulin", "hangzhou/xihu", "nowhere"]
_PURPOSES = ["epidemic-control", "contact-tracing", "subsidy-audit", "open-data", "social-scoring", "none"]
_OBJECTS = ["health_cases/tracing", "subsidies/audit-rows", "firms/sectors", "subsidies/none", "none/none"]


@given(st.sampled_from(_WHO), st.sampled_from(_OBJECTS), st.sampled_from(_REGIONS), st.sampled_from(_PURPOSES))
def test_parts_miss_exactly_where_casbin_says_no(institution: str, obj: str, region: str, purpose: str) -> None:
    policy, request = _good(), rows(EXTRACT, obj, purpose, region)
    ruling = policy.ruling(institution, obj, EXTRACT, region, purpose)
    denies = matching_denies(request, institution, policy)
    assert bool(denies) == ruling.denied
    columns = {Part.RECIPIENT, Part.OBJECT, Part.KIND, Part.REGION, Part.PURPOSE}
    near = considered(request, institution, policy, NOW)
    matching = {one.grant.id for one in near if not columns & {miss.part for miss in one.misses}}
    if not ruling.denied and policy.regions.contains(region):
        assert matching == {rule.id for rule in ruling.grants}


# --- for callers ------------------------------------------------------------------------------------------------------


@cache
def _good() -> PolicySnapshot:
    return load(GOOD)


_others = st.tuples(
    st.sampled_from(["audit-office", "zju", "other-office", "police-xihu"]),
    st.sampled_from(
        [("health_cases/tracing", "extract"), ("subsidies/audit-rows", "extract"), ("subsidies/by-tier", "release"),
         ("health_cases/one-case", "lookup"), ("subsidies/*", "*"), ("*", "extract")]
    ),
    st.sampled_from(_REGIONS[:4]), st.sampled_from(_PURPOSES[:4]),
    st.sampled_from(["", "until=2027-01-01", "max_rows=5"]),
    st.sampled_from([Effect.ALLOW, Effect.DENY]),
)  # fmt: skip


@given(
    st.lists(_others, max_size=6), st.sampled_from([*_OBJECTS, "health_cases/one-case"]),
    st.sampled_from([EXTRACT, LOOKUP, CHECK]), st.sampled_from(_REGIONS), st.sampled_from([*_PURPOSES, ""]),
    st.lists(st.sampled_from(["community", "tier", "phone", "no_such"]), max_size=2, unique=True),
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_what_others_are_granted_changes_nothing_that_a_caller_is_told(
    others: list[tuple[str, tuple[str, str], str, str, str, Effect]],
    obj: str,
    kind: DisclosureKind,
    region: str,
    purpose: str,
    asked: list[str],
) -> None:
    good = _good()
    added = [
        Grant(f"x-{number}", recipient, name, any_kind, where, why,
              parse_terms(terms if effect is Effect.ALLOW else ""), effect, 100 + number)
        for number, (recipient, (name, any_kind), where, why, terms, effect) in enumerate(others)
    ]  # fmt: skip
    other = good.with_rules((*good.grants, *added), good.links)
    request = rows(kind, obj, purpose, region, fields=tuple(asked), keys=0 if kind is EXTRACT else 1)
    for institution in ("police", "police-xiacheng", "stranger"):
        told = explain(request, who(institution), good, NOW).for_caller()
        assert explain(request, who(institution), other, NOW).for_caller() == told


@pytest.mark.parametrize("institution", ["police", "zju", "stranger"])
@pytest.mark.parametrize("purpose", ["contact-tracing", "subsidy-audit", "none"])
def test_what_is_not_there_and_what_is_not_granted_look_the_same(
    snapshot: PolicySnapshot, institution: str, purpose: str
) -> None:
    hidden = rows(EXTRACT, "firms/sectors", purpose)
    missing = rows(EXTRACT, "nothing/sectors", purpose)
    assert (
        explain(hidden, who(institution), snapshot, NOW).for_caller()
        == explain(missing, who(institution), snapshot, NOW).for_caller()
    )


def test_a_caller_is_told_of_no_rule_and_no_change_of_one(snapshot: PolicySnapshot) -> None:
    view = explain(rows(EXTRACT, "health_cases/tracing", "contact-tracing"), who("zju"), snapshot, NOW).for_caller()
    assert is_dataclass(view)
    assert {field.name for field in fields(view)} == {
        "allowed", "reason", "fields", "conditions", "withheld", "violations", "nearest", "offers"
    }  # fmt: skip
    assert "g-trace" not in repr(view)


def test_a_caller_is_told_what_is_its_own(snapshot: PolicySnapshot) -> None:
    view = explain(rows(EXTRACT, "health_cases/tracing", "contact-tracing"), who("police"), snapshot, NOW).for_caller()
    assert view.allowed
    assert dict(view.fields)["onset"] == "generalize to day"
    assert view.conditions == ("until 2027-06-30",)
    assert [offer.obj for offer in view.offers] == ["health_cases/tracing", "health_cases/one-case"]
