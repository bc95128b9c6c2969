"""What is given to others is the standard's, and tells neither where the data is nor what is disclosed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.documents import read_yaml
from gateway.policy.problems import Problems
from gateway.policy.snapshot import load
from tests.unit.cli.conftest import Desk

GOOD = Path(__file__).parents[1] / "policy" / "good"


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "good"))


def exported(desk: Desk, policies: Path, *options: str) -> Any:
    assert desk.run("contract", "export", "subsidies", "--policies", str(policies), *options) == 0, desk.err
    document = read_yaml("x.yaml", desk.out.encode(), Problems())
    assert document is not None
    return document.data


def test_it_is_plain(desk: Desk, policies: Path) -> None:
    path = policies / "contracts" / "subsidies.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("{name: phone,", "{name: phone, examples: ['13800138000'],")
    text = text.replace("  - name: subsidies\n", "  - name: subsidies\n    physicalName: subsidies.parquet\n")
    text = text.replace("customProperties:\n", "customProperties:\n  - {property: costCentre, value: 7}\n")
    path.write_text(text, encoding="utf-8")
    told = exported(desk, policies)
    for word in ("subsidies.parquet", "purposeGateway", "privacy_unit", "audit-rows", "13800138000", "collected_for"):
        assert word in text
        assert word not in desk.out
    assert told["status"] == "active"
    assert "servers" not in told
    assert told["customProperties"] == [{"property": "costCentre", "value": 7}]
    assert [field["name"] for field in told["schema"][0]["properties"]][:2] == ["resident_id", "phone"]


@pytest.mark.parametrize("options", [(), ("--with-policy",)])
def test_what_a_departments_service_is_asked_is_not_for_others(
    options: tuple[str, ...], desk: Desk, policies: Path
) -> None:
    file = policies / "contracts" / "subsidies.yaml"
    text = file.read_text(encoding="utf-8")
    server = "{server: desk, type: api, location: city.v1.SubsidyDesk}"
    text = text.replace("{server: hub, type: local, path: subsidies.parquet, format: parquet}", server)
    text = text.replace("{name: phone,", "{name: phone, physicalName: person.phone,")
    upstream = "      upstream: {copied_hours: 6, list: {method: ListGrants}}\n"
    file.write_text(text.replace("      region_field:", f"{upstream}      region_field:"), encoding="utf-8")
    exported(desk, policies, *options)
    for word in ("SubsidyDesk", "person.phone", "ListGrants", "upstream"):
        assert word in file.read_text(encoding="utf-8")
        assert word not in desk.out


def test_licence_and_citation_are_for_others(desk: Desk, policies: Path) -> None:
    file = policies / "contracts" / "subsidies.yaml"
    told = "      attribution: {licence: CC-BY-4.0, publisher: Bureau, citation: A table.}\n"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("      region_field:", f"{told}      region_field:"), encoding="utf-8")
    (custom,) = exported(desk, policies)["customProperties"]
    published = {"licence": "CC-BY-4.0", "publisher": "Bureau", "citation": "A table."}
    assert custom == {"property": "attribution", "value": published}


def test_with_policy_it_comes_back_as_it_was(desk: Desk, policies: Path) -> None:
    told = exported(desk, policies, "--with-policy", "--out", str(desk.folder / "out.yaml")) or {}
    assert not told
    contract = load(policies).contracts["subsidies"]
    target = policies / "contracts" / "subsidies.yaml"
    assert desk.run("contract", "import", str(desk.folder / "out.yaml"), "--out", str(target), "--force") == 0, desk.err
    again = load(policies).contracts["subsidies"]
    assert again.fields == contract.fields
    assert again.disclosures == contract.disclosures
    assert (again.privacy_unit, again.collected_for) == (contract.privacy_unit, contract.collected_for)
    assert (again.controller, again.steward, again.retention_days) == (
        contract.controller, contract.steward, contract.retention_days,
    )  # fmt: skip
    assert again.status == "draft", "nothing that comes in discloses anything by itself"
    assert "read it as if it were new" in desk.out


def test_without_policy_the_words_come_back_and_ours_is_proposed(desk: Desk, policies: Path) -> None:
    exported(desk, policies, "--out", str(desk.folder / "out.yaml"))
    target = desk.policies / "contracts" / "subsidies.yaml"
    contract = load(policies).contracts["subsidies"]
    assert desk.run("contract", "import", str(desk.folder / "out.yaml"), "--out", str(target)) == 0, desk.err
    again = load(desk.policies).contracts["subsidies"]
    assert [(one.name, one.type, one.classification, one.nullable) for one in again.fields.values()] == [
        (one.name, one.type, one.classification, one.nullable) for one in contract.fields.values()
    ]
    assert not again.disclosures


def test_mistakes_are_told(desk: Desk, policies: Path) -> None:
    assert desk.run("contract", "export", "subsidy", "--policies", str(policies)) == 2
    assert "Did you mean 'subsidies'?" in desk.err
    (desk.folder / "out.yaml").write_text("mine")
    where = ["--policies", str(policies), "--out", str(desk.folder / "out.yaml")]
    assert desk.run("contract", "export", "subsidies", *where) == 2
    assert (desk.folder / "out.yaml").read_text() == "mine"
    (policies / "purposes.yaml").write_text("broken: [")
    assert desk.run("contract", "export", "subsidies", "--policies", str(policies)) != 0
    assert "purposes.yaml" in desk.err
