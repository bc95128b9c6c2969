"""Authority over the policy is delegated down the tree: what a change touches, and who may make it."""

from __future__ import annotations

import pytest

from gateway.decision.authority import Touch, exceeded, touched
from gateway.model.governance import Officer, Power
from tests.unit.decision.conftest import Edits

CITY = Touch("hangzhou", "*")
TRACE = "p, g-trace, police, health_cases/tracing, extract, hangzhou, epidemic-control, until=2027-06-30, allow\n"
DISTRICT = "p, g-new, police-xihu, health_cases/one-case, lookup, hangzhou/xihu, epidemic-control, max_keys=1, allow\n"
WULIN = "p, d-wulin, police-xiacheng, health_cases/*, *, hangzhou/xiacheng/wulin, *, , deny\n"


def officer(region: str, *datasets: str) -> Officer:
    return Officer("somewhere", "wang.fang", frozenset(Power), region, frozenset(datasets), b"k" * 32)


@pytest.mark.parametrize(
    ("file", "old", "new", "reached"),
    [
        ("grants.csv", "", DISTRICT, {Touch("hangzhou/xihu", "health_cases")}),
        ("grants.csv", TRACE, "", {Touch("hangzhou", "health_cases")}),
        ("grants.csv", WULIN, "", {Touch("hangzhou/xiacheng/wulin", "health_cases")}),
        ("grants.csv", "max_keys=2", "max_keys=3", {Touch("hangzhou/xiacheng", "health_cases")}),
        ("grants.csv", "", "p, d-any, zju, *, *, *, *, , deny\n", {CITY}),
        # a member gets whatever the role is granted
        (
            "grants.csv",
            "",
            "g, police-yuhang, police\n",
            {Touch("hangzhou", "health_cases"), Touch("hangzhou/xiacheng", "health_cases")},
        ),
        ("purposes.yaml", "", "\n# a word\n", {CITY}),
        ("budgets.yaml", "", "\n# a word\n", {CITY}),
        ("contracts/firms.yaml", "", "\n# a word\n", {Touch("hangzhou", "firms")}),
        ("README.md", "", "A note.\n", set()),
        ("grants.csv", "", "# a remark\n", set()),
    ],
    ids=[
        "grant",
        "gone",
        "deny gone",
        "term",
        "wildcard",
        "member",
        "purposes",
        "budgets",
        "contract",
        "note",
        "remark",
    ],
)
def test_a_change_touches(edited: Edits, file: str, old: str, new: str, reached: set[Touch]) -> None:
    assert touched(edited(), edited((file, old, new))) == reached
    assert touched(edited((file, old, new)), edited()) == reached


def test_the_order_of_grants_is_part_of_what_they_mean(edited: Edits) -> None:
    swapped = edited(("grants.csv", WULIN, ""), ("grants.csv", TRACE, WULIN + TRACE))
    assert Touch("hangzhou", "health_cases") in touched(edited(), swapped)


def test_an_officer_changes_the_own_subtree_and_datasets_alone() -> None:
    district = officer("hangzhou/xihu", "health_cases")
    inside = Touch("hangzhou/xihu/lingyin", "health_cases")
    assert exceeded(district, [inside]) == ()
    beyond = [
        Touch("hangzhou", "health_cases"),
        Touch("hangzhou/xihu", "*"),
        Touch("hangzhou/xihu", "firms"),
        Touch("hangzhou/xihus", "health_cases"),
    ]
    assert set(exceeded(district, [inside, *beyond])) == set(beyond)
    assert exceeded(officer("hangzhou", "*"), [inside, *beyond, CITY]) == ()
