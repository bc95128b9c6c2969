"""What one policy gives that another does not: by institution, purpose and disclosure, and which way."""

from __future__ import annotations

import pytest

from gateway.decision.officer.coarseness import Telling
from gateway.decision.officer.diff import EntitlementShift, Turn, diff
from gateway.decision.officer.shifts import as_loose
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.terms import parse_terms
from tests.unit.decision.officer.conftest import Changed

CASES = "contracts/health_cases.yaml"


def told(shifts: tuple[EntitlementShift, ...]) -> list[tuple[str, str, str, Turn]]:
    return [(one.seat.institution, one.seat.obj, one.seat.purpose, one.turn) for one in shifts]


def test_a_policy_does_not_differ_from_itself(snapshot: PolicySnapshot, changed: Changed) -> None:
    same = diff(snapshot, changed(files={"NOTES.md": "words"}))
    assert same.empty
    assert not same.wider
    assert same.before != same.after


def test_a_new_grant_opens_its_fields_to_each_member_of_a_role(snapshot: PolicySnapshot, changed: Changed) -> None:
    line = "p, g-new, police, subsidies/audit-tiers, extract, hangzhou/xihu, subsidy-audit, , allow"
    found = diff(snapshot, changed(line))
    members = ["police-xiacheng", "police-xihu"]
    assert told(found.entitlements) == [(one, "subsidies/audit-tiers", "subsidy-audit", Turn.OPENS) for one in members]
    first = found.entitlements[0]
    given = changed().contracts["subsidies"].disclosures["audit-tiers"].fields
    assert {field.field for field in first.exposed} == set(given)
    assert first.regions_gained == ("hangzhou/xihu",)
    assert found.wider
    back = diff(changed(line), snapshot)
    assert {one.turn for one in back.entitlements} == {Turn.CLOSES}
    assert not back.wider


def test_a_weaker_treatment_exposes_and_a_stronger_one_does_not(snapshot: PolicySnapshot, changed: Changed) -> None:
    coarser = changed(replace={CASES: [("onset: {generalize: day}", "onset: {generalize: month}")]})
    narrowed = diff(snapshot, coarser)
    assert {one.seat.institution for one in narrowed.entitlements} == {"police-xiacheng", "police-xihu"}
    assert all(one.exposed == () and not one.wider for one in narrowed.entitlements)
    widened = diff(coarser, snapshot)
    (field,) = widened.entitlements[0].exposed
    assert (field.field, field.before, field.after) == ("onset", "generalize to month", "generalize to day")
    assert widened.disclosures[0].obj == "health_cases/tracing"
    assert widened.wider
    assert not narrowed.wider


def test_regions_and_terms_turn_by_themselves(snapshot: PolicySnapshot, changed: Changed) -> None:
    moved = changed(replace={"grants.csv": [("lookup, hangzhou/xiacheng,", "lookup, hangzhou/xihu,"),
                                            ("max_rows=500", "max_rows=900")]})  # fmt: skip
    found = {(one.seat.institution, one.seat.obj): one for one in diff(snapshot, moved).entitlements}
    lookup = found["police-xihu", "health_cases/one-case"]
    assert (lookup.turn, lookup.regions_gained, lookup.regions_lost) == (
        Turn.CHANGES, ("hangzhou/xihu",), ("hangzhou/xiacheng",)
    )  # fmt: skip
    (terms,) = found["audit-office", "subsidies/audit-rows"].terms
    assert terms.telling is Telling.MORE
    assert "max_rows=500" in terms.before
    assert "max_rows=900" in terms.after


def test_a_deny_closes_what_it_meets_and_nothing_else(snapshot: PolicySnapshot, changed: Changed) -> None:
    found = diff(snapshot, changed("p, d-new, police-xihu, health_cases/one-case, *, hangzhou/xiacheng, *, , deny"))
    assert told(found.entitlements) == [("police-xihu", "health_cases/one-case", "epidemic-control", Turn.CLOSES)]
    assert [(one.subject, one.telling) for one in found.denies] == [("d-new", Telling.LESS)]
    trial = diff(snapshot, changed("p, d-new, *, *, *, *, open-data, trial=2027-02-01, deny"))
    assert trial.entitlements == ()
    assert [one.telling for one in trial.denies] == [Telling.SAME]


