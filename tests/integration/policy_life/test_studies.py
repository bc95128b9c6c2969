"""Looking before leaping, before a real gateway: tests, findings, differences, impact and explanations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gateway.client as gw
from gateway.api.v1 import policy_service_pb2 as pb
from gateway.api.v1 import policy_study_pb2
from tests.integration.policy_life.town_hall import (
    AUTHOR,
    COLOUR,
    DISTRICT,
    TownHall,
    a_resident,
    changed,
)

GRANTS = "grants.csv"
METRO = ("verifier-metro", "li.wei")


@pytest.fixture
def author(hall: TownHall) -> Iterator[gw.Officer]:
    with hall.officer(AUTHOR) as author:
        yield author


def colour(institution: str = "") -> pb.ExplainRequest:
    return pb.ExplainRequest(
        institution=institution,
        purpose="health-code-check",
        dataset="health_codes",
        disclosure="colour-check",
        kind="lookup",
        key="resident_id",
        subjects=1,
    )


def test_the_decision_tables_run_where_the_policy_is(author: gw.Officer) -> None:
    files = author.snapshot().files
    whole = author.test()
    assert whole.cases > 20 and not whole.failed
    narrower = changed(files, GRANTS, COLOUR, COLOUR.replace("hangzhou,", "hangzhou/xiacheng,"))
    failed = author.test(narrower).failed
    assert failed and all(one.file.startswith("tests/") and one.line for one in failed)
    assert any(part.got for one in failed for part in one.differences)


def test_lint_finds_what_is_valid_and_unwise(author: gw.Officer) -> None:
    again = COLOUR.replace("g-colour-check", "g-colour-again")
    findings = author.lint(changed(author.snapshot().files, GRANTS, COLOUR, f"{COLOUR}\n{again}"))
    assert any("g-colour-again" in one.message for one in findings)
    assert {one.severity for one in findings} <= set(policy_study_pb2.Severity.values()) - {0}


def test_a_diff_says_who_gets_more(author: gw.Officer) -> None:
    files = author.snapshot().files
    assert not author.diff().wider and not author.diff().entitlements
    narrower = changed(files, GRANTS, COLOUR, COLOUR.replace("hangzhou,", "hangzhou/xiacheng,"))
    diff = author.diff(narrower)
    (shift,) = [one for one in diff.entitlements if one.institution == "verifier-metro"]
    assert (shift.turn, shift.wider, diff.wider, list(shift.regions_lost)) == ("changes", False, False, ["hangzhou"])


def test_impact_replays_what_was_decided(hall: TownHall, author: gw.Officer) -> None:
    with hall.site.connect("verifier-metro") as gateway:
        for _ in range(3):
            gateway.lookup(
                "health_codes",
                "colour-check",
                purpose="health-code-check",
                by="resident_id",
                values=[a_resident(hall.site.data)],
            )
    narrower = changed(author.snapshot().files, GRANTS, COLOUR, COLOUR.replace("hangzhou,", "hangzhou/xiacheng,"))
    (metro,) = [one for one in author.impact(narrower).institutions if one.institution == "verifier-metro"]
    (flip,) = metro.now_refused
    assert (flip.count, flip.after, flip.asked.disclosure) == (3, "REGION_NOT_GRANTED", "health_codes/colour-check")
    assert author.impact(decisions=1).records == 1
    with pytest.raises(gw.InvalidRequest):
        author.impact(decisions=100_001)
    (hall.site.policies / GRANTS).write_bytes(narrower[GRANTS])
    done = hall.command(AUTHOR, "policy", "impact", str(hall.site.policies), "--decisions", "10")
    assert done.returncode == 1
    assert "3  now refused lookup health_codes/colour-check for health-code-check" in done.stdout


def test_an_officer_watches_what_the_own_authority_covers_and_nothing_else(hall: TownHall) -> None:
    with hall.site.connect("verifier-metro") as gateway, hall.officer(DISTRICT) as district:
        gateway.lookup(
            "health_codes",
            "colour-check",
            purpose="health-code-check",
            by="resident_id",
            values=[a_resident(hall.site.data)],
        )
        impact = district.impact()
    assert (impact.records, list(impact.institutions)) == (0, [])


def test_an_invalid_policy_has_no_impact(author: gw.Officer) -> None:
    broken = changed(author.snapshot().files, GRANTS, COLOUR, COLOUR.replace(", allow", ", alow"))
    for look in (author.test, author.lint, author.diff, author.impact):
        with pytest.raises(gw.PolicyInvalid):
            look(broken)


def test_a_caller_is_told_what_it_may_know_and_an_officer_more(hall: TownHall, author: gw.Officer) -> None:
    with hall.officer(METRO) as metro:
        view = metro.explain(colour()).caller
        assert view.allowed and {one.field for one in view.fields}
        absent, denied = (
            pb.ExplainRequest(purpose="health-code-check", dataset=dataset, disclosure=disclosure, kind="extract")
            for dataset, disclosure in (("no_such_dataset", "nothing"), ("health_cases", "police-tracing"))
        )
        assert metro.explain(absent) == metro.explain(denied)
        with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
            metro.explain(colour("police"))
        for look in (metro.test, metro.lint, metro.diff, metro.impact):
            with pytest.raises(gw.Refused, match="AUTHORITY_EXCEEDED"):
                look()
        with pytest.raises(gw.InvalidRequest):
            metro.explain(pb.ExplainRequest(dataset="d", disclosure="e", kind="release"))
    counted = pb.ExplainRequest(
        institution="zju-research", purpose="academic-research", dataset="subsidies", disclosure="by-sector",
        kind="release", statistics=["count"], rho=0.1,
    )  # fmt: skip
    assert author.explain(counted).officer.allowed
    counted.rho = 60.0
    assert any("rho: must lie" in one for one in author.explain(counted).officer.request_changes)
    officer = author.explain(colour("verifier-metro")).officer
    assert (officer.allowed, officer.grant) == (True, "g-colour-check")
    refused = author.explain(colour("hotel-lakeside")).officer
    assert not refused.allowed and refused.policy_changes
    with hall.officer(DISTRICT) as district:
        limited = district.explain(colour("verifier-metro")).officer
    assert officer.grants and officer.fields
    assert not limited.grants and not limited.fields  # of what lies beyond the district
