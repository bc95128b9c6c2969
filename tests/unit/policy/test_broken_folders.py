"""Every mistake is told with its file, its line, and what to do; none is ever without effect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load

G, P, R, B = "grants.csv", "purposes.yaml", "regions.yaml", "budgets.yaml"
S, H = "contracts/subsidies.yaml", "contracts/health_cases.yaml"
TRACE = "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-06-30, allow"
KEEP_TIER = '    fields: {tier: keep}\n    waive_noise: "An audit needs the tiers'
SUBSIDY_ROWS = "path: subsidies.parquet}\nprivacy_unit: {kind: resident, field: resident_id}"
CASE_ROWS = "path: health//./cases.csv}\nprivacy_unit: {kind: resident, field: resident_id}"


@dataclass(frozen=True)
class Broken:
    """One edit of the good folder, and the problem expected on the line that then holds `at`."""

    name: str
    file: str
    old: str
    new: str
    at: str
    message: str
    remedy: str = ""


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
    Broken("role-columns", G, "g, police-xihu, police", "g, police-xihu, police, x", "police, x", "has 3 columns"),
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
    # contracts
    Broken("contract-key", S, "steward:", "stewart:", "stewart", "unknown key 'stewart'", "Did you mean 'steward'?"),
    Broken("field-key", S, "canonical: resident-id}", "canonic: resident-id}", "canonic", "unknown key",
           "'canonical'?"),
    Broken("status-typo", S, "status: confirmed", "status: confirm", "status", "not a value of 'status'",
           "'confirmed'?"),
    Broken("classification-missing", S, "consented: {type: bool, classification: other}", "consented: {type: bool}",
           "consented: {", "'classification' is missing"),
    Broken("classification-typo", S, "community: {type: string, classification: quasi-identifier}",
           "community: {type: string, classification: quasi-identifer}", "quasi-identifer", "not a value", "'quasi-id"),
    Broken("other-name", S, "dataset: subsidies", "dataset: subsidy", "dataset: subsidy",
           "not what the file is called"),
    Broken("path-up", S, "path: subsidies.parquet", "path: ../subsidies.parquet", "../", "not a plain path"),
    Broken("path-absolute", S, "path: subsidies.parquet", "path: /etc/passwd", "/etc", "not a plain path"),
    Broken("path-glob", S, "path: subsidies.parquet", "path: '*.parquet'", "*.parquet", "not a plain path"),
    Broken("path-url", S, "path: subsidies.parquet", "path: 's3://bucket/x'", "s3:", "not a plain path"),
    Broken("unit-field", S, "field: resident_id}", "field: resident}", "field: resident}",
           "no field 'resident'", "'resident_id'"),
    Broken("region-type", S, "region_field: community", "region_field: amount_yuan", "region_field",
           "must be a string"),
    Broken("keep-identifier", S, "phone: {mask: {first: 3, last: 2}}", "phone: keep", "phone: keep",
           "direct identifier", "justif"),
    Broken("treatment-typo", S, "resident_id: pseudonymize", "resident_id: pseudonymise", "pseudonymise",
           "not a treatment", "Did you mean 'pseudonymize'?"),
    Broken("treatment-key", S, "{mask: {first", "{maks: {first", "maks", "unknown key 'maks'", "'mask'?"),
    Broken("treatment-two", S, "{mask: {first: 3, last: 2}}", "{mask: {first: 3}, generalize: day}", "phone: {mask",
           "exactly one treatment"),
    Broken("precision-typo", S, "{generalize: month}", "{generalize: mounth}", "mounth", "not a precision", "'month'?"),
    Broken("treatment-twice", S, "paid_on: {generalize: month}",
           "amount_yuan: {generalize: month}\n      paid_on: keep",
           "amount_yuan: {generalize: {width", "the key 'amount_yuan' is given twice"),
    Broken("date-of-number", S, "amount_yuan: {generalize: {width: 1000, top: 20000}}",
           "amount_yuan: {generalize: month}",
           "amount_yuan: {generalize: month}", "is for a date or timestamp"),
    Broken("undeclared-field", S, "      paid_on: {generalize: month}", "      payed_on: {generalize: month}",
           "payed_on",
           "no field 'payed_on'", "Did you mean 'paid_on'?"),
    Broken("filter-leaks", S, "    filters: [tier]\n    consent", "    filters: [amount_yuan]\n    consent",
           "filters: [amount_yuan]", "does not leave as it is"),
    Broken("filter-unit", S, "    filters: [tier]\n    statistics", "    filters: [resident_id]\n    statistics",
           "filters: [resident_id]", "says who somebody is"),
    Broken("consent-type", S, "consent: consented", "consent: tier", "consent: tier", "must be a bool"),
    Broken("no-reason", S, "    waive_noise: \"An audit needs the payments as they were made.\"\n", "", "audit-rows:",
           "needs 'waive_noise'"),
    Broken("blank-reason", S, "waive_noise: \"An audit needs the payments as they were made.\"", "waive_noise: '  '",
           "waive_noise: '  '", "'waive_noise' is empty"),
    Broken("kind-typo-in-contract", S, "kind: release", "kind: relese", "relese", "not a value of 'kind'",
           "'release'?"),
    Broken("release-with-fields", S, "    statistics: {", "    fields: {tier: keep}\n    statistics: {",
           "fields: {tier: keep}\n    statistics", "a disclosure of kind release has no 'fields'"),
    Broken("check-without-predicate", S, "    predicate: [{field: eligible, op: eq, value: true}]\n", "",
           "eligibility:",
           "needs 'predicate'"),
    Broken("lookup-by-missing", S, "    lookup_by: [key]\n", "", "eligibility:", "needs 'lookup_by'",
           "[token] (pseudonyms that the caller was given), [key] (raw values) or [key, token]"),
    Broken("lookup-by-empty", H, "lookup_by: [key]", "lookup_by: []", "one-case:", "needs 'lookup_by'"),
    Broken("lookup-by-typo", S, "lookup_by: [key]", "lookup_by: [tokens]", "[tokens]", "not a value of", "'token'?"),
    Broken("lookup-by-twice", S, "lookup_by: [key]", "lookup_by: [key, key]", "[key, key]", "'key' is given twice"),
    Broken("lookup-by-without-subject", S, KEEP_TIER, "    lookup_by: [key]\n" + KEEP_TIER, "lookup_by: [key]\n    fie",
           "a disclosure of kind extract has no 'lookup_by'"),
    Broken("token-of-a-number", S, "lookup_keys: [resident_id]\n    lookup_by: [key]",
           "lookup_keys: [amount_yuan]\n    lookup_by: [key, token]", "lookup_keys: [amount", "only a string has",
           "by key alone"),
    Broken("rows-predicate-type", S, KEEP_TIER, "    predicate: [{field: tier, op: eq, value: 3}]\n" + KEEP_TIER,
           "value: 3", "'3' is not a string"),
    Broken("rows-predicate-field", S, KEEP_TIER, "    predicate: [{field: teir, op: eq, value: A}]\n" + KEEP_TIER,
           "teir", "no field 'teir'", "'tier'?"),
    Broken("lookup-with-predicate", H, "    lookup_by:", "    predicate: [{field: diagnosis, op: eq, value: x}]\n"
           "    lookup_by:", "predicate", "a disclosure of kind lookup has no 'predicate'"),
    Broken("number-as-field", S, "  consented: {type", "  c330101: {type: string, classification: other}\n"
           "  consented: {type", "c330101", "'c330101' holds six digits in a row", "divide them"),
    Broken("number-among-filters", S, "filters: [tier]", "filters: [tier_19900101]", "tier_1990", "six digits in"),
    Broken("same-rows-another-field", S, SUBSIDY_ROWS, CASE_ROWS.replace("resident_id", "phone"), "privacy_unit",
           "'health_cases' reads the same rows and protects another privacy unit", "same kind and field"),
    Broken("same-rows-another-kind", S, SUBSIDY_ROWS, CASE_ROWS.replace("kind: resident", "kind: household"),
           "privacy_unit", "protects another privacy unit"),
    Broken("predicate-type", S, "op: eq, value: true}", "op: eq, value: yes}", "value: yes", "'yes' is not a bool"),
    Broken("predicate-order", S, "op: eq, value: true}", "op: lt, value: true}", "op: lt", "has no order"),
    Broken("predicate-in", S, "op: eq, value: true}", "op: in, value: true}", "op: in", "'in' takes 'values"),
    Broken("group-without-keys", S, "group_by: [tier]", "group_by: [community]", "group_by", "has no keys"),
    Broken("sum-without-bounds", S, ", bounds: [0, 20000]", "", "sums: [amount", "has no bounds"),
    Broken("sum-overflow", S, "bounds: [0, 20000]", "bounds: [0, 20000000000]", "sums: [amount", "could overflow"),
    Broken("bounds-reversed", S, "bounds: [0, 20000]", "bounds: [20000, 0]", "bounds", "lower bound is above"),
    Broken("too-many-cells", S, "keys: [A, B, C, none]}", f"keys: [{', '.join(f'k{i}' for i in range(101))}]}}\n"
           f"  other: {{type: int64, classification: other, keys: {list(range(100))}}}", "group_by", "cells", ""),
    Broken("slot-too-long", S, "slot_ms: 400", "slot_ms: 10001", "slot_ms", "less than or equal to 10000"),
    Broken("epsilon-too-large", S, "max_epsilon: 1.0", "max_epsilon: 10.5", "max_epsilon", "less than or equal to 10"),
    Broken("key-type", S, "keys: [A, B, C, none]", "keys: [A, 2]", "keys: [A", "'2' is not a string"),
    Broken("key-twice", S, "keys: [A, B, C, none]", "keys: [A, B, A]", "keys: [A", "a key is given twice"),
    # model.conf
    Broken("model-open", "model.conf", "m = (p.eft", "m = true || (p.eft", "", "definition of 'm'"),
    Broken("model-effect", "model.conf", " && !some(where (p.eft == deny))", "", "", "definition of 'e'"),
    Broken("model-nonsense", "model.conf", "[matchers]", "[matcher", "", "is not the model of this gateway"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake_is_told_at_its_place(folder: Path, case: Broken) -> None:
    path = folder / case.file
    text = path.read_text(encoding="utf-8")
    assert case.old in text
    changed = text.replace(case.old, case.new, 1)
    if case.name == "too-many-cells":
        changed = changed.replace("group_by: [tier]", "group_by: [tier, other]")
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    if case.name == "duplicate-id":
        line = changed[: changed.rindex("p, g-zju")].count("\n") + 1
    else:
        line = changed[: changed.index(case.at)].count("\n") + 1 if case.at else 0
    told = [problem for problem in caught.value.problems if case.message in problem.message]
    assert told, [str(problem) for problem in caught.value.problems]
    assert (told[0].file, told[0].line) == (case.file, line)
    assert case.remedy in told[0].remedy


def test_all_problems_are_told_at_once(folder: Path) -> None:
    for file, old, new in ((P, "emergency: true", "emergancy: true"), (S, "steward:", "stewart:"), (R, "city", "town")):
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
