"""The nearest request keeps the purpose, passes, and tells nobody what they have no grant for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gateway.decision.nearest import nearest
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.filter import Condition, Operator
from gateway.model.permit import NearestRequest
from gateway.policy.snapshot import PolicySnapshot, load
from tests.unit.policy.requests import release, rows

DAY = date(2027, 1, 15)
NOT_GRANTED = ErrorReason.DISCLOSURE_NOT_GRANTED
EXTRACT, LOOKUP, CHECK = DisclosureKind.EXTRACT, DisclosureKind.LOOKUP, DisclosureKind.CHECK
CASE = "SJ-2027-x"


def test_fields_are_narrowed_to_those_disclosed(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing", fields=("diagnosis", "onset", "community", "zz"))
    found = nearest(snapshot, "police", request, DAY, ErrorReason.FIELD_NOT_GRANTED)
    assert found == NearestRequest(fields=("community", "onset"))


def test_where_no_field_is_disclosed_all_that_are_get_proposed(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing", fields=("diagnosis",))
    found = nearest(snapshot, "police", request, DAY, ErrorReason.FIELD_NOT_GRANTED)
    assert found == NearestRequest(fields=("resident_id", "community", "onset"))


def test_an_undeclared_field_is_answered_like_a_withheld_one(snapshot: PolicySnapshot) -> None:
    answers = {
        nearest(
            snapshot,
            "police",
            rows(EXTRACT, "health_cases/tracing", "contact-tracing", fields=(name, "onset")),
            DAY,
            ErrorReason.FIELD_NOT_GRANTED,
        )
        for name in ("diagnosis", "no_such_field")
    }
    assert answers == {NearestRequest(fields=("onset",))}


@pytest.mark.parametrize(
    ("asked", "proposed"),
    [
        ("hangzhou", "hangzhou/xiacheng"),
        ("hangzhou/xihu", "hangzhou/xiacheng"),
        ("nowhere", "hangzhou/xiacheng"),
        ("*", "hangzhou/xiacheng"),
    ],
)
def test_the_region_is_narrowed_to_a_granted_one(snapshot: PolicySnapshot, asked: str, proposed: str) -> None:
    request = rows(LOOKUP, "health_cases/one-case", "contact-tracing", asked, keys=1)
    found = nearest(snapshot, "police", request, DAY, ErrorReason.REGION_NOT_GRANTED)
    assert found == NearestRequest(region=proposed)


def test_the_part_beside_a_deny_is_proposed(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing")
    found = nearest(snapshot, "police-xiacheng", request, DAY, ErrorReason.DENIED_BY_RULE)
    assert found == NearestRequest(region="hangzhou/xihu")


@pytest.mark.parametrize(
    ("fields", "asked", "proposed"),
    [
        # the location leaves as a district
        ((), "hangzhou/xiacheng", None),
        ((), "hangzhou/xiacheng/wulin", "hangzhou"),
        (("tier", "community"), "hangzhou/xiacheng/wulin", "hangzhou"),
        # it does not leave at all
        (("tier",), "hangzhou/xiacheng", "hangzhou"),
        (("tier",), "hangzhou", None),
    ],
)
def test_no_region_is_proposed_that_is_finer_than_the_rows_tell(
    snapshot: PolicySnapshot, fields: tuple[str, ...], asked: str, proposed: str | None
) -> None:
    request = rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit", asked, fields=fields, case_number=CASE)
    found = nearest(snapshot, "audit-office", request, DAY, ErrorReason.CAP_EXCEEDED)
    assert found == (None if proposed is None else NearestRequest(region=proposed))


def test_statistics_may_be_asked_of_any_part(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "subsidies/audit-rows", "open-data", "hangzhou/xiacheng/wulin")
    found = nearest(snapshot, "zju", request, DAY, NOT_GRANTED)
    assert found == NearestRequest(disclosure="by-tier")


def test_the_closest_region_comes_first(folder: Path) -> None:
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-xihu, street, health_cases/tracing, extract, hangzhou/xihu, contact-tracing, , allow\n")
        stream.write(
            "p, g-c01, street, health_cases/tracing, extract, hangzhou/xiacheng/wulin/c01, contact-tracing, , allow\n"
        )
    policy = load(folder)
    for asked, proposed in (
        ("hangzhou/xiacheng", "hangzhou/xiacheng/wulin/c01"),
        ("hangzhou/xiacheng/wulin", "hangzhou/xiacheng/wulin/c01"),
        ("hangzhou", "hangzhou/xihu"),
    ):  # fmt: skip
        request = rows(EXTRACT, "health_cases/tracing", "contact-tracing", asked)
        found = nearest(policy, "street", request, DAY, ErrorReason.REGION_NOT_GRANTED)
        assert found == NearestRequest(region=proposed)


def test_another_disclosure_of_the_same_kind_comes_before_statistics(folder: Path) -> None:
    def asked(policy: PolicySnapshot) -> NearestRequest | None:
        request = rows(EXTRACT, "subsidies/audit-rows", "open-data", fields=("tier", "phone"))
        return nearest(policy, "zju", request, DAY, NOT_GRANTED)

    assert asked(load(folder)) == NearestRequest(disclosure="by-tier")
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-tiers, zju, subsidies/audit-tiers, extract, hangzhou, open-data, , allow\n")
    assert asked(load(folder)) == NearestRequest(disclosure="audit-tiers", fields=("tier",))


def test_nothing_wider_is_proposed(folder: Path) -> None:
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, g-rows, city-tax, subsidies/audit-tiers, extract, hangzhou, subsidy-audit, , allow\n")
    policy = load(folder)
    steward = NearestRequest(steward=policy.steward("subsidies"))
    for keys in (0, 1):
        check = rows(CHECK, "subsidies/eligibility", "subsidy-audit", keys=keys)
        assert nearest(policy, "city-tax", check, DAY, NOT_GRANTED) == steward
    statistic = release("subsidies/by-tier", "subsidy-audit")
    assert nearest(policy, "city-tax", statistic, DAY, NOT_GRANTED) == steward


def test_the_purpose_is_kept(snapshot: PolicySnapshot) -> None:
    # police hold this very disclosure for another purpose: they are sent to the steward, not to that purpose
    request = rows(EXTRACT, "health_cases/tracing", "subsidy-audit")
    found = nearest(snapshot, "police", request, DAY, ErrorReason.PURPOSE_NOT_GRANTED)
    assert found == NearestRequest(steward=snapshot.steward("health_cases"))


@pytest.mark.parametrize("dataset", ["subsidies", "firms", "no_such_dataset", "*"])
def test_a_dataset_without_a_grant_is_answered_like_none(snapshot: PolicySnapshot, dataset: str) -> None:
    for purpose, answer in (
        ("contact-tracing", NearestRequest(steward="health-commission")),
        ("open-data", None), ("no-such-purpose", None), ("social-scoring", None), ("*", None),
    ):  # fmt: skip
        request = rows(EXTRACT, f"{dataset}/audit-rows", purpose)
        assert nearest(snapshot, "police", request, DAY, NOT_GRANTED) == answer


def test_strangers_learn_nothing(snapshot: PolicySnapshot) -> None:
    for recipient in ("stranger", "*", ""):
        request = rows(EXTRACT, "health_cases/tracing", "contact-tracing")
        assert nearest(snapshot, recipient, request, DAY, NOT_GRANTED) is None


def test_a_grant_that_is_denied_everywhere_is_no_grant(folder: Path) -> None:
    with (folder / "grants.csv").open("a", encoding="utf-8") as stream:
        stream.write("p, d-police, police, health_cases/*, *, *, *, , deny\n")
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing")
    assert nearest(load(folder), "police", request, DAY, ErrorReason.DENIED_BY_RULE) is None


def test_an_expired_purpose_leads_to_the_steward(snapshot: PolicySnapshot) -> None:
    request = rows(EXTRACT, "health_cases/tracing", "contact-tracing")
    found = nearest(snapshot, "police", request, date(2027, 7, 1), ErrorReason.PURPOSE_EXPIRED)
    assert found == NearestRequest(steward=snapshot.steward("health_cases"))


def test_nothing_is_proposed_for_an_expired_purpose_though_the_grant_goes_on(snapshot: PolicySnapshot) -> None:
    request = rows(LOOKUP, "health_cases/one-case", "contact-tracing", keys=1)
    last, after = date(2027, 6, 30), date(2027, 7, 1)
    proposed = nearest(snapshot, "police", request, last, ErrorReason.PURPOSE_EXPIRED)
    assert proposed == NearestRequest(region="hangzhou/xiacheng")
    steward = NearestRequest(steward=snapshot.steward("health_cases"))
    assert nearest(snapshot, "police", request, after, ErrorReason.PURPOSE_EXPIRED) == steward


def test_what_only_the_caller_can_mend_has_no_nearest_request(snapshot: PolicySnapshot) -> None:
    audit = rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit")
    assert nearest(snapshot, "audit-office", audit, DAY, ErrorReason.CASE_NUMBER_REQUIRED) is None
    lookup = rows(LOOKUP, "health_cases/one-case", "contact-tracing", "hangzhou/xiacheng", keys=3)
    assert nearest(snapshot, "police", lookup, DAY, ErrorReason.CAP_EXCEEDED) is None


def test_filters_that_a_disclosure_does_not_take_rule_it_out(snapshot: PolicySnapshot) -> None:
    fields = ("tier", "eligible")
    request = rows(EXTRACT, "subsidies/audit-rows", "subsidy-audit", fields=fields, case_number=CASE)
    narrowed = nearest(snapshot, "audit-office", request, DAY, ErrorReason.FIELD_NOT_GRANTED)
    assert narrowed == NearestRequest(fields=("tier",))
    for condition in (
        Condition("amount_yuan", Operator.EQUAL, (1,)), Condition("tier", Operator.EQUAL, (1,)),
        Condition("tier", Operator.EQUAL, ("A", "B")),
    ):  # fmt: skip
        filtered = replace(request, filters=(condition,))
        found = nearest(snapshot, "audit-office", filtered, DAY, ErrorReason.FIELD_NOT_GRANTED)
        assert found == NearestRequest(steward=snapshot.steward("subsidies"))


def test_a_draft_is_never_proposed_nor_named(snapshot: PolicySnapshot) -> None:
    for fields in ((), ("sector", "no_such")):
        request = rows(EXTRACT, "firms/sectors", "subsidy-audit", fields=fields)
        found = nearest(snapshot, "audit-office", request, DAY, NOT_GRANTED)
        assert found == NearestRequest(steward="audit-office"), "the owner of the purpose"
