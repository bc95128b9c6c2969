"""Decision tables: what they can say is compared, and a broken one is refused with its line."""

from __future__ import annotations

import pytest

from gateway.decision.officer.tables import CaseResult, run_tables
from gateway.policy.problems import InvalidPolicy
from tests.unit.decision.officer.conftest import Changed

HEAD = """title: {en: Audit, zh: 审计}
about: What auditors get.
today: 2027-01-15
cases:
"""
ROWS = """  - case: Auditors with a number
    who: audit-office
    why: subsidy-audit
    asks: extract subsidies/audit-rows
    case_number: SJ-2027-A
    gets:
      grant: g-audit
      fields: {FIELDS}
      consent: consented
      terms: [max_rows=500, case = SJ-9999-A]
"""
STRANGER = """  - case: Nobody else
    who: zju
    why: subsidy-audit
    asks: extract subsidies/audit-rows
    refused: PURPOSE_NOT_GRANTED
"""


def fields(changed: Changed) -> str:
    given = changed().contracts["subsidies"].disclosures["audit-rows"].fields
    return ", ".join(f"{name}: '{how}'" for name, how in given.items())


def run(changed: Changed, cases: str, *lines: str) -> tuple[CaseResult, ...]:
    text = HEAD + cases.replace("FIELDS", fields(changed))
    return run_tables(changed(*lines, files={"tests/audit.yaml": text}))


def test_what_is_written_as_it_is_holds(changed: Changed) -> None:
    results = run(changed, ROWS + STRANGER)
    assert [(result.case, result.differences) for result in results] == [
        ("Auditors with a number", ()),
        ("Nobody else", ()),
    ]
    assert [result.line for result in results] == [5, 15]
    assert {result.file for result in results} == {"tests/audit.yaml"}


@pytest.mark.parametrize(
    ("old", "new", "part", "expected", "got"),
    [
        ("grant: g-audit", "grant: g-other", "gets.grant", "g-other", "g-audit"),
        ("fields: {", "fields: {sector: keep, ", "gets.fields.sector", "keep", ""),
        ("max_rows=500, ", "", "gets.terms", "case=SJ-9999-A", "case=SJ-9999-A, max_rows=500"),
        ("SJ-2027-A", "none", "outcome", "allowed by g-audit", "refused: CASE_NUMBER_REQUIRED"),
        ("      grant", "      withheld: [sector]\n      grant", "gets.withheld", "sector", ""),
        ("consent: consented", "consent: agreed", "gets.consent", "agreed", "consented"),
        ("      grant", "      rows: tier is A\n      grant", "gets.rows", "tier is A", ""),
        ("PURPOSE_NOT_GRANTED", "PURPOSE_EXPIRED", "refused", "PURPOSE_EXPIRED", "PURPOSE_NOT_GRANTED"),
        ("refused: PURPOSE", "denied: true\n    refused: PURPOSE", "denied", "yes", "no"),
        ("refused: PURPOSE", "withheld: [tier]\n    refused: PURPOSE", "withheld", "tier", ""),
        ("refused: P", "nearest: {region: hangzhou/xihu}\n    refused: P", "nearest.region", "hangzhou/xihu", ""),
    ],
)  # fmt: skip
def test_what_differs_is_told(changed: Changed, old: str, new: str, part: str, expected: str, got: str) -> None:
    cases = ROWS + STRANGER
    assert old in cases
    differences = [one for result in run(changed, cases.replace(old, new)) for one in result.differences]
    assert [(one.part, one.expected, one.got) for one in differences if one.part != "nearest.steward"] == [
        (part, expected, got)
    ]


def test_a_refusal_that_passes_is_told(changed: Changed) -> None:
    allow = "p, g-zju-audit, zju, subsidies/audit-rows, extract, hangzhou, subsidy-audit, , allow"
    (result,) = run(changed, STRANGER, allow)
    assert result.differences[0].got == "allowed by g-zju-audit"


def test_a_statistic_says_what_one_person_changes(changed: Changed) -> None:
    case = """  - case: A count
    who: zju
    why: open-data
    asks: release subsidies/by-tier
    statistics: [count]
    epsilon: 0.5
    gets: {grant: g-zju, protects: {count: 99}}
"""
    (result,) = run(changed, case)
    (one,) = result.differences
    assert one.part == "gets.protects.count"
    assert one.expected == "99"
    assert int(one.got) < 99


def test_an_emergency_needs_its_reason(changed: Changed) -> None:
    case = """  - case: In an emergency
    who: zju
    why: subsidy-audit
    asks: extract subsidies/audit-rows
    break_glass_reason: a reason
    gets: {grant: g-glass, fields: {FIELDS}, consent: consented, terms: [break_glass=4h]}
  - case: Without a reason
    who: zju
    why: subsidy-audit
    asks: extract subsidies/audit-rows
    refused: BREAK_GLASS_REQUIRED
"""
    glass = "p, g-glass, zju, subsidies/audit-rows, extract, hangzhou, subsidy-audit, break_glass=4h, allow"
    assert [result.differences for result in run(changed, case, glass)] == [(), ()]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("why: subsidy-audit", "whi: subsidy-audit", 7, "unknown key 'whi'"),
        ("asks: extract", "asks: fetch", 8, "'fetch subsidies/audit-rows' is not well-formed"),
        ("max_rows=500", "max_row=500", 14, "'max_row' is not a term"),
        ("refused: PURPOSE_NOT_GRANTED", "refused: NO", 19, "'NO' is not a value of 'refused'"),
        ("    refused: PURPOSE_NOT_GRANTED\n", "", 15, "a case is either allowed or refused"),
        ("today: 2027-01-15", "today: soon", 3, "'today'"),
    ],
)
def test_a_broken_table_is_no_policy(changed: Changed, old: str, new: str, line: int, message: str) -> None:
    text = (HEAD + ROWS + STRANGER).replace("FIELDS", "")
    assert old in text
    with pytest.raises(InvalidPolicy) as caught:
        changed(files={"tests/audit.yaml": text.replace(old, new, 1)})
    problems = caught.value.problems
    assert {(one.file, one.line) for one in problems if message in one.message} == {("tests/audit.yaml", line)}, (
        problems
    )
