"""Every mistake in a contract is told with its file, its line, and what to do, as any other in the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load
from tests.unit.policy.broken import Broken, expect

S, H = "contracts/subsidies.yaml", "contracts/health_cases.yaml"
KEEP_TIER = '          fields: {tier: keep}\n          waive_noise: "An audit needs the tiers'

CASES = [
    # the standard's words
    Broken("api-version", S, "apiVersion: v3.1.0", "apiVersion: v2.2.2", "apiVersion", "'v2.2.2' is not the version"),
    Broken("kind-of-document", S, "kind: DataContract", "kind: DataProduct", "kind: DataP",
           "'DataProduct' is not a v"),
    Broken("version-number", S, "version: 1.0.0", "version: 1.0", "version: 1.0", "'version' must be text", "quotes"),
    Broken("nobody-answers", S, "role: steward", "role: stewart", "role: stewart", "no steward", "'steward'?"),
    Broken("no-owner", S, "    - {role: owner, username: enterprise-service-bureau}\n", "", "team:", "no owner",
           "Add a member with 'role: owner'"),
    Broken("two-stewards", S, "{role: owner,", "{role: steward, username: a@b.example}\n    - {role: owner,",
           "{role: steward, username: subsidies", "more than one steward", "dateOut"),
    Broken("owner-not-an-id", S, "username: enterprise-service-bureau", "username: Enterprise Bureau", "Enterprise",
           "not a well-formed institution", "'name' takes"),
    Broken("member-key", S, "name: subsidy desk", "nmae: subsidy desk", "nmae", "unknown key 'nmae'", "'name'?"),
    Broken("server-type", S, "type: local", "type: lokal", "type: lokal", "not a type of server", "'local'?"),
    Broken("server-elsewhere", S, "type: local, path: subsidies.parquet, format: parquet",
           "type: s3, location: s3://x", "servers:", "reads one server of type local"),
    Broken("server-without-path", S, "path: subsidies.parquet, ", "", "- {server", "needs 'path'", "Add 'path: "),
    Broken("server-format", S, "format: parquet", "format: parket", "format: parket", "not a format", "'parquet'?"),
    Broken("two-tables", S, "slaProperties:", "  - {name: more, properties: []}\nslaProperties:", "schema:",
           "at most 1"),
    Broken("table-key", S, "    properties:", "    propertys:", "propertys", "unknown key", "'properties'?"),
    Broken("logical-type", S, "logicalType: date", "logicalType: dtae", "dtae", "not a logical type", "'date'?"),
    Broken("type-not-served", S, "logicalType: date", "logicalType: time", "logicalType: time",
           "has no type for 'time'", "Leave the property out"),
    Broken("type-of-ours", S, "logicalType: integer", "logicalType: int64", "int64", "not a logical type", "integer"),
    Broken("type-option", S, "logicalType: date", "logicalType: date, logicalTypeOptions: {minLenght: 3}", "minLenght",
           "not an option of the logical type date"),
    Broken("column-elsewhere", S, "{name: phone,", "{name: phone, physicalName: tel_no,", "physicalName",
           "reads the column 'phone' under its name", "--convert"),
    Broken("field-twice", S, "{name: paid_on,", "{name: phone,", "phone, logicalType: date", "is there twice"),
    Broken("key-not-required", S, "{name: phone,", "{name: phone, primaryKey: true, required: false,", "primaryKey",
           "a primary key is never missing"),
    Broken("retention-unit", S, "unit: d}", "unit: m}", "unit: m", "'m' is not a unit for 'retention'", "unit: d"),
    Broken("retention-text", S, "value: 730", "value: long", "value: long", "in whole days"),
    Broken("retention-twice", S, "slaProperties:\n", "slaProperties:\n  - {property: RE, value: 1, unit: y}\n",
           "property: retention", "promised twice"),
    Broken("sla-key", S, "value: 730, unit: d}", "value: 730, units: d}", "units", "unknown key 'units'", "'unit'?"),
    Broken("latency-unit", S, "slaProperties:\n",
           "slaProperties:\n  - {property: latency, value: 1, unit: fortnight}\n", "fortnight",
           "not a unit for 'latency'", "hours (unit: h)"),
    Broken("quality-metric", S, "    properties:\n", "    quality: [{metric: rowCont, mustBe: 0}]\n    properties:\n",
           "rowCont", "not a value of 'metric'", "'rowCount'?"),
    Broken("quality-unbounded", S, "    properties:\n", "    quality: [{metric: rowCount}]\n    properties:\n",
           "quality:", "held against one bound"),
    Broken("quality-field", S, "    properties:\n", "    quality: [{metric: duplicateValues, mustBe: 0, "
           "arguments: {properties: [fone]}}]\n    properties:\n", "fone", "no field 'fone'", "'phone'?"),
    Broken("quality-dimension", S, "{name: phone,", "{name: phone, quality: [{type: text, dimension: beauty}],",
           "beauty", "not a value of 'dimension'"),
    Broken("support-key", S, "slaProperties:", "support: [{chanel: x}]\nslaProperties:", "support",
           "'channel' is missing"),
    # the gateway's own block
    Broken("block-missing", S, "property: purposeGateway", "property: purposeGatway", "purposeGatway",
           "own block is missing", "'purposeGateway'?"),
    Broken("block-twice", S, "customProperties:\n", "customProperties:\n  - {property: purposeGateway, value: {}}\n",
           "  - property: purposeGateway", "there twice"),
    Broken("block-key", S, "      region_field:", "      regionfield:", "regionfield", "unknown key 'regionfield'",
           "'region_field'?"),
    Broken("collected-for-missing", S, "      collected_for: [subsidy-audit, open-data]\n", "", "    value:",
           "'collected_for' is missing"),
    Broken("collected-for-nothing", S, "[subsidy-audit, open-data]", "[]", "collected_for", "at least 1"),
    Broken("collected-for-typo", S, "[subsidy-audit, open-data]", "[subsidy-audit, open-date]", "open-date",
           "'open-date' is not a known purpose", "'open-data'?"),
    Broken("collected-for-twice", S, "[subsidy-audit, open-data]", "[open-data, open-data]", "collected_for",
           "'open-data' is given twice"),
    Broken("legal-basis", S, "      region_field:", "      legal_bases: [dpv:Konsent]\n      region_field:", "Konsent",
           "not a legal basis", "'dpv:Consent'?"),
    Broken("policy-of-no-field", S, "        phone: {canonical: phone}", "        fone: {canonical: phone}", "fone:",
           "no field 'fone'", "'phone'?"),
    Broken("consume-without-subject", S, "kind: consume", "kind: consume\n          filters: [tier]\n          "
           "statistics: {max_groups: 1, max_rows: 1, max_epsilon: 1.0, slot_ms: 1}", "statistics: {max",
           "a disclosure of kind consume has no 'statistics'"),
    Broken("contract-key", S, "region_field:", "regionfield:", "regionf", "unknown key 'regionfield'",
           "'region_field'?"),
    Broken("field-key", S, "canonical: resident-id}", "canonic: resident-id}", "canonic:", "unknown key",
           "'canonical'?"),
    Broken("status-typo", S, "status: active", "status: activ", "status", "not a value of 'status'", "'active'?"),
    Broken("classification-missing", S, "consented, logicalType: boolean, classification: other",
           "consented, logicalType: boolean", "name: consented", "'classification' is missing"),
    Broken("classification-typo", S, "community, logicalType: string, classification: quasi-identifier",
           "community, logicalType: string, classification: quasi-identifer", "quasi-identifer", "not a value",
           "'quasi-id"),
    Broken("other-name", S, "  - name: subsidies", "  - name: subsidy", "  - name: subsidy",
           "not what the file is called"),
    Broken("path-up", S, "path: subsidies.parquet", "path: ../subsidies.parquet", "../", "not a plain path"),
    Broken("path-absolute", S, "path: subsidies.parquet", "path: /etc/passwd", "/etc", "not a plain path"),
    Broken("path-glob", S, "path: subsidies.parquet", "path: '*.parquet'", "*.parquet", "not a plain path"),
    Broken("path-url", S, "path: subsidies.parquet", "path: 's3://bucket/x'", "s3:", "not a plain path"),
    Broken("unit-field", S, "field: resident_id}", "field: resident}", "field: resident}", "no field 'resident'",
           "'resident_id'"),
    Broken("region-type", S, "region_field: community", "region_field: amount_yuan", "region_field",
           "must be a string"),
    Broken("keep-identifier", S, "phone: {mask: {first: 3, last: 2}}", "phone: keep", "phone: keep",
           "direct identifier", "justif"),
    Broken("treatment-typo", S, "resident_id: pseudonymize", "resident_id: pseudonymise", "pseudonymise",
           "not a treatment", "Did you mean 'pseudonymize'?"),
    Broken("treatment-key", S, "{mask: {first", "{maks: {first", "maks", "unknown key 'maks'", "'mask'?"),
    Broken("treatment-two", S, "{mask: {first: 3, last: 2}}", "{mask: {first: 3}, generalize: day}", "phone: {mask",
           "exactly one treatment"),
    Broken("precision-typo", S, "{generalize: month}", "{generalize: mounth}", "mounth", "not a precision",
           "'month'?"),
    Broken("treatment-twice", S, "paid_on: {generalize: month}",
           "amount_yuan: {generalize: month}\n            paid_on: keep", "amount_yuan: {generalize: {width",
           "the key 'amount_yuan' is given twice"),
    Broken("date-of-number", S, "amount_yuan: {generalize: {width: 1000, top: 20000}}",
           "amount_yuan: {generalize: month}", "amount_yuan: {generalize: month}", "is for a date or timestamp"),
    Broken("undeclared-field", S, "            paid_on: {generalize: month}",
           "            payed_on: {generalize: month}", "payed_on", "no field 'payed_on'", "Did you mean 'paid_on'?"),
    Broken("filter-leaks", S, "          filters: [tier]\n          consent",
           "          filters: [amount_yuan]\n          consent", "filters: [amount_yuan]", "does not leave as it is"),
    Broken("filter-unit", S, "          filters: [tier]\n          statistics",
           "          filters: [resident_id]\n          statistics", "filters: [resident_id]", "says who somebody is"),
    Broken("consent-type", S, "consent: consented", "consent: tier", "consent: tier", "must be a bool"),
    Broken("no-reason", S, "          waive_noise: \"An audit needs the payments as " "they were made.\"\n", "",
           "audit-rows:", "needs 'waive_noise'"),
    Broken("blank-reason", S, "waive_noise: \"An audit needs the payments as they were made.\"", "waive_noise: '  '",
           "waive_noise: '  '", "'waive_noise' is empty"),
    Broken("kind-typo-in-contract", S, "kind: release", "kind: relese", "relese", "not a value of 'kind'",
           "'release'?"),
    Broken("release-with-fields", S, "          statistics: {",
           "          fields: {tier: keep}\n          statistics: {", "fields: {tier: keep}\n          statistics",
           "a disclosure of kind release has no 'fields'"),
    Broken("check-without-predicate", S, "          predicate: [{field: eligible, op: eq, value: true}]\n", "",
           "eligibility:", "needs 'predicate'"),
    Broken("lookup-by-missing", S, "          lookup_by: [key]\n", "", "eligibility:", "needs 'lookup_by'",
           "[token] (pseudonyms that the caller was given), [key] " "(raw values) or [key, token]"),
    Broken("lookup-by-empty", H, "lookup_by: [key]", "lookup_by: []", "one-case:", "needs 'lookup_by'"),
    Broken("lookup-by-typo", S, "lookup_by: [key]", "lookup_by: [tokens]", "[tokens]", "not a value of", "'token'?"),
    Broken("lookup-by-twice", S, "lookup_by: [key]", "lookup_by: [key, key]", "[key, key]", "'key' is given twice"),
    Broken("lookup-by-without-subject", S, KEEP_TIER, "          lookup_by: [key]\n" + KEEP_TIER,
           "lookup_by: [key]\n          fie", "a disclosure of kind extract has no 'lookup_by'"),
    Broken("token-of-a-number", S, "lookup_keys: [resident_id]\n          lookup_by: [key]",
           "lookup_keys: [amount_yuan]\n          lookup_by: [key, token]", "lookup_keys: [amount",
           "only a string has", "by key alone"),
    Broken("rows-predicate-type", S, KEEP_TIER, "          predicate: [{field: tier, op: eq, value: 3}]\n" + KEEP_TIER,
           "value: 3", "'3' is not a string"),
    Broken("rows-predicate-field", S, KEEP_TIER,
           "          predicate: [{field: teir, op: eq, value: A}]\n" + KEEP_TIER, "teir", "no field 'teir'",
           "'tier'?"),
    Broken("lookup-with-predicate", H, "          lookup_by:",
           "          predicate: [{field: diagnosis, op: eq, value: " "x}]\n          lookup_by:", "predicate",
           "a disclosure of kind lookup has no 'predicate'"),
    Broken("number-as-field", S, "      - {name: consented", "      - {name: c330101, logicalType: string, "
           "classification: other}\n      - {name: consented", "name: c330101", "'c330101' holds six digits in a row",
           "divide them"),
    Broken("number-among-filters", S, "filters: [tier]", "filters: [tier_19900101]", "tier_1990", "six digits in"),
    Broken("predicate-type", S, "op: eq, value: true}", "op: eq, value: yes}", "value: yes", "'yes' is not a bool"),
    Broken("predicate-order", S, "op: eq, value: true}", "op: lt, value: true}", "op: lt", "has no order"),
    Broken("predicate-in", S, "op: eq, value: true}", "op: in, value: true}", "op: in", "'in' takes 'values"),
    Broken("group-without-keys", S, "group_by: [tier]", "group_by: [community]", "group_by", "has no keys"),
    Broken("sum-without-bounds", S, "        amount_yuan: {bounds: [0, 20000]}\n", "", "sums: [amount",
           "has no bounds"),
    Broken("sum-overflow", S, "bounds: [0, 20000]", "bounds: [0, 20000000000]", "sums: [amount", "could overflow"),
    Broken("bounds-reversed", S, "bounds: [0, 20000]", "bounds: [20000, 0]", "bounds", "lower bound is above"),
    Broken("slot-too-long", S, "slot_ms: 400", "slot_ms: 10001", "slot_ms", "less than or equal to 10000"),
    Broken("epsilon-too-large", S, "max_epsilon: 1.0", "max_epsilon: 10.5", "max_epsilon", "less than or equal to 10"),
    Broken("key-type", S, "keys: [A, B, C, none]", "keys: [A, 2]", "keys: [A", "'2' is not a string"),
    Broken("key-twice", S, "keys: [A, B, C, none]", "keys: [A, B, A]", "keys: [A", "a key is given twice"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mistake_is_told_at_its_place(folder: Path, case: Broken) -> None:
    expect(folder, case)


@pytest.mark.parametrize("unit", ["{kind: resident, field: phone}", "{kind: household, field: resident_id}"])
def test_the_same_rows_protect_one_unit(folder: Path, unit: str) -> None:
    edit(folder, "path: subsidies.parquet, format: parquet", "path: health//./cases.csv, format: csv")
    text = edit(folder, "privacy_unit: {kind: resident, field: resident_id}", f"privacy_unit: {unit}")
    (told,) = (problem for problem in problems(folder) if "reads the same rows" in problem)
    assert "'health_cases' reads the same rows and protects another privacy unit" in told
    assert told.startswith(f"{S}:{line(text, 'privacy_unit')}: ")
    assert told.endswith("Protect the same kind and field in both.")


def test_cells_are_bounded(folder: Path) -> None:
    edit(folder, "keys: [A, B, C, none]", f"keys: [{', '.join(f'k{i}' for i in range(101))}]")
    edit(folder, "amount_yuan: {bounds: [0, 20000]}", f"amount_yuan: {{bounds: [0, 20000], keys: {list(range(100))}}}")
    text = edit(folder, "group_by: [tier]", "group_by: [tier, amount_yuan]")
    (told,) = problems(folder)
    assert told.startswith(f"{S}:{line(text, 'group_by')}: 10100 cells are more than 10000")


def test_two_contracts_have_two_ids(folder: Path) -> None:
    edit(folder, "id: subsidies", "id: health_cases")
    (told,) = problems(folder)
    assert told.startswith(f"{S}:3: the id 'health_cases' is that of {H}")


def edit(folder: Path, old: str, new: str) -> str:
    path = folder / S
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def problems(folder: Path) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    return [str(problem) for problem in caught.value.problems]


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1
