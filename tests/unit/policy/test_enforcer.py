"""Casbin's answers: by name, deny over all, and nothing for names that look like patterns."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from gateway.model.contract import DisclosureKind
from gateway.model.purpose import LegalBasis, Purpose
from gateway.model.region import Region, RegionLevel
from gateway.model.terms import Terms
from gateway.policy import enforcer as module
from gateway.policy.enforcer import Enforcer, ModelError, Ruling
from gateway.policy.grants import Effect, Grant
from gateway.policy.purposes import PurposeTree
from gateway.policy.regions import RegionTree
from gateway.policy.roles import RoleLink, Roles
from gateway.policy.snapshot import PolicySnapshot
from tests.unit.policy.conftest import GOOD

TRACING = "health_cases/tracing"
MODEL = (GOOD / "model.conf").read_text(encoding="utf-8")


def ids(ruling: Ruling) -> list[str]:
    return [grant.id for grant in ruling.grants]


def ask(snapshot: PolicySnapshot, recipient: str, region: str, purpose: str, obj: str = TRACING) -> Ruling:
    return snapshot.ruling(recipient, obj, DisclosureKind.EXTRACT, region, purpose)


def test_a_grant_covers_its_subtrees_and_roles(snapshot: PolicySnapshot) -> None:
    for recipient in ("police", "police-xihu"):
        for region in ("hangzhou", "hangzhou/xiacheng/wulin/c01"):
            for purpose in ("epidemic-control", "contact-tracing"):
                assert ids(ask(snapshot, recipient, region, purpose)) == ["g-trace"]


@pytest.mark.parametrize(
    ("recipient", "region", "purpose"),
    [
        ("zju", "hangzhou", "epidemic-control"),
        ("police", "hangzhou", "subsidy-audit"),
        ("Police", "hangzhou", "epidemic-control"),
        ("polic", "hangzhou", "epidemic-control"),
    ],
)
def test_what_nothing_allows_is_not_granted(
    snapshot: PolicySnapshot, recipient: str, region: str, purpose: str
) -> None:
    assert ask(snapshot, recipient, region, purpose) == Ruling(False, ())


def test_kind_and_disclosure_are_exact(snapshot: PolicySnapshot) -> None:
    assert not snapshot.ruling("police", TRACING, DisclosureKind.LOOKUP, "hangzhou", "epidemic-control").grants
    assert not ask(snapshot, "police", "hangzhou", "epidemic-control", "health_cases/one-case").grants


def test_a_deny_refuses_its_region_and_every_region_around_it(snapshot: PolicySnapshot) -> None:
    for region in ("hangzhou", "hangzhou/xiacheng", "hangzhou/xiacheng/wulin", "hangzhou/xiacheng/wulin/c01"):
        assert ask(snapshot, "police-xiacheng", region, "contact-tracing") == Ruling(True, ())
    assert ids(ask(snapshot, "police-xiacheng", "hangzhou/xihu", "contact-tracing")) == ["g-trace"]


def test_a_deny_is_told_also_where_nothing_is_allowed(snapshot: PolicySnapshot) -> None:
    assert ask(snapshot, "anybody", "hangzhou", "social-scoring", "subsidies/by-tier") == Ruling(True, ())
    assert ask(snapshot, "anybody", "hangzhou", "social-scoring", "never/heard-of") == Ruling(True, ())


HOSTILE = [
    "", "*", "hangzhou/*", "hangzhou/", "/", "..", "hangzhou/../hangzhou", "hangzhou,", "hangzhou\n", " hangzhou",
    "ｈａｎｇｚｈｏｕ", "杭州", '" || true || "', "x" * 100_000, "?", "p.sub", "police", "\x00", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_match_nothing(snapshot: PolicySnapshot, text: str) -> None:
    good = ("police", TRACING, "hangzhou", "epidemic-control")
    assert snapshot.ruling(good[0], good[1], DisclosureKind.EXTRACT, good[2], good[3]).grants
    for place in range(4):
        recipient, obj, region, purpose = (text if place == at else name for at, name in enumerate(good))
        if recipient == "police" and place == 0:
            continue
        assert not snapshot.ruling(recipient, obj, DisclosureKind.EXTRACT, region, purpose).grants


@pytest.mark.parametrize("obj", ["*", "health_cases/*", "health_cases", "health_cases/", "/tracing", "a/b/c"])
def test_an_object_with_wildcards_is_no_disclosure_even_for_an_allow_of_all(snapshot: PolicySnapshot, obj: str) -> None:
    everything = Grant("g-all", "police", "*", "*", "*", "epidemic-control", Terms(), Effect.ALLOW, 1)
    enforcer = Enforcer(MODEL, [everything], Roles(()), snapshot.regions, snapshot.purposes)
    assert ids(enforcer.ruling("police", "a/b", DisclosureKind.CHECK, "hangzhou", "epidemic-control")) == ["g-all"]
    assert enforcer.ruling("police", obj, DisclosureKind.CHECK, "hangzhou", "epidemic-control") == Ruling(False, ())


def test_a_name_that_begins_like_another_is_another() -> None:
    def region(path: str, level: RegionLevel) -> Region:
        return Region(path, level, path, path)

    regions = RegionTree(
        [region("c", RegionLevel.CITY), region("c/x", RegionLevel.DISTRICT), region("c/xx", RegionLevel.DISTRICT)]
    )
    basis = LegalBasis("", "")
    purposes = PurposeTree(
        Purpose(id_, None, id_, id_, "", basis, "", date(2027, 1, 1), False, None) for id_ in ("trace", "trace-late")
    )
    allow = Grant("g", "police", "d/one", "extract", "c/x", "trace", Terms(), Effect.ALLOW, 1)
    enforcer = Enforcer(MODEL, [allow], Roles(()), regions, purposes)
    good = ("police", "d/one", "c/x", "trace")
    assert ids(enforcer.ruling("police", "d/one", DisclosureKind.EXTRACT, "c/x", "trace")) == ["g"]
    for place, other in enumerate(("police-x", "d/one1", "c/xx", "trace-late")):
        who, obj, where, why = (other if at == place else name for at, name in enumerate(good))
        assert enforcer.ruling(who, obj, DisclosureKind.EXTRACT, where, why) == Ruling(False, ())


def test_several_allows_come_in_the_order_of_the_file(snapshot: PolicySnapshot) -> None:
    def allow(name: str, recipient: str, obj: str, region: str) -> Grant:
        return Grant(name, recipient, obj, "*", region, "epidemic-control", Terms(), Effect.ALLOW, 1)

    grants = [
        allow("g-3", "police", "*", "*"),
        allow("g-1", "police-xihu", TRACING, "hangzhou/xihu"),
        allow("g-9", "zju", "*", "*"),
        allow("g-2", "city", "health_cases/*", "hangzhou"),
    ]
    roles = Roles([RoleLink("police-xihu", "police", 1), RoleLink("police", "city", 2)])
    enforcer = Enforcer(MODEL, grants, roles, snapshot.regions, snapshot.purposes)
    held = enforcer.ruling("police-xihu", TRACING, DisclosureKind.EXTRACT, "hangzhou/xihu", "contact-tracing")
    assert ids(held) == ["g-3", "g-1", "g-2"]


def test_another_model_is_refused(snapshot: PolicySnapshot) -> None:
    for text in (MODEL.replace("m = ", "m = 1 == 1 || "), MODEL.replace("g = _, _", "g = _, _, _"), ""):
        with pytest.raises(ModelError):
            Enforcer(text, (), Roles(()), snapshot.regions, snapshot.purposes)


def test_an_extra_definition_is_refused(snapshot: PolicySnapshot) -> None:
    with pytest.raises(ModelError):
        Enforcer(MODEL + "m2 = true\n", (), Roles(()), snapshot.regions, snapshot.purposes)


def test_callers_cannot_make_the_gateway_remember_more(
    snapshot: PolicySnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CACHED_ANSWERS", 10)
    enforcer = Enforcer(MODEL, snapshot.grants, snapshot.roles, snapshot.regions, snapshot.purposes)
    for number in range(40):
        for kind in DisclosureKind:
            enforcer.ruling(f"who-{number}", f"d{number}/x", kind, "hangzhou", "open-data")
            enforcer.ruling("x" * 1000, f"d{number}/x", kind, "hangzhou", "open-data")
            enforcer.ruling(f"who-{number}", "d" * 1000 + "/x", kind, "hangzhou", "open-data")
    kept = [*enforcer._young, *enforcer._old]
    assert 5 <= len(kept) <= 10
    assert all(len(recipient) + len(obj) < 600 for recipient, obj, *_ in kept)
    assert len(enforcer._desks) <= 1, "one thread needs one enforcer, whatever it asks"


def test_what_is_asked_again_stays_remembered(snapshot: PolicySnapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CACHED_ANSWERS", 10)
    enforcer = Enforcer(MODEL, snapshot.grants, snapshot.roles, snapshot.regions, snapshot.purposes)
    asked = ("police", TRACING, DisclosureKind.EXTRACT, "hangzhou", "contact-tracing")
    first = enforcer.ruling(*asked)
    assert first.grants
    for number in range(60):
        enforcer.ruling(f"who-{number}", TRACING, DisclosureKind.EXTRACT, "hangzhou", "contact-tracing")
        assert enforcer.ruling(*asked) is first, "an answer made anew would be another object"


def test_no_request_is_logged(snapshot: PolicySnapshot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    enforcer = Enforcer(MODEL, snapshot.grants, snapshot.roles, snapshot.regions, snapshot.purposes)
    enforcer.ruling("canary-recipient", TRACING, DisclosureKind.EXTRACT, "hangzhou", "contact-tracing")
    enforcer.ruling("police", TRACING, DisclosureKind.EXTRACT, "hangzhou", "contact-tracing")
    assert not caplog.records


def test_threads_that_build_shards_together_agree(snapshot: PolicySnapshot) -> None:
    questions = [
        (recipient, f"{contract.dataset}/{spec.name}", spec.kind, region, purpose)
        for recipient in ("police", "police-xiacheng", "zju", "audit-office")
        for contract in snapshot.contracts.values()
        for spec in contract.disclosures.values()
        for region in ("hangzhou", "hangzhou/xihu")
        for purpose in snapshot.purposes.ids()
    ]
    expected = {question: snapshot.ruling(*question) for question in questions}
    for _ in range(3):
        enforcer = Enforcer(MODEL, snapshot.grants, snapshot.roles, snapshot.regions, snapshot.purposes)
        gate = threading.Barrier(8)

        def work(offset: int, enforcer: Enforcer = enforcer, gate: threading.Barrier = gate) -> list[object]:
            gate.wait(30)
            ordered = questions[offset:] + questions[:offset]
            return [question for question in ordered if enforcer.ruling(*question) != expected[question]]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(0, 56, 7), timeout=60)) == [[]] * 8
