"""A region may be named as finely as the rows tell it, and no finer."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from gateway.decision.granularity import finest_level, region_fits
from gateway.model.region import Region, RegionLevel
from gateway.model.terms import Terms
from gateway.model.treatment import GeneralizeRegion, Keep, Mask, Precision, Pseudonymize, Treatment
from gateway.policy.grants import Effect, Grant
from gateway.policy.regions import RegionTree
from gateway.policy.snapshot import PolicySnapshot

CITY, DISTRICT, STREET, COMMUNITY = "a", "a/b", "a/b/c", "a/b/c/d"
TREE = RegionTree(
    Region(path, level, path, path)
    for path, level in zip((CITY, DISTRICT, STREET, COMMUNITY), RegionLevel, strict=True)
)

CASES: list[tuple[Treatment | None, str, set[str]]] = [
    (Keep(), CITY, {CITY, DISTRICT, STREET, COMMUNITY}),
    (Keep(), "*", {CITY, DISTRICT, STREET, COMMUNITY}),
    (Keep(), STREET, {STREET, COMMUNITY}),
    (GeneralizeRegion(Precision.STREET), CITY, {CITY, DISTRICT, STREET}),
    (GeneralizeRegion(Precision.DISTRICT), CITY, {CITY, DISTRICT}),
    (GeneralizeRegion(Precision.CITY), CITY, {CITY}),
    (GeneralizeRegion(Precision.DISTRICT), STREET, {STREET}),
    (Pseudonymize(), CITY, {CITY}),
    (Mask(1, 1), DISTRICT, {DISTRICT}),
    (None, CITY, {CITY}),
    (None, "*", {CITY}),
    (None, COMMUNITY, {COMMUNITY}),
]


@pytest.mark.parametrize(("treatment", "granted", "allowed"), CASES)
def test_a_region_is_named_no_finer_than_the_rows_tell(
    treatment: Treatment | None, granted: str, allowed: set[str], snapshot: PolicySnapshot
) -> None:
    contract = replace(snapshot.contracts["health_cases"], region_field="community")
    fields = MappingProxyType({} if treatment is None else {"community": treatment})
    regions = (CITY, DISTRICT, STREET, COMMUNITY, "elsewhere", "a/", "", "*")
    fitting = {region for region in regions if region_fits(region, _grant(granted), contract, fields, TREE)}
    assert fitting == allowed


def test_a_dataset_without_regions_is_served_at_the_root_alone(snapshot: PolicySnapshot) -> None:
    contract = replace(snapshot.contracts["health_cases"], region_field=None)
    fields = {"community": Keep()}
    assert finest_level(contract, fields) is None
    assert [region for region in TREE.paths() if region_fits(region, _grant(CITY), contract, fields, TREE)] == [CITY]


def _grant(region: str) -> Grant:
    return Grant("g", "police", "health_cases/tracing", "extract", region, "contact-tracing", Terms(), Effect.ALLOW, 1)
