"""Each finding, planted; and none that matters in the policy that the product comes with."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from gateway.decision.lint.findings import Severity
from gateway.decision.lint.look import at_least, lint
from gateway.decision.lint.usage import usage_from
from gateway.model.contract import DisclosureKind
from gateway.model.record import AuditRecord, Outcome
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.decision.officer.conftest import Changed
from tests.unit.decision.officer.recorded import record

DAY = date(2027, 1, 15)
ROOT = Path(__file__).resolve().parents[4]
HERE = 12
"""The first line that is added to the grants."""

Replace = dict[str, list[tuple[str, str]]]
BUDGETS = "budgets.yaml"
JUST = '"The officer holds it already."'
CASES, SUBSIDIES = "contracts/health_cases.yaml", "contracts/subsidies.yaml"


def perturbed(epsilon: str, amount: str = "") -> tuple[str, str]:
    """The plant that randomises the tiers for auditors, and the amounts where an epsilon is given for them too."""
    more = f", amount_yuan: {{perturb: {{epsilon: {amount}}}}}" if amount else ""
    alone = "alone.\n          fields: "
    return f"{alone}{{tier: keep}}", f"{alone}{{tier: {{perturb: {{epsilon: {epsilon}}}}}{more}}}"


TIERS = "p, x, zju, subsidies/audit-tiers, extract, hangzhou, subsidy-audit, until=2036-03-31, allow"

PLANTED: list[tuple[str, str, list[str], Replace, str, int]] = [
    ("every-dataset", "serious", ["p, x, zju, *, extract, hangzhou, open-data, , allow"], {}, "grants.csv", HERE),
    ("every-disclosure", "warning", ["p, x, zju, subsidies/*, extract, hangzhou, open-data, , allow"], {},
     "grants.csv", HERE),
    ("every-kind", "warning", ["p, x, zju, subsidies/audit-rows, *, hangzhou, data-contest, , allow"], {},
     "grants.csv", HERE),
    ("purpose-at-the-top", "warning", ["p, x, zju, subsidies/by-tier, release, hangzhou/xihu, open-data, , allow"], {},
     "grants.csv", HERE),
    ("emergency-without-end", "warning", [], {"grants.csv": [("until=2027-06-30", "")]}, "grants.csv", 2),
    ("break-glass-without-end", "warning",
     ["p, x, zju, subsidies/audit-rows, extract, hangzhou/xihu, subsidy-audit, break_glass=4h, allow"], {},
     "grants.csv", HERE),
    ("identifiers-city-wide", "serious",
     ["p, x, zju, health_cases/one-case, lookup, hangzhou, contact-tracing, max_keys=9, allow"], {},
     "grants.csv", HERE),
    ("city-for-a-district", "warning",
     ["p, x, office, subsidies/audit-rows, extract, hangzhou/xihu, subsidy-audit, , allow",
      "p, y, office, subsidies/audit-tiers, extract, hangzhou, subsidy-audit, , allow"], {}, "grants.csv", HERE + 1),
    ("grant-over", "note",
     ["p, x, zju, subsidies/by-tier, release, hangzhou, data-contest, until=2027-01-14, allow"], {},
     "grants.csv", HERE),
    ("purpose-over", "note", [], {"purposes.yaml": [("expires_on: 2027-06-30", "expires_on: 2026-12-31")]},
     "grants.csv", 2),
    ("contract-not-active", "warning", [], {CASES: [("status: active", "status: draft")]}, "grants.csv", 2),
    ("never-lawful", "warning", ["p, x, zju, health_cases/tracing, extract, hangzhou, open-data, , allow"], {},
     "grants.csv", HERE),
    ("partly-unlawful", "note", [], {SUBSIDIES: [("collected_for: [subsidy-audit, open-data]",
                                                  "collected_for: [subsidy-audit, data-contest]")]}, "grants.csv", 6),
    ("denied-anyway", "warning", ["p, x, zju, subsidies/by-tier, release, hangzhou, social-scoring, , allow"], {},
     "grants.csv", HERE),
    ("written-twice", "warning", ["p, x, zju, subsidies/by-tier, release, hangzhou, open-data, from=2026-01-01, allow"],
     {}, "grants.csv", HERE),
    ("covered", "note", ["p, x, zju, subsidies/by-tier, release, hangzhou/xihu, data-contest, from=2026-06-01, allow"],
     {}, "grants.csv", HERE),
    ("deny-covered", "note", ["p, x, zju, *, *, hangzhou/xihu, social-scoring, , deny"], {}, "grants.csv", HERE),
    ("deny-meets-nothing", "note", ["p, x, zju, health_cases/*, *, *, subsidy-audit, , deny"], {}, "grants.csv", HERE),
    ("review-overdue", "warning", [], {"purposes.yaml": [("review_on: 2028-01-01", "review_on: 2027-01-14")]},
     "purposes.yaml", 17),
    ("membership-lapsed", "warning", ["g, zju, police, until=2027-01-14"], {}, "grants.csv", HERE),
    ("trial-over", "warning", ["p, x, zju, *, *, *, subsidy-audit, trial=2027-01-14, deny"], {}, "grants.csv", HERE),
    ("consent-not-asked", "serious", [], {"purposes.yaml": [
        ("dpv: dpv:PublicInterest, citation: \"PIPL art. 13(1)(4)\"", "dpv: dpv:Consent, citation: x")]},
     "grants.csv", 2),
    ("rests-on-consent", "note", [], {"purposes.yaml": [
        ("dpv: dpv:PublicInterest, citation: \"PIPL art. 13(1)(4)\"", "dpv: dpv:Consent, citation: x")]},
     "purposes.yaml", 2),
    ("identifier-without-reason", "serious", [], {CASES: [(JUST, "Needed for the business purpose.")]}, CASES, 44),
    ("identifier-without-reason", "serious", [], {CASES: [(JUST, "工作需要")]}, CASES, 44),
    ("exact-without-reason", "serious", [], {SUBSIDIES: [('"Districts plan their payments by these sums."',
                                                        '"Needed for the business purpose."')]}, SUBSIDIES, 84),
    ("leaves-as-null", "note", [], {SUBSIDIES: [("community: {generalize: district}",
                                                 "community: {generalize: {address: district}}")]}, SUBSIDIES, 56),
    ("leaves-as-null", "note", [], {SUBSIDIES: [("phone: {mask: {first: 3, last: 2}}",
                                                 "phone: {generalize: district}")]}, SUBSIDIES, 53),
    ("loss-over-cap", "warning", [TIERS], {SUBSIDIES: [perturbed("0.3")]}, "grants.csv", HERE),
    ("loss-over-cap", "warning", [], {SUBSIDIES: [perturbed("1.2")]}, SUBSIDIES, 62),
    ("loss-without-cap", "warning", [], {"contracts/firms.yaml": [
        ("status: draft", "status: active"),
        ("field: code}\n", "field: code}\n      fields: {sector: {keys: [tea, silk]}}\n"),
        ("sector: keep", "sector: {perturb: {epsilon: 0.001}}")]}, "contracts/firms.yaml", 27),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "lines", "replace", "file", "line"),
    PLANTED,
    ids=[f"{number}-{one[0]}" for number, one in enumerate(PLANTED)],
)
def test_what_is_planted_is_found(
    changed: Changed, code: str, severity: str, lines: list[str], replace: Replace, file: str, line: int
) -> None:
    clean = {(one.code, one.file, one.line) for one in lint(changed(), DAY)}
    found = [one for one in lint(changed(*lines, replace=replace), DAY) if one.code == code]
    assert (file, line) in {(one.file, one.line) for one in found}
    assert {one.severity for one in found} == {Severity(severity)}
    assert all(one.message and one.remedy for one in found)
    # it is the plant that is found
    assert (code, file, line) not in clean


def test_what_a_register_or_a_case_binds_is_not_too_broad(changed: Changed) -> None:
    for term in ("until=2027-06-30", "case=A9", "break_glass=4h"):
        line = f"p, x, zju, health_cases/one-case, lookup, hangzhou, contact-tracing, {term}, allow"
        assert "identifiers-city-wide" not in {one.code for one in lint(changed(line), DAY)}
    alone = "p, x, zju, health_cases/one-case, lookup, hangzhou, contact-tracing, bulk=forbidden, allow"
    (found,) = [one for one in lint(changed(alone), DAY) if one.code == "identifiers-city-wide"]
    assert found.severity is Severity.WARNING


def test_recipients_without_a_certificate_are_named_where_it_is_known(snapshot: PolicySnapshot) -> None:
    def unknown(known: set[str] | None) -> set[str]:
        found = lint(snapshot, DAY, institutions=known)
        return {one.message.partition("'")[2].partition("'")[0] for one in found if one.code == "recipient-unknown"}

    assert unknown(None) == set()
    assert unknown({"police-xihu", "audit-office"}) == {"g-zju"}


def told_of_loss(policy: PolicySnapshot) -> dict[str, tuple[str, str]]:
    return {one.file: (one.message, one.remedy) for one in lint(policy, DAY) if one.code == "loss-over-cap"}


def test_the_largest_epsilon_that_fits_is_named_and_fits(changed: Changed) -> None:
    def told(epsilon: str, amount: str = "", **caps: str) -> dict[str, tuple[str, str]]:
        replace = {SUBSIDIES: [perturbed(epsilon, amount)], BUDGETS: [("zju: 3", caps.get("zju", "zju: 3"))]}
        replace[BUDGETS].append(("zju/li.wei: 0.5", caps.get("person", "zju/li.wei: 0.5")))
        return told_of_loss(changed(TIERS, replace=replace))

    message, remedy = told("0.5")["grants.csv"]
    assert "rho 0.125, and 'persons: default' is 0.0175" in message
    assert remedy == "Write epsilon 0.186 at most, or 'default: 2.8' under 'persons' of budgets.yaml."
    assert told("0.186") == {}
    assert "grants.csv" in told("0.187")
    # the widest of its people is enough, and then its own cap is the lowest
    message, remedy = told("0.6", person="zju/li.wei: 6")["grants.csv"]
    assert "'recipients: zju' is" in message
    # what several fields lose adds up
    assert told("0.132", "0.132") == {}
    message, remedy = told("0.133", "0.133")["grants.csv"]
    assert "2 randomised fields cost together" in message and "an epsilon for each of them of 0.132" in remedy


def test_a_project_s_caps_are_looked_at_with_the_others(changed: Changed) -> None:
    def told(pool: str, member: str, *, purpose: str = "subsidy-audit") -> dict[str, tuple[str, str]]:
        study = f"study: {{purpose: {purpose}, pool: {pool}, members: {{zju: {member}}}, closes_on: 2036-12-31}}"
        wide = [("zju: 3", "zju: 9"), ("zju/li.wei: 0.5", "zju/li.wei: 9")]
        more = [("persons:", f"projects: {{{study}}}\npersons:")]
        return told_of_loss(changed(TIERS, replace={SUBSIDIES: [perturbed("0.5")], BUDGETS: [*wide, *more]}))

    assert told("9.0", "9.0") == told("1.0", "1.0", purpose="open-data") == {}
    message, remedy = told("9.0", "{epsilon: 1.0, per: month}")["grants.csv"]
    assert "'projects: study: members: zju' is 0.0175" in message
    assert "'zju: {epsilon: 2.8, per: month}' under 'projects: study: members' of budgets.yaml." in remedy
    message, remedy = told("1.0", "9.0")["grants.csv"]
    assert "'pool: 2.8' under 'projects: study' of budgets.yaml." in remedy


def test_the_caps_that_all_share_are_told_of_the_contract(changed: Changed) -> None:
    (told,) = told_of_loss(changed(replace={SUBSIDIES: [perturbed("1.2")]})).items()
    assert told[0] == SUBSIDIES and "'datasets: subsidies' is 0.5" in told[1][0]
    # rho 0.72 needs 7.03, told in tenths rounded up, so that what is told is enough
    assert told[1][1].endswith("or 'subsidies: 7.1' under 'datasets' of budgets.yaml.")
    raised = {SUBSIDIES: [perturbed("1.2")], BUDGETS: [("subsidies: 6.0", "subsidies: 7.1")]}
    assert told_of_loss(changed(replace=raised)) == {}
    # who has the default is given a cap of its own
    line = TIERS.replace("zju", "office")
    raised = {SUBSIDIES: [perturbed("0.5")], BUDGETS: [("persons: {default: 1.0", "persons: {default: 9.0")]}
    assert "'office: 2.8' under 'recipients'" in told_of_loss(changed(line, replace=raised))["grants.csv"][1]
    (told,) = told_of_loss(
        changed(replace={SUBSIDIES: [perturbed("3")], BUDGETS: [("datasets: {subsidies: 6.0}", "datasets: {}")]})
    ).items()
    assert "'lifetime: resident' is 1.86" in told[1][0]


def test_a_field_whose_keys_are_regions_holds_region_paths(changed: Changed) -> None:
    def found(key: str, coarse: str) -> list[str]:
        keys = ("tier: {keys: [A, B, C, none]}", f"tier: {{keys: [{key}, none]}}")
        policy = changed(
            replace={
                SUBSIDIES: [
                    keys,
                    (
                        "alone.\n          fields: {tier: keep}",
                        f"alone.\n          fields: {{tier: {{generalize: {coarse}}}}}",
                    ),
                ]
            }
        )
        return [one.remedy for one in lint(policy, DAY) if one.code == "leaves-as-null"]  # fmt: skip

    assert found("hangzhou/xihu", "district") == []
    assert found("hangzhou/xihu", "{address: district}") == ["Write {generalize: district}."]
    assert found("A", "{address: district}") == []
    (remedy,) = found("A", "district")
    assert remedy.startswith("Of postal addresses write {generalize: {address: district}}.")


def test_a_purposes_cap_counts_for_all_beneath_it_and_grants_that_are_over_for_nothing(changed: Changed) -> None:
    line = TIERS.replace("subsidy-audit,", "data-contest,")
    replace = {SUBSIDIES: [perturbed("0.1")], BUDGETS: [("open-data: 8.0", "open-data: 0.1")]}
    assert "'purposes: open-data'" in told_of_loss(changed(line, replace=replace))["grants.csv"][0]
    assert told_of_loss(changed(line.replace("2036-03-31", "2027-01-14"), replace=replace)) == {}


def test_the_order_is_that_of_the_files(snapshot: PolicySnapshot) -> None:
    found = lint(snapshot, DAY)
    assert list(found) == sorted(found, key=lambda one: (one.file, one.line, one.code))
    assert set(at_least(found, Severity.NOTE)) == set(found)
    assert {one.severity for one in at_least(found, Severity.WARNING)} <= {Severity.WARNING, Severity.SERIOUS}


@pytest.mark.parametrize("today", [date(2026, 11, 22), date(2035, 6, 1)], ids=str)
def test_the_policy_of_the_product_has_nothing_serious(today: date) -> None:
    assert at_least(lint(load(ROOT / "policies"), today), Severity.SERIOUS) == ()


# --- what is really used ----------------------------------------------------------------------------------------------


def used(obj: str, grant: str, day: int = 10, **other: object) -> AuditRecord:
    purpose = {"health": "contact-tracing", "subsid": "subsidy-audit"}[obj[:6]]
    return record("police-xihu", obj, purpose, grant=grant, at=datetime(2027, 1, day), **other)


TRACING = used("health_cases/tracing", "g-trace", region="hangzhou/xihu", fields=("community",))


def findings(policy: PolicySnapshot, code: str, *records: AuditRecord) -> dict[str, tuple[str, ...]]:
    found = lint(policy, DAY, usage=usage_from(records))
    return {one.message.partition("'")[2].partition("'")[0]: one.replacement for one in found if one.code == code}


def test_grants_that_nobody_used_for_ninety_days_are_named(snapshot: PolicySnapshot) -> None:
    names = {"g-trace-one", "g-audit", "g-audit-check", "g-zju", "g-firms"}
    assert set(findings(snapshot, "unused", TRACING)) == names
    long_ago = record(
        "police-xihu", "health_cases/tracing", "contact-tracing", grant="g-trace", at=datetime(2026, 10, 1)
    )
    lapsing = findings(snapshot, "unused", long_ago)
    assert lapsing["g-trace"] == (
        "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-02-14, allow",
    )
    assert "unused" not in {one.code for one in lint(snapshot, DAY)}


def test_refusals_use_nothing(snapshot: PolicySnapshot) -> None:
    refusal = used("health_cases/tracing", "g-trace", outcome=Outcome.REFUSED)
    assert "g-trace" in findings(snapshot, "unused", refusal)


def test_a_narrower_line_is_ready_and_covers_what_was_used(snapshot: PolicySnapshot, changed: Changed) -> None:
    lines = findings(snapshot, "wider-than-used", TRACING)["g-trace"]
    assert lines == (
        "p, g-trace-2, police-xihu, health_cases/tracing, extract, hangzhou/xihu, contact-tracing, until=2027-06-30, "
        "allow",
    )
    old = "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-06-30, allow"
    narrowed = changed(replace={"grants.csv": [(old, lines[0])]})
    ruling = narrowed.ruling("police-xihu", "health_cases/tracing", DisclosureKind.EXTRACT, "hangzhou/xihu",
                             "contact-tracing")  # fmt: skip
    assert [grant.id for grant in ruling.grants] == ["g-trace-2"]


def test_fields_that_were_never_asked_for_are_named(snapshot: PolicySnapshot) -> None:
    found = lint(snapshot, DAY, usage=usage_from([TRACING]))
    (one,) = [finding for finding in found if finding.code == "wider-than-used"]
    assert "was never asked for resident_id, onset" in one.message


def test_usage_counts_streams_once_and_takes_all_that_was_given() -> None:
    end = used("health_cases/tracing", "g-trace", day=11, completes=1, rows=7, outcome=Outcome.COMPLETED)
    usage = usage_from([TRACING, end])["g-trace"]
    assert (usage.uses, usage.most_rows, usage.last_used) == (1, 7, date(2027, 1, 11))
    assert usage.fields == {"community"}
    assert usage.institutions == {"police-xihu"}


def test_a_join_uses_both_grants_and_one_that_opens_both_once() -> None:
    one = replace(TRACING, joined="residents/population-table", joined_grant="g-population")
    usage = usage_from([one])
    assert usage["g-population"].objects == {"residents/population-table"}
    assert (usage["g-trace"].uses, usage["g-population"].uses) == (1, 1)
    both = usage_from([replace(one, joined_grant="g-trace")])["g-trace"]
    assert both.uses == 1 and "residents/population-table" in both.objects and len(both.objects) == 2
