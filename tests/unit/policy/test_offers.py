"""What an institution may ask for, told to it and to nobody else."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gateway.policy.offers import offers
from gateway.policy.snapshot import PolicySnapshot, load

DAY = date(2027, 1, 15)


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
    contract.write_text(contract.read_text(encoding="utf-8").replace("status: draft", "status: confirmed"), "utf-8")
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-xihu, xihu-office, *, extract, hangzhou/xihu, subsidy-audit, , allow\n")
        stream.write("p, g-all, city-office, *, extract, *, subsidy-audit, , allow\n")
    policy = load(folder)
    assert told(policy, "city-office")["firms/sectors subsidy-audit"] == ("hangzhou",)
    narrow = told(policy, "xihu-office")
    assert narrow["subsidies/audit-tiers subsidy-audit"] == ("hangzhou/xihu",)
    assert "firms/sectors subsidy-audit" not in narrow
