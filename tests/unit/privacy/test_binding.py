"""Cells of regions: those of one level, or of a whole tree, within the region asked for."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import pytest

from gateway.decision.placeholders import grouping, statistic
from gateway.model.grouping import WRITTEN_GROUPING, ByRegion, ByRegionTree
from gateway.model.plan import AtLevel, BoundedQuery
from gateway.model.region import RegionLevel
from gateway.model.statistics import WRITTEN_STATISTIC, Statistic, StatisticKind, StatisticsQuery
from gateway.privacy.binding import NOT_ADDITIVE, Unbound, bind
from tests.unit.privacy.example import CONTRACT, DISCLOSURE

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
# y has no street, and so no place on any level below its own
PLACES = {
    RegionLevel.DISTRICT: ("hz/x", "hz/y", "hz/z"),
    RegionLevel.STREET: ("hz/x/1", "hz/x/2", "hz/z/1"),
}


def below_the_city(level: RegionLevel) -> tuple[str, ...]:
    """As if the region asked for were one whose own level has no name: only what lies below counts."""
    return {RegionLevel.CITY: ("hz",), **PLACES}.get(level, ())


def within_a_district(level: RegionLevel) -> tuple[str, ...]:
    return tuple(path for path in below_the_city(level) if path == "hz/x" or path.startswith("hz/x/"))


def bound(
    *groups: ByRegion | ByRegionTree,
    statistics: tuple[Statistic, ...] = (COUNT,),
    max_groups: int = 2,
    whole: bool = True,
) -> BoundedQuery | Unbound:
    spec = DISCLOSURE.statistics
    assert spec is not None
    fields = {
        **CONTRACT.fields,
        "place": replace(CONTRACT.fields["sector"], name="place", keys=None, regions=True),
        "home": replace(CONTRACT.fields["sector"], name="home", keys=None),
    }
    contract = replace(CONTRACT, fields=fields, region_field="home")
    named = replace(spec, group_by=("place", "home", "sector"), max_groups=max_groups)
    places = below_the_city if whole else within_a_district
    return bind(StatisticsQuery((), groups, statistics), contract, replace(DISCLOSURE, statistics=named), places)


@pytest.mark.parametrize("field", ["place", "home"])
def test_a_level_has_the_regions_below_the_one_asked_for(field: str) -> None:
    found = bound(ByRegion(field, RegionLevel.STREET))
    assert isinstance(found, BoundedQuery)
    assert (found.group_by[0].keys, found.group_by[0].by) == (PLACES[RegionLevel.STREET], AtLevel(3))
    inner = bound(ByRegion(field, RegionLevel.STREET), whole=False)
    assert isinstance(inner, BoundedQuery) and inner.group_by[0].keys == ("hz/x/1", "hz/x/2")


def test_a_tree_has_the_regions_above_its_leaves_as_well() -> None:
    found = bound(ByRegionTree("place", RegionLevel.STREET), ByRegion("home", RegionLevel.DISTRICT))
    assert isinstance(found, BoundedQuery)
    (tree, _) = found.group_by
    assert tree.tree == ("hz", "hz/x", "hz/z", *PLACES[RegionLevel.STREET])
    assert tree.parents == (-1, 0, 0, 1, 1, 2)
    assert (found.cells, found.levels, found.max_groups) == (18, 3, 2)
    inner = bound(ByRegionTree("place", RegionLevel.STREET), whole=False)
    assert isinstance(inner, BoundedQuery) and inner.group_by[0].tree == ("hz/x", "hz/x/1", "hz/x/2")
    assert inner.levels == 2


MEAN, MEDIAN = (
    Statistic(StatisticKind.MEAN, "amount"),
    Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 2),)),
)


@pytest.mark.parametrize(
    ("statistics", "max_groups", "answered"),
    [
        pytest.param((COUNT, MEAN), 2, True, id="counts and means"),
        pytest.param((UNITS,), 1, True, id="people who are in one place each"),
        pytest.param((COUNT, UNITS), 2, False, id="people who may be in several"),
        pytest.param((COUNT, MEDIAN), 1, False, id="medians"),
    ],
)
def test_over_a_tree_only_what_adds_up_is_answered(
    statistics: tuple[Statistic, ...], max_groups: int, answered: bool
) -> None:
    found = bound(ByRegionTree("place", RegionLevel.STREET), statistics=statistics, max_groups=max_groups)
    assert isinstance(found, BoundedQuery) == answered
    if not answered:
        assert found == Unbound(f"plan.statistics[{len(statistics) - 1}]", NOT_ADDITIVE)


@pytest.mark.parametrize(
    ("groups", "whole", "place"),
    [
        pytest.param((ByRegion("place", RegionLevel.COMMUNITY),), True, 0, id="a level that is not there"),
        pytest.param((ByRegionTree("place", RegionLevel.COMMUNITY),), True, 0, id="nor as a tree"),
        pytest.param((ByRegion("place", RegionLevel.CITY),), False, 0, id="a level above the region asked for"),
        pytest.param((ByRegionTree("place", RegionLevel.CITY),), False, 0, id="nor as a tree above it"),
        pytest.param((ByRegionTree("sector", RegionLevel.CITY),), True, 0, id="a field that holds no regions"),
        pytest.param(
            (ByRegionTree("place", RegionLevel.STREET), ByRegionTree("home", RegionLevel.STREET)),
            True,
            1,
            id="two trees",
        ),
    ],
)
def test_regions_that_there_are_not_are_refused(
    groups: tuple[ByRegion | ByRegionTree, ...], whole: bool, place: int
) -> None:
    found = bound(*groups, whole=whole)
    assert isinstance(found, Unbound) and found.place == f"plan.group_by[{place}]"


@pytest.mark.parametrize(
    "written", ["sector", "at by day", "place by street", "place by street and above", "age by bins"]
)
def test_groupings_are_read_as_they_are_written(written: str) -> None:
    assert re.fullmatch(WRITTEN_GROUPING, written)
    assert str(grouping(written)) == written


@pytest.mark.parametrize(
    "written", ["", "at by", "at by day and above", "place and above", "1a", " a", "a by year by day"]
)
def test_what_is_no_grouping_is_not_read(written: str) -> None:
    assert not re.fullmatch(WRITTEN_GROUPING, written)


@pytest.mark.parametrize(
    "written", ["count", "count_units", *(f"{kind}(f)" for kind in ("sum", "mean", "variance", "quantiles"))]
)
def test_statistics_are_read_as_they_are_written(written: str) -> None:
    assert re.fullmatch(WRITTEN_STATISTIC, written)
    assert str(statistic(written)) == written
