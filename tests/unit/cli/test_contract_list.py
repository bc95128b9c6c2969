"""The register of datasets: every contract, drafts among them, and who answers for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from gateway.policy.snapshot import load
from tests.unit.cli.conftest import Desk

ROOT = Path(__file__).parents[3]
GOOD = Path(__file__).parents[1] / "policy" / "good"


def test_it_tells_who_answers_for_each_dataset_and_what_is_promised(desk: Desk) -> None:
    assert desk.run("contract", "list", str(ROOT / "policies"), "--json") == 0
    told = {one["dataset"]: one for one in json.loads(desk.out)["datasets"]}
    contracts = load(ROOT / "policies").contracts
    assert list(told) == sorted(contracts)
    bills = told["hospital_bills"]
    assert (bills["controller"], bills["domain"], bills["status"]) == ("medical-insurance-bureau", "health", "active")
    assert bills["steward"] == contracts["hospital_bills"].steward
    assert bills["title_zh"] == "就医账单"
    assert bills["classification"] == {"direct-identifier": 1, "quasi-identifier": 4, "sensitive": 3}
    assert (bills["freshness_hours"], bills["retention_days"]) == (1, 1095)
    assert bills["quality"] == [
        {
            "field": "",
            "name": "hospital-bills-once",
            "dimension": "uniqueness",
            "rule": "duplicateValues(bill_id) mustBe 0",
        }
    ]
    assert bills["privacy_unit"] == "resident in resident_id"
    assert bills["disclosures"] == {"settlement": "lookup", "parent-insured": "check"}
    assert bills["collected_for"] == ["medical-settlement"]
    for name, one in told.items():
        assert sum(one["classification"].values()) == len(contracts[name].fields)


def test_it_reads_well_and_lists_drafts(desk: Desk) -> None:
    assert desk.run("contract", "list", str(GOOD)) == 0
    assert "firms: Firms 企业 (draft)" in desk.out
    assert "controller     enterprise-service-bureau" in desk.out
    assert "fields         1 direct-identifier, 1 other" in desk.out
    assert "freshness" not in desk.out, "nothing is promised, so nothing is said"
    assert desk.out.endswith("4 datasets, 3 active.\n")


def test_a_policy_that_is_not_valid_has_no_register(desk: Desk, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(GOOD, tmp_path / "broken"))
    (folder / "purposes.yaml").unlink()
    assert desk.run("contract", "list", str(folder)) == 3
    assert "purposes.yaml" in desk.err
    assert desk.run("contract", "list", str(tmp_path / "nowhere")) == 2
