"""Every mistake is told with its file, its line, and what to do; none is ever without effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load
from tests.unit.policy.broken import Broken, expect

G, P, R, B = "grants.csv", "purposes.yaml", "regions.yaml", "budgets.yaml"
S = "contracts/subsidies.yaml"
TRACE = "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-06-30, allow"


def grant(name: str, new: str, message: str, remedy: str = "") -> Broken:
    return Broken(name, G, TRACE, new, new, message, remedy)


CASES = [
    # grants.csv
    grant("effect-capital", TRACE.replace("allow", "Deny"), "'Deny' is not a known effect", "Did you mean 'deny'?"),
    grant("effect-typo", TRACE.replace("allow", "alow"), "'alow' is not a known effect", "Did you mean 'allow'?"),
    grant("effect-empty", TRACE.replace("allow", ""), "'' is not a known effect"),
    grant("purpose-typo", TRACE.replace("epidemic-", "epidemik-"), "not a known purpose", "'epidemic-control'?"),
    grant("dataset-typo", TRACE.replace("health_cases", "health_case"), "there is no dataset", "'health_cases'?"),
    grant("disclosure-typo", TRACE.replace("/tracing", "/tracking"), "has no disclosure 'tracking'", "'tracing'?"),
    grant("object-without-disclosure", TRACE.replace("health_cases/tracing", "health_cases"), "is not dataset/dis"),
    grant("kind-typo", TRACE.replace("extract", "extrakt"), "not a known kind", "Did you mean 'extract'?"),
    grant("kind-of-another", TRACE.replace("extract", "lookup"), "no disclosure of kind 'lookup'", "Write extract."),
    grant("region-unknown", TRACE.replace(" hangzhou", " hangzhou/xiachen"), "not a known region", "hangzhou/xiacheng"),
    grant("region-dots", TRACE.replace(" hangzhou", " hangzhou/../hangzhou"), "not a known region"),
    grant("anyone", TRACE.replace(" police", " *"), "an allow for every recipient is too broad"),
    grant("any-purpose", TRACE.replace("epidemic-control", "*"), "an allow for every purpose is too broad"),
    grant("recipient-malformed", TRACE.replace(" police", " Police Dept"), "not a well-formed recipient"),
    grant("too-few-columns", TRACE.replace(", until=2027-06-30", ""), "a grant has 9 columns, this line 8"),
    grant("too-many-columns", TRACE + ", extra", "a grant has 9 columns, this line 10"),
    grant("line-type", "q" + TRACE[1:], "a line cannot begin with 'q'"),
    grant("quote", TRACE.replace("police,", 'po"lice"",'), "not a well-formed recipient"),
    grant("open-quote", TRACE.replace(" police,", ' "police,'), "not a line of comma-separated values"),
    grant("term-unknown", TRACE.replace("until", "untill"), "'untill' is not a term", "Did you mean 'until'?"),
    grant("term-date", TRACE.replace("06-30", "06-31"), "not a date of 'until'", "YYYY-MM-DD"),
    grant("term-twice", TRACE.replace("until", "until=2027-01-01;until"), "'until' is given twice"),
    grant("term-zero", TRACE.replace("until=2027-06-30", "max_rows=0"), "not a count for 'max_rows'"),
    grant("term-inert", TRACE.replace("until=2027-06-30", "max_keys=5"), "'max_keys' means nothing for the kind"),
    grant("term-reversed", TRACE.replace("until", "from=2027-07-01;until"), "ends before it begins"),
    grant("duplicate-id", TRACE.replace("g-trace", "g-zju"), "is there twice", ""),
    Broken("deny-terms", G, "social-scoring, ,", "social-scoring, until=2027-01-01,", "d-scoring", "no terms"),
    Broken("role-typo", G, "g, police-xihu, police", "g, police-xihu, polize", "polize", "is granted nothing",
           "'police'?"),
    Broken("role-cycle", G, "g, police-xihu, police", "g, police, police-xihu\ng, police-xihu, police",
           "g, police, police-xihu", "contains itself"),
    Broken("role-columns", G, "g, police-xihu, police", "g, police-xihu, police, , x", "police, , x", "has 3 columns"),
    Broken("no-region-field", G, "firms/*, extract, hangzhou,", "firms/*, extract, hangzhou/xihu,", "g-firms",
           "has no region_field"),
    # purposes.yaml
    Broken("purpose-key", P, "    emergency: true", "    emergancy: true", "emergancy", "unknown key 'emergancy'",
           "Did you mean 'emergency'?"),
    Broken("emergency-without-end", P, "    expires_on: 2027-06-30\n", "", "emergency: true", "has no end"),
    Broken("purpose-twice", P, "- id: contact-tracing", "- id: subsidy-audit",
           "- id: subsidy-audit\n    name: {en: Audit",
           "'subsidy-audit' is there twice"),
    Broken("outlives-parent", P, "      - id: contact-tracing",
           "      - expires_on: 2029-01-01\n        id: contact-tracing",
           "expires_on: 2029", "outlives the purpose"),
    Broken("dpv-unknown", P, "dpv: dpv:FraudPreventionAndDetection", "dpv: dpv:FraudPrevention",
           "dpv:FraudPrevention\n",
           "not known to the Data Privacy Vocabulary", "FraudPreventionAndDetection"),
    Broken("basis-unknown", P, "{dpv: dpv:Consent, ", "{dpv: dpv:Konsent, ", "Konsent", "'dpv:Konsent'", "dpv:Consent"),
    Broken("date-impossible", P, "review_on: 2027-03-01\n    emergency", "review_on: 2027-02-30\n    emergency",
           "2027-02-30", "there is no date '2027-02-30'"),
    Broken("duplicate-key", P, "    emergency: true", "    owner: nobody\n    emergency: true", "owner: nobody",
           "the key 'owner' is given twice"),
    Broken("purpose-missing-key", P, "    owner: audit-office\n", "", "id: subsidy-audit", "'owner' is missing"),
    Broken("purpose-id", P, "id: social-scoring", "id: Social_Scoring", "Social_Scoring", "is not well-formed"),
    # regions.yaml
    Broken("level-skipped", R, "level: street", "level: community", "level: community\n            name: {en: Wulin",
           "a community cannot stand below a district", "There belongs a street."),
    Broken("region-twice", R, "- id: xihu", "- id: xiacheng",
           "- id: xiacheng\n        level: district\n        name: {en: Xihu",
           "is there twice"),
    Broken("level-typo", R, "level: city", "level: town", "level: town", "'town' is not a value of 'level'"),
    Broken("alias", R, "name: {en: Xihu, zh: 西湖区}", "name: &x {en: Xihu, zh: 西湖区}", "&x", "anchors and aliases"),
    Broken("tag", R, "name: {en: Xihu, zh: 西湖区}", "name: !!python/name:os.system {}", "!!python", "tags (!)"),
    Broken("not-yaml", R, "    level: city", "    level: [city", "name: {en: Hangzhou", "this is not valid YAML"),
    # budgets.yaml
    Broken("no-lifetime", B, "lifetime: {resident: 12.0}", "lifetime: {residents: 12.0}", "lifetime",
           "has no lifetime cap", "Did you mean 'residents'?"),
    Broken("budget-dataset", B, "{subsidies: 6.0}", "{subsidy: 6.0}", "subsidy", "no dataset 'subsidy'",
           "'subsidies'?"),
    Broken("budget-purpose", B, "{open-data: 8.0}", "{open-date: 8.0}", "open-date", "no purpose", "'open-data'?"),
    Broken("budget-recipient", B, "zju: 3", "zuj: 3", "zuj", "institution with a grant 'zuj'", "'zju'?"),
    Broken("budget-person", B, "zju/li.wei", "zuj/li.wei", "zuj", "institution without a grant", "'zju'?"),
    Broken("budget-default", B, "default: 2.0, ", "", "recipients", "'recipients' has no default"),
    Broken("budget-negative", B, "subsidies: 6.0", "subsidies: -6.0", "subsidies", "greater than 0"),
    Broken("budget-text", B, "delta: 1e-6", "delta: '1e-6'", "delta", "valid number"),
    Broken("budget-infinite", B, "delta: 1e-6", "delta: 1e999", "delta", "'delta'"),
    # model.conf
    Broken("model-open", "model.conf", "m = (p.eft", "m = true || (p.eft", "", "definition of 'm'"),
    Broken("model-effect", "model.conf", " && !some(where (p.eft == deny))", "", "", "definition of 'e'"),
    Broken("model-nonsense", "model.conf", "[matchers]", "[matcher", "", "is not the model of this gateway"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake_is_told_at_its_place(folder: Path, case: Broken) -> None:
    expect(folder, case)


def test_all_problems_are_told_at_once(folder: Path) -> None:
    for file, old, new in ((P, "emergency: true", "emergancy: true"), (S, "team:", "teem:"), (R, "city", "town")):
        path = folder / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    assert {problem.file for problem in caught.value.problems} == {P, S, R}
    assert "problem" in str(caught.value)
    assert "emergancy" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.conf", G, P, R, B])
def test_missing_file_is_a_problem(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    assert [problem.file for problem in caught.value.problems] == [name]


@pytest.mark.parametrize("name", ["purpose.yaml", "contracts/more.yml", "contracts/deep/more.yaml", "grants2.csv"])
def test_file_without_a_place_is_a_problem(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x: 1\n", encoding="utf-8")
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    assert name in {problem.file for problem in caught.value.problems}


def test_missing_folder_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicy):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mapping"),
        (b"\xff\xfe", "not UTF-8"),
        (b"purposes: \x00", "not UTF-8"),
        (b"[" * 5000, ""),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"purposes: " + b"{a: " * 200 + b"1" + b"}" * 200, "nested too deeply"),
        (b"x" * ((1 << 20) + 1), "larger than 1 MiB"),
        (b"- [" + b"1," * 300_000 + b"1]", "too many values"),
        (b"--- {}\n--- {}\n", "more than one document"),
        (b"? [1]\n: 2\n", "a key must be a word"),
        (b"<<: {a: 1}\n", "unknown key '<<'"),
        (b"a: &x 1\nb: *x\n", "anchors and aliases"),
        ("purposes: \u2028- id: \u0007".encode(), "not valid YAML"),
        (b"purposes: 99999999999999999999999999999999999", "the number is too long"),
    ],
    ids=range(14),
)
def test_hostile_documents_are_problems_not_crashes(folder: Path, content: bytes, message: str) -> None:
    (folder / P).write_bytes(content)
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    assert {problem.file for problem in caught.value.problems} == {P}
    assert message in " ".join(problem.message for problem in caught.value.problems)
