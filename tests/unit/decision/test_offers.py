"""What an institution may ask for, told to it and to nobody else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.decision.offers import offers
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.conftest import GOOD

DAY = date(2027, 1, 15)
GOOD_CASES = (GOOD / "contracts/health_cases.yaml").read_text("utf-8")


def told(
    policy: PolicySnapshot, institution: str, today: date = DAY, *, purpose: str = "", dataset: str = ""
) -> dict[str, tuple[str, ...]]:
    return {
        f"{offer.contract.dataset}/{offer.disclosure.name} {offer.purpose}": offer.regions
        for offer in offers(policy, institution, today, purpose, dataset)
    }


def test_grants_are_offered_for_their_purpose_and_the_more_specific(snapshot: PolicySnapshot) -> None:
    assert told(snapshot, "police-xihu") == {
        "health_cases/tracing epidemic-control": ("hangzhou",),
        "health_cases/tracing contact-tracing": ("hangzhou",),
        "health_cases/one-case epidemic-control": ("hangzhou/xiacheng",),
        "health_cases/one-case contact-tracing": ("hangzhou/xiacheng",),
    }


def test_where_a_deny_reaches_in_the_parts_beside_it_are_offered(snapshot: PolicySnapshot) -> None:
    assert told(snapshot, "police-xiacheng", purpose="contact-tracing") == {
        "health_cases/tracing contact-tracing": ("hangzhou/xihu",)
    }


def test_offers_carry_terms_basis_and_end(snapshot: PolicySnapshot) -> None:
    (audit,) = (offer for offer in offers(snapshot, "audit-office", DAY) if offer.disclosure.name == "audit-rows")
    assert audit.regions == ("hangzhou",)
    assert any("SJ-9999-A" in condition for condition in audit.conditions)
    assert audit.expires_on is None
    tracing = offers(snapshot, "police", DAY)[0]
    assert (tracing.expires_on, tracing.legal_basis.dpv) == (date(2027, 6, 30), "dpv:PublicInterest")


def conditions(policy: PolicySnapshot, institution: str, disclosure: str) -> set[str]:
    found = {offer.conditions for offer in offers(policy, institution, DAY) if offer.disclosure.name == disclosure}
    assert len(found) == 1
    return set(found.pop())


def test_offers_say_how_subjects_are_named_and_what_a_check_tests(folder: Path) -> None:
    assert {"subjects are named by resident_id", "tells whether eligible is true"} <= conditions(
        load(folder), "audit-office", "eligibility"
    )
    contract = folder / "contracts/health_cases.yaml"
    for written, said in (
        ("[token]", "subjects are named by your own token of resident_id"),
        ("[token, key]", "subjects are named by resident_id or your own token of resident_id"),
    ):
        contract.write_text(GOOD_CASES.replace("lookup_by: [key]", f"lookup_by: {written}"), "utf-8")
        assert said in conditions(load(folder), "police", "one-case")


def test_offers_say_which_rows_an_extract_gives(folder: Path) -> None:
    contract = folder / "contracts/health_cases.yaml"
    predicate = "predicate: [{field: diagnosis, op: in, values: [a, b]}, {field: onset, op: ge, value: '2026-01-01'}]"
    contract.write_text(GOOD_CASES.replace("kind: extract\n", f"kind: extract\n          {predicate}\n"), "utf-8")
    said = "rows where diagnosis is one of a, b and onset is at least 2026-01-01 00:00:00, and no others"
    assert said in conditions(load(folder), "police", "tracing")
    assert not any(line.startswith("rows where") for line in conditions(load(folder), "police", "one-case"))


def test_offers_say_how_narrow_a_region_may_be_named(folder: Path) -> None:
    policy = load(folder)
    together = "a part of a granted region only together with community, and no finer than a"
    assert f"{together} community" in conditions(policy, "police", "tracing")
    assert f"{together} district" in conditions(policy, "audit-office", "audit-rows")
    assert "a granted region as a whole, and no part of it" in conditions(policy, "audit-office", "eligibility")
    assert not any("granted region" in line for line in conditions(policy, "zju", "by-tier"))


def test_a_part_beside_a_deny_is_offered_only_if_the_rows_tell_it(folder: Path) -> None:
    contract = folder / "contracts/health_cases.yaml"
    contract.write_text(
        GOOD_CASES.replace("            community: keep\n            onset", "            onset"), "utf-8"
    )
    assert told(load(folder), "police-xiacheng", purpose="contact-tracing") == {}


def test_drafts_expired_purposes_and_idle_grants_are_not_offered(snapshot: PolicySnapshot) -> None:
    assert not any("firms" in offer for offer in told(snapshot, "audit-office"))
    assert told(snapshot, "police", date(2027, 6, 30)) != {}
    assert told(snapshot, "police", date(2027, 7, 1)) == {}
    assert told(snapshot, "zju", date(2025, 12, 31)) == {}
    assert set(told(snapshot, "zju", date(2026, 1, 1))) == {
        "subsidies/by-tier open-data", "subsidies/by-tier data-contest",
    }  # fmt: skip


@pytest.mark.parametrize("institution", ["stranger", "*", "", "police-xiachen"])
def test_strangers_are_offered_nothing(snapshot: PolicySnapshot, institution: str) -> None:
    assert offers(snapshot, institution, DAY) == ()


@pytest.mark.parametrize(
    ("dataset", "purpose"), [("subsidies", ""), ("nothing", ""), ("*", ""), ("", "open-data"), ("", "none")]
)
def test_what_is_not_granted_and_what_does_not_exist_look_the_same(
    snapshot: PolicySnapshot, dataset: str, purpose: str
) -> None:
    assert told(snapshot, "police", purpose=purpose, dataset=dataset) == {}


def test_a_denied_purpose_is_not_offered(folder: Path) -> None:
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, d-contest, *, *, *, *, data-contest, , deny\n")
    assert set(told(load(folder), "zju")) == {"subsidies/by-tier open-data"}


def test_a_narrower_region_is_told_apart_only_if_another_grant_holds_there(folder: Path) -> None:
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-x, audit-office, subsidies/audit-rows, extract, hangzhou/xihu, subsidy-audit, , allow\n")
    (offer,) = (one for one in offers(load(folder), "audit-office", DAY) if one.disclosure.name == "audit-rows")
    assert offer.regions == ("hangzhou", "hangzhou/xihu")
    assert any(line.startswith("in hangzhou: ") and "SJ-9999-A" in line for line in offer.conditions)
    assert "in hangzhou/xihu: no further terms" in offer.conditions


def test_a_dataset_without_regions_is_offered_at_the_root_alone(folder: Path) -> None:
    contract = folder / "contracts/firms.yaml"
    contract.write_text(contract.read_text(encoding="utf-8").replace("status: draft", "status: active"), "utf-8")
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-xihu, xihu-office, *, extract, hangzhou/xihu, subsidy-audit, , allow\n")
        stream.write("p, g-all, city-office, *, extract, *, subsidy-audit, , allow\n")
    policy = load(folder)
    assert told(policy, "city-office")["firms/sectors subsidy-audit"] == ("hangzhou",)
    narrow = told(policy, "xihu-office")
    assert narrow["subsidies/audit-tiers subsidy-audit"] == ("hangzhou/xihu",)
    assert "firms/sectors subsidy-audit" not in narrow
