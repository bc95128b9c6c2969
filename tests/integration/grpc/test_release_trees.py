"""Releases over a tree of regions, through TLS: every level by itself, and totals that add up on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import STREETS, at_level, column, contributions, truth, within

ASK: dict[str, Any] = {"purpose": "academic-research", "region": "hangzhou/xihu"}
WHAT = ("fair_visits", "visits")
STATISTICS = (gw.count(), gw.sum_of("amount"))
NAMES = ("count", "sum(amount)")
COMMUNITIES = [f"{street}/c0{number}" for street in STREETS for number in (1, 2, 3)]
PLAN: dict[str, Any] = {"group_by": [gw.down_to("next_stop", "community")], "epsilon": 6.0, **ASK}


def exact(fair: Fair, name: str) -> dict[str, float]:
    """Of each region what the communities in it have together: visitors are bounded there."""
    found = contributions(within(fair.rows, "hangzhou/xihu"), [at_level("next_stop", 4)])
    below = {place: truth(name, found[(place,)]) or 0 for place in COMMUNITIES}
    tree = ["hangzhou/xihu", *STREETS, *COMMUNITIES]
    return {region: sum(below[place] for place in below if f"{place}/".startswith(f"{region}/")) for region in tree}


def by_region(release: gw.Release, name: str) -> dict[str, Any]:
    table = release.to_arrow()
    return dict(zip(column(table, "next_stop"), column(table, name), strict=True))


def children(region: str, regions: Sequence[str]) -> list[str]:
    return [one for one in regions if one.rpartition("/")[0] == region]


def test_every_region_down_to_a_level_is_near_its_truth(fair: Fair) -> None:
    release = fair.gateway.release(*WHAT, STATISTICS, **PLAN)
    for name in NAMES:
        wanted = exact(fair, name)
        values, margins = by_region(release, name), by_region(release, f"{name} ±95%")
        assert sorted(values) == sorted(wanted) and next(iter(values)) == "hangzhou/xihu"
        assert [one.rpartition("/")[0] in list(values)[:at] for at, one in enumerate(values) if at] == [True] * 12
        for region, value in values.items():
            assert abs(value - wanted[region]) <= 6 * margins[region], (name, region)
            assert margins[region] < wanted[region] / 2, "such noise would prove nothing"
    # each region has noise of its own
    counts = by_region(release, "count")
    assert any(
        counts[region] != sum(counts[one] for one in children(region, list(counts)))
        for region in ("hangzhou/xihu", *STREETS)
    )


@pytest.mark.parametrize("non_negative", [False, True])
def test_consistent_totals_add_up_and_cost_nothing(fair: Fair, non_negative: bool) -> None:
    release = fair.gateway.release(*WHAT, STATISTICS, **PLAN)
    paid = fair.spent()
    shown = gw.Shown(consistent=True, non_negative=non_negative)
    again = fair.gateway.get_release(release.release_id, shown=shown, purpose=ASK["purpose"])
    assert fair.spent() == paid
    steps = {item.name: " ".join(item.post_processing) for item in again.message.columns}
    for name in NAMES:
        wanted = exact(fair, name)
        values, margins = by_region(again, name), by_region(again, f"{name} ±95%")
        for region in ("hangzhou/xihu", *STREETS):
            total = sum(values[one] for one in children(region, list(values)))
            assert values[region] == pytest.approx(total, abs=1e-6 * abs(total))
        assert all(abs(values[region] - wanted[region]) <= 6 * margins[region] for region in values)
        assert "consistent" in steps[name]
        assert not non_negative or all(value >= 0 and value == int(value) for value in values.values())


@pytest.mark.parametrize(
    ("statistic", "shown", "group_by", "place"),
    [
        (gw.count(), gw.Shown(top=2), [gw.down_to("next_stop", "street")], "presentation.top"),
        (gw.count(), gw.Shown(consistent=True), [gw.by_level("next_stop", "street")], "presentation.consistent"),
        (gw.count(), gw.Shown(), [gw.down_to("next_stop", "city")], "plan.group_by[0]"),
        (gw.count(), gw.Shown(), [gw.down_to("gate", "street")], "plan.group_by[0]"),
        # who is in two communities is two in the total of both
        (gw.count_units(), gw.Shown(), [gw.down_to("next_stop", "street")], "plan.statistics[0]"),
    ],
    ids=["top of a tree", "consistent without a tree", "a level above", "no regions", "what does not add up"],
)
def test_what_a_tree_is_not_for_is_refused_and_free(
    fair: Fair, statistic: Any, shown: gw.Shown, group_by: list[Any], place: str
) -> None:
    before = fair.spent()
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.release(*WHAT, [statistic], group_by=group_by, epsilon=0.5, shown=shown, **ASK)
    assert [where for where, _ in raised.value.violations] == [place]
    assert fair.spent() == before
