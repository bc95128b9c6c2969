"""Regions and purposes: exact on segments and ids."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.model.region import RegionLevel
from gateway.policy.snapshot import PolicySnapshot


def test_regions_know_their_tree(snapshot: PolicySnapshot) -> None:
    tree = snapshot.regions
    assert tree.root.path == "hangzhou"
    assert [child.path for child in tree.children("hangzhou")] == ["hangzhou/xiacheng", "hangzhou/xihu"]
    assert [below.path for below in tree.descendants("hangzhou/xiacheng")] == [
        "hangzhou/xiacheng", "hangzhou/xiacheng/wulin", "hangzhou/xiacheng/wulin/c01",
    ]  # fmt: skip
    assert [one.path for one in tree.descendants("hangzhou", RegionLevel.DISTRICT)] == [
        "hangzhou/xiacheng", "hangzhou/xihu",
    ]  # fmt: skip
    found = tree.get("hangzhou/xihu")
    assert found is not None
    assert (found.level, found.name_zh) == (RegionLevel.DISTRICT, "西湖区")


@pytest.mark.parametrize("path", ["", "*", "hangzhou/", "/hangzhou", "Hangzhou", "hangzhou/xi", "hangzhou/../hangzhou"])
def test_unknown_regions_are_nowhere(snapshot: PolicySnapshot, path: str) -> None:
    assert not snapshot.regions.contains(path)
    assert snapshot.regions.get(path) is None
    assert snapshot.regions.children(path) == snapshot.regions.descendants(path) == ()


def test_purposes_know_what_is_more_specific(snapshot: PolicySnapshot) -> None:
    tree = snapshot.purposes
    assert tree.is_within("contact-tracing", "epidemic-control")
    assert tree.is_within("contact-tracing", "contact-tracing")
    assert not tree.is_within("epidemic-control", "contact-tracing")
    assert not tree.is_within("open-data", "epidemic-control")
    assert not tree.is_within("*", "*")
    assert tree.ancestors("data-contest") == ("open-data",)
    assert [purpose.id for purpose in tree.descendants("open-data")] == ["open-data", "data-contest"]
    assert tree.descendants("nothing") == ()


def test_a_purpose_ends_with_the_one_above(snapshot: PolicySnapshot) -> None:
    child = snapshot.purposes.get("contact-tracing")
    assert child is not None
    assert (child.parent, child.expires_on, child.emergency) == ("epidemic-control", date(2027, 6, 30), False)