def test_a_member_gains_what_its_role_has(snapshot: PolicySnapshot, changed: Changed) -> None:
    found = diff(snapshot, changed("g, zju, police, until=2027-03-01"))
    assert {one.seat.institution for one in found.entitlements} == {"zju"}
    assert {one.seat.obj for one in found.entitlements} == {"health_cases/tracing", "health_cases/one-case"}
    assert [one.after for one in found.memberships] == ["g, zju, police, until=2027-03-01"]


STUDY = "projects: {study: {purpose: open-data, pool: 5.0, members: {zju: 2.0}, closes_on: 2026-12-31}}\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "group", "part", "wider"),
    [
        ("purposes.yaml", "expires_on: 2027-06-30", "expires_on: 2028-06-30", "purposes", "expires_on", True),
        ("purposes.yaml", "review_on: 2027-03-01", "review_on: 2027-04-01", "purposes", "review_on", False),
        ("budgets.yaml", "resident: 12.0", "resident: 13.0", "budgets", "cap", True),
        ("budgets.yaml", "zju: 3", "zju: {epsilon: 3, per: quarter}", "budgets", "per", True),
        ("budgets.yaml", "delta: 1e-6", "delta: 1e-6\nthreshold_delta: 1e-9", "budgets", "delta", True),
        ("budgets.yaml", "persons:", f"{STUDY}persons:", "budgets", "cap", False),
        (CASES, "status: active", "status: draft", "contracts", "status", False),
    ],
)
def test_other_parts_are_told_with_their_direction(
    snapshot: PolicySnapshot, changed: Changed, file: str, old: str, new: str, group: str, part: str, wider: bool
) -> None:
    found = diff(snapshot, changed(replace={file: [(old, new)]}))
    shifts = getattr(found, group)
    assert part in {one.part for one in shifts}
    assert found.wider is wider


def test_what_changes_in_a_project_is_told_with_its_direction(changed: Changed) -> None:
    def shifts(*edits: tuple[str, str]) -> set[tuple[str, str, Telling]]:
        study = STUDY
        for old, new in edits:
            assert old in study
            study = study.replace(old, new)
        before, after = (
            changed(replace={"budgets.yaml": [("persons:", f"{each}persons:")]}) for each in (STUDY, study)
        )
        return {(one.subject, one.part, one.telling) for one in diff(before, after).budgets}

    name = "projects/study"
    assert shifts(("pool: 5.0", "pool: 6.0")) == {(name, "cap", Telling.MORE)}
    assert shifts(("zju: 2.0", "zju: 1.0")) == {(f"{name}/zju", "cap", Telling.LESS)}
    assert shifts(("12-31", "11-30")) == {(name, "closes_on", Telling.LESS)}
    assert shifts(("pool", "opens_on: 2026-01-01, pool")) == {(name, "opens_on", Telling.LESS)}
    assert shifts(("open-data", "data-contest")) == {(name, "work", Telling.OTHER)}
    assert shifts((STUDY, "")) == {(name, "cap", Telling.MORE)}
    table = "contest: {organiser: zju, dataset: subsidies, disclosure: by-tier, group_by: [tier], statistic: count, "
    table += "epsilon: 0.5, score_step: 1.0, entries_per_day: 5}"
    assert shifts(("12-31", f"12-31, {table}")) == {(name, "contest", Telling.OTHER)}


def test_another_name_is_no_other_rule(snapshot: PolicySnapshot, changed: Changed) -> None:
    found = diff(snapshot, changed(replace={"grants.csv": [("p, g-zju,", "p, g-university,")]}))
    assert (found.entitlements, found.renamed, found.wider) == ((), 1, False)


LOOSER = [
    ("", "until=2027-01-01"), ("until=2028-01-01", "until=2027-01-01"), ("from=2026-01-01", "from=2027-01-01"),
    ("", "case=A9"), ("", "consent=x"), ("quota=9/day", "quota=3/day"), ("", "bulk=forbidden"), ("", "break_glass=4h"),
    ("max_keys=9", "max_keys=3"), ("", "rate=9/hour"), ("", "case_register=x"), ("", "subjects=9/day"),
    ("", "max_rows=9"), ("", "hours=08:00-18:00"), ("hours=08:00-18:00", "hours=09:00-17:00"),
]  # fmt: skip


@pytest.mark.parametrize(("loose", "tight"), LOOSER, ids=[f"{one[0]} over {one[1]}" for one in LOOSER])
def test_terms_are_ordered(loose: str, tight: str) -> None:
    assert as_loose(parse_terms(loose), parse_terms(tight))
    assert not as_loose(parse_terms(tight), parse_terms(loose))
