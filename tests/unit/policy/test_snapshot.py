"""What a folder becomes: contracts, budgets, and a digest over all of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from gateway.model.contract import (
    Bounds,
    CanonicalForm,
    Classification,
    ContractStatus,
    Description,
    DisclosureKind,
    SelectBy,
)
from gateway.model.filter import Condition, Operator
from gateway.model.loss import epsilon_to_rho
from gateway.model.treatment import (
    GeneralizeDate,
    GeneralizeNumber,
    GeneralizeRegion,
    Keep,
    Mask,
    Precision,
    Pseudonymize,
)
from gateway.model.values import FieldType
from gateway.policy.folder import folder_digest
from gateway.policy.grants import Effect
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.conftest import GOOD


def test_contract_is_what_was_written(snapshot: PolicySnapshot) -> None:
    contract = snapshot.contracts["subsidies"]
    assert contract.digest == hashlib.sha256((GOOD / "contracts/subsidies.yaml").read_bytes()).hexdigest()
    assert (contract.title_en, contract.title_zh, contract.retention_days) == ("Subsidies", "补贴", 730)
    assert contract.fields["resident_id"].canonical is CanonicalForm.RESIDENT_ID
    assert contract.fields["phone"].nullable
    assert contract.fields["amount_yuan"].bounds == Bounds(0, 20000)
    assert contract.fields["tier"].keys == ("A", "B", "C", "none")
    assert contract.fields["tier"].classification is Classification.SENSITIVE
    audit = contract.disclosures["audit-rows"]
    assert list(audit.fields.items()) == [
        ("resident_id", Pseudonymize()),
        ("phone", Mask(3, 2)),
        ("community", GeneralizeRegion(Precision.DISTRICT)),
        ("tier", Keep()),
        ("amount_yuan", GeneralizeNumber(1000, 20000)),
        ("paid_on", GeneralizeDate(Precision.MONTH)),
    ], "in the order of the contract"
    assert (audit.consent_field, audit.max_rows, audit.filters) == ("consented", 100000, ("tier",))
    check = contract.disclosures["eligibility"]
    assert check.lookup_by == frozenset({SelectBy.KEY})
    assert check.predicate == (Condition("eligible", Operator.EQUAL, (True,)),)
    statistics = contract.disclosures["by-tier"].statistics
    assert statistics is not None
    assert (statistics.max_epsilon, statistics.group_by, statistics.values) == ("1", ("tier",), ("amount_yuan",))
    assert snapshot.contracts["health_cases"].title_zh == "Health cases", "English stands for both"
    assert snapshot.contracts["health_cases"].fields["onset"].type is FieldType.TIMESTAMP
    assert snapshot.contracts["firms"].status is ContractStatus.DRAFT


def test_snapshot_cannot_be_changed(snapshot: PolicySnapshot) -> None:
    mappings: tuple[Any, ...] = (
        snapshot.contracts, snapshot.contracts["subsidies"].fields, snapshot.contracts["subsidies"].disclosures,
        snapshot.contracts["subsidies"].disclosures["audit-rows"].fields, snapshot.budgets.lifetime,
    )  # fmt: skip
    for mapping in mappings:
        with pytest.raises(TypeError):
            mapping["x"] = None
    unchecked: Any = snapshot
    with pytest.raises(AttributeError):
        unchecked.digest = ""


def test_grants_keep_their_order_and_lines(snapshot: PolicySnapshot) -> None:
    assert [grant.id for grant in snapshot.grants][:2] == ["g-trace", "g-trace-one"]
    audit = snapshot.grants[2]
    assert (audit.line, audit.effect, audit.terms.case_pattern, audit.terms.max_rows) == (
        4, Effect.ALLOW, "SJ-9999-A", 500,
    )  # fmt: skip
    assert snapshot.roles.of("police-xihu") == {"police-xihu", "police"}


def test_accounts_of_a_release(snapshot: PolicySnapshot) -> None:
    contract = snapshot.contracts["subsidies"]
    accounts = snapshot.budgets.accounts((contract,), "zju", "li.wei", "data-contest", date(2026, 11, 21))
    assert [account.id for account in accounts] == [
        "lifetime/resident", "dataset/subsidies", "purpose/open-data", "recipient/zju", "person/zju/li.wei",
    ]  # fmt: skip
    assert [account.cap for account in accounts] == [epsilon_to_rho(cap, 1e-6) for cap in (12, 6, 8, 3, 0.5)]
    assert all(type(account.cap) is Fraction for account in accounts)
    other = snapshot.budgets.accounts((contract,), "bureau", "wu", "subsidy-audit", date(2026, 11, 21))
    assert [account.id for account in other] == [
        "lifetime/resident", "dataset/subsidies", "recipient/bureau", "person/bureau/wu",
    ]  # fmt: skip
    assert [account.cap for account in other][2:] == [epsilon_to_rho(cap, 1e-6) for cap in (2, 1)]


def test_the_standards_words_are_read(folder: Path) -> None:
    path = folder / "contracts/subsidies.yaml"
    text = path.read_text("utf-8").replace("paid_on}\n", "paid_on}\n  - {property: Latency, value: 2, unit: days}\n")
    text = text.replace("status: active\n", "status: active\ndescription: {purpose: Why., limitations: But.}\n")
    text = text.replace(
        "    properties:\n", "    quality: [{metric: rowCount, mustBeBetween: [1, 9]}]\n    properties:\n"
    )
    rule = "{name: valid, metric: invalidValues, arguments: {validValues: [A, B]}, mustBeLessThan: 5, unit: percent}"
    text = text.replace("{name: tier,", f"{{name: tier, quality: [{rule}],")
    text = text.replace("      region_field:", "      legal_bases: [dpv:LegalObligation]\n      region_field:")
    path.write_text(text, "utf-8")
    contract = load(folder).contracts["subsidies"]
    assert contract.controller == "enterprise-service-bureau"
    assert contract.description == Description("Why.", "", "But.")
    assert contract.freshness_hours == 48
    assert contract.collected_for == ("subsidy-audit", "open-data")
    assert contract.legal_bases == {"dpv:LegalObligation"}
    rows, tiers = contract.quality
    assert (rows.field, rows.type, rows.metric, rows.operator, rows.operands) == (
        "", "library", "rowCount", "mustBeBetween", (1, 9),
    )  # fmt: skip
    assert (tiers.field, tiers.name, tiers.arguments["validValues"], tiers.unit) == (
        "tier", "valid", ("A", "B"), "percent",
    )  # fmt: skip
    assert load(GOOD).contracts["subsidies"].freshness_hours is None


WORDS_WITHOUT_EFFECT = """\
tenant: hangzhou
dataProduct: help
tags: [a, b]
contractCreatedTs: "2026-11-15T02:59:43+00:00"
price: {priceAmount: 0, priceCurrency: CNY, priceUnit: call}
roles: [{role: reader, access: read, firstLevelApprovers: x}]
support: [{channel: desk, tool: email, url: "mailto:subsidies@hangzhou.example"}]
authoritativeDefinitions: [{url: "https://law.example/1", type: businessDefinition}]
"""


def test_words_of_the_standard_that_are_not_needed_have_no_effect(folder: Path, snapshot: PolicySnapshot) -> None:
    path = folder / "contracts/subsidies.yaml"
    text = path.read_text("utf-8").replace("status: active\n", "status: active\n" + WORDS_WITHOUT_EFFECT)
    text = text.replace(
        "  - {server: hub", "  - {server: w, type: snowflake, account: a, database: b, schema: c}\n  - {server: hub"
    )
    text = text.replace(
        "    - {role: steward",
        "    - {role: steward, username: former@x.example, dateOut: 2026-01-31}\n    - {role: steward",
    )
    text = text.replace("customProperties:\n", "customProperties:\n  - {property: other, value: {any: [1, {x: y}]}}\n")
    text = text.replace(
        "{name: phone,",
        "{name: phone, unique: true, businessName: Phone, tags: [c], examples: ['1'], "
        "logicalTypeOptions: {maxLength: 20}, transformLogic: none,",
    )
    path.write_text(text, "utf-8")
    plain = snapshot.contracts["subsidies"]
    assert replace(load(folder).contracts["subsidies"], digest=plain.digest) == plain


@pytest.mark.parametrize(("unit", "status"), [("resident_id", "active"), ("phone", "draft"), ("phone", "retired")])
def test_two_contracts_may_read_the_same_rows_for_one_unit_or_as_a_draft(folder: Path, unit: str, status: str) -> None:
    path = folder / "contracts/subsidies.yaml"
    text = path.read_text("utf-8")
    for before, after in (
        ("status: active", f"status: {status}"),
        ("path: subsidies.parquet, format: parquet", "path: health/cases.csv, format: csv"),
        ("{kind: resident, field: resident_id}", f"{{kind: resident, field: {unit}}}"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    path.write_text(text, "utf-8")
    contracts = load(folder).contracts
    assert contracts["subsidies"].source.path == contracts["health_cases"].source.path


def test_an_extract_may_give_the_rows_of_a_fixed_condition_alone(folder: Path) -> None:
    path = folder / "contracts/subsidies.yaml"
    text = path.read_text("utf-8")
    before = '          fields: {tier: keep}\n          waive_noise: "An audit needs the tiers'
    predicate = "          predicate: [{field: tier, op: in, values: [A, B]}]\n"
    path.write_text(text.replace(before, predicate + before), "utf-8")
    audit = load(folder).contracts["subsidies"].disclosures["audit-tiers"]
    assert audit.predicate == (Condition("tier", Operator.IN, ("A", "B")),)


def test_steward_is_known_for_known_datasets(snapshot: PolicySnapshot) -> None:
    assert snapshot.steward("subsidies") == "subsidy desk, subsidies@hangzhou.example"
    assert snapshot.steward("nothing") == ""


@pytest.mark.parametrize("name", ["README.md", "tests/notes.md", "contracts/subsidies.yaml", "grants.csv"])
def test_digest_changes_with_every_byte(folder: Path, name: str) -> None:
    (folder / "README.md").write_text("for officers\n", encoding="utf-8")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests/notes.md").write_text("more to come\n", encoding="utf-8")
    before = load(folder).digest
    with (folder / name).open("ab") as stream:
        stream.write(b"# \n")
    assert load(folder).digest != before


def test_digest_ignores_what_editors_leave(folder: Path) -> None:
    before = load(folder).digest
    for name in (".grants.csv.swp", "grants.csv~", "#grants.csv#"):
        (folder / name).write_text("half a line", encoding="utf-8")
    (folder / ".git").mkdir()
    (folder / ".git/HEAD").write_text("x", encoding="utf-8")
    assert load(folder).digest == before


def test_digest_is_unambiguous() -> None:
    folders: list[dict[str, bytes]] = [
        {}, {"a": b""}, {"a": b"b"}, {"ab": b""}, {"a": b"", "b": b""}, {"a": b"b", "c": b""}, {"a": b"", "bc": b""},
    ]  # fmt: skip
    assert len({folder_digest(files) for files in folders}) == len(folders)
    assert folder_digest({"b": b"1", "a": b"2"}) == folder_digest({"a": b"2", "b": b"1"})


def test_expiry_is_a_plain_day(snapshot: PolicySnapshot) -> None:
    purpose = snapshot.purposes.get("epidemic-control")
    assert purpose is not None
    assert purpose.expires_on == date(2027, 6, 30)
    assert str(purpose.legal_basis) == "dpv:PublicInterest (PIPL art. 13(1)(4))"


def test_kinds_of_the_good_folder_cover_all(snapshot: PolicySnapshot) -> None:
    kinds = {spec.kind for contract in snapshot.contracts.values() for spec in contract.disclosures.values()}
    assert kinds == set(DisclosureKind)
