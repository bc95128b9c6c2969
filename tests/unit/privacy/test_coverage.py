"""What a release says it leaves out follows from contract and plan, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from gateway.model.contract import DataContract, DisclosureSpec, FieldSpec
from gateway.model.coverage import Coverage, CoverageKind
from gateway.model.errors import Fault
from gateway.model.filter import Condition, Operator
from gateway.model.grouping import ByBins, ByFoundKeys, ByKeys, ByPeriod, ByRegion, ByRegionTree, Grouping, Period
from gateway.model.permit import Permit
from gateway.model.region import RegionLevel
from gateway.model.statistics import Statistic, StatisticKind, StatisticsQuery
from gateway.model.values import FieldType
from gateway.privacy.binding import Unbound, bind
from gateway.privacy.coverage import beyond_top, covered
from gateway.privacy.pricing import settle
from gateway.server.wire.releases import COVERAGE_KINDS
from tests.unit.privacy.example import CONTRACT, DISCLOSURE, HALF, permit_for, request_for, with_found_keys

COUNT = Statistic(StatisticKind.COUNT, None)
UNITS = Statistic(StatisticKind.COUNT_UNITS, None)
SUM = Statistic(StatisticKind.SUM, "amount")
PLACES = {RegionLevel.CITY: ("hangzhou",), RegionLevel.DISTRICT: ("hangzhou/xihu", "hangzhou/gongshu", "hangzhou/x")}
TEXT: FieldSpec = replace(CONTRACT.fields["sector"], name="community", keys=None)


def asked(
    *statistics: Statistic,
    group_by: tuple[Grouping, ...] = (),
    filters: tuple[Condition, ...] = (),
    contract: DataContract = CONTRACT,
    disclosure: DisclosureSpec = DISCLOSURE,
) -> Permit:
    """The permit of a plan."""
    query = StatisticsQuery(filters, group_by, statistics)
    permit = permit_for(StatisticsQuery((), (), ()))
    bound = bind(query, contract, disclosure, lambda level: PLACES.get(level, ()))
    assert not isinstance(bound, Unbound), bound
    scope = replace(permit.scope, contract=contract, disclosure=disclosure)
    return replace(permit, scope=scope, request=request_for(query), release=settle(bound, statistics, HALF, contract))


def kinds(found: tuple[Coverage, ...]) -> list[tuple[str, str]]:
    return [(one.kind.value, one.field) for one in found]


def text_of(found: tuple[Coverage, ...], kind: CoverageKind, field: str = "") -> str:
    (text,) = [one.text for one in found if (one.kind, one.field) == (kind, field)]
    return text


def test_a_plain_count_leaves_out_what_has_no_unit_and_what_is_too_much_of_one() -> None:
    found = covered(asked(COUNT))
    assert kinds(found) == [("empty_cells_shown", ""), ("no_privacy_unit", "resident_id"), ("rows_beyond_limit", "")]
    assert "resident counts for as much as 3 rows" in text_of(found, CoverageKind.ROWS_BEYOND_LIMIT)
    assert CoverageKind.ROWS_BEYOND_LIMIT not in {one.kind for one in covered(asked(UNITS))}  # each counts once


def test_every_grouping_filter_and_number_says_what_it_leaves_out() -> None:
    days = ByPeriod("day", Period.MONTH, date(2026, 1, 5), date(2026, 3, 1))
    sector = Condition("sector", Operator.EQUAL, ("a",))
    permit = asked(COUNT, SUM, group_by=(ByKeys("sector"), days, ByBins("amount", Fraction(50))), filters=(sector,) * 2)
    found = covered(permit)
    assert kinds(found)[2:] == [
        ("filtered_out", "sector"),
        ("undeclared_key", "sector"),
        ("outside_periods", "day"),
        ("clamped", "amount"),
        ("missing_value", "amount"),
        ("clamped", "amount"),
        ("cells_beyond_limit", ""),
        ("rows_beyond_limit", ""),
    ]
    assert "months from that of 2026-01-05 to that of 2026-03-01" in text_of(found, CoverageKind.OUTSIDE_PERIODS, "day")
    assert all("below -50 or above 200" in one.text for one in found if one.kind is CoverageKind.CLAMPED)
    assert "at most 2 cells. Of one" in text_of(found, CoverageKind.CELLS_BEYOND_LIMIT)
    assert kinds(covered(asked(COUNT, group_by=(ByKeys("sector"),))))[-2:] == [
        ("cells_beyond_limit", ""),
        ("rows_beyond_limit", ""),
    ]


def test_regions_consent_and_retention_are_told() -> None:
    contract = replace(
        CONTRACT,
        region_field="community",
        retention_days=30,
        retention_field="day",
        fields={**CONTRACT.fields, "community": TEXT},
    )
    assert DISCLOSURE.statistics is not None
    statistics = replace(DISCLOSURE.statistics, group_by=("community",), max_groups=1)
    disclosure = replace(DISCLOSURE, consent_field="agreed", statistics=statistics)
    place = ByRegion("community", RegionLevel.DISTRICT)
    found = covered(asked(COUNT, group_by=(place,), contract=contract, disclosure=disclosure))
    assert kinds(found)[1:6] == [
        ("no_privacy_unit", "resident_id"),
        ("outside_region", "community"),
        ("without_consent", "agreed"),
        ("past_retention", "day"),
        ("undeclared_key", "community"),
    ]
    assert "not within hangzhou," in text_of(found, CoverageKind.OUTSIDE_REGION, "community")
    assert "before 2026-10-02," in text_of(found, CoverageKind.PAST_RETENTION, "day")
    tree = ByRegionTree("community", RegionLevel.DISTRICT)
    found = covered(asked(COUNT, group_by=(tree,), contract=contract, disclosure=disclosure))
    assert "at most 1 cell of each level." in text_of(found, CoverageKind.CELLS_BEYOND_LIMIT)


def test_of_found_keys_it_says_from_where_on_they_are_shown() -> None:
    disclosure = with_found_keys(DISCLOSURE, ("sector",), "0.000001")
    permit = asked(UNITS, group_by=(ByFoundKeys("sector"),), disclosure=disclosure)
    found = covered(permit)
    assert permit.release is not None and permit.release.threshold is not None
    assert kinds(found)[0] == ("below_threshold", "") and ("cells_beyond_limit", "") in kinds(found)
    assert f"below {permit.release.threshold.least} are not shown" in found[0].text
    assert "longer than 256 characters" in text_of(found, CoverageKind.UNDECLARED_KEY, "sector")
    assert CONTRACT.fields["sector"].type is FieldType.STRING


def test_every_kind_is_on_the_wire_and_a_top_is_told() -> None:
    assert set(COVERAGE_KINDS) == set(CoverageKind)
    assert len(set(COVERAGE_KINDS.values())) == len(CoverageKind) and 0 not in COVERAGE_KINDS.values()
    assert beyond_top(3).kind is CoverageKind.BEYOND_TOP and "Only the 3 cells" in beyond_top(3).text


def test_rows_have_no_coverage() -> None:
    with pytest.raises(Fault):
        covered(permit_for(StatisticsQuery((), (), ())))
