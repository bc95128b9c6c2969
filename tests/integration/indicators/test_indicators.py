"""Exact figures over a real file: who sees which, what is withheld, what changes, and what is on record of it."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.lanes.indicators import Reading
from gateway.model.errors import ErrorReason, Fault
from gateway.pipeline import Refused
from tests.integration.house import edit
from tests.integration.indicators.live import Live, board, shown
from tests.integration.indicators.register import CITY, COCKPITS, DISTRICT, STREET

LEAST = 10


def test_each_cockpit_sees_its_own_part_of_the_same_figures(live: Live) -> None:
    city = live.figures()
    assert city[CITY] == sum(live.people.values())
    assert {place: city[place] for place in live.people} == live.people
    for who, region in COCKPITS.items():
        own = live.figures(who)
        assert own == {place: value for place, value in city.items() if (place + "/").startswith(region + "/")}
    assert live.house.diary.events.count("aggregates") == 1, "counted once for all"


def test_a_street_sees_neither_the_one_beside_it_nor_its_district(live: Live) -> None:
    for region in (f"{DISTRICT}/tianshui", DISTRICT, CITY):
        refusal = live.read("cockpit-wulin", region)
        assert isinstance(refusal, Refused) and refusal.refusal.reason is ErrorReason.REGION_NOT_GRANTED
    assert "aggregates" not in live.house.diary.events


def test_a_small_community_is_withheld_and_does_not_follow_from_the_rest(live: Live) -> None:
    live.register(c01=LEAST - 1)
    city = live.figures()
    below = {name: city[f"{STREET}/{name}"] for name in ("c01", "c02", "c03")}
    assert below["c01"] is None and list(below.values()).count(None) == 2
    assert city[STREET] == LEAST - 1 + 40 + 40
    assert [value for place, value in city.items() if not place.startswith(STREET)].count(None) == 0


def test_a_figure_of_exactly_the_least_is_shown(live: Live) -> None:
    live.register(c01=LEAST)
    assert live.figures()[f"{STREET}/c01"] == LEAST


def test_people_who_are_in_two_places_count_once(live: Live) -> None:
    table = pq.read_table(live.data / "residents.parquet")
    moved = table.slice(0, 30).set_column(
        table.schema.get_field_index("community"), "community", pa.array([f"{STREET}/c02"] * 30)
    )
    pq.write_table(pa.concat_tables([table, moved.cast(table.schema)]), live.data / "new")
    os.replace(live.data / "new", live.data / "residents.parquet")
    live.later()
    assert live.figures()[CITY] == sum(live.people.values())


def test_figures_stay_until_enough_has_changed(live: Live) -> None:
    assert live.figures()[f"{STREET}/c01"] == 40
    live.register(c01=41)
    assert live.figures()[f"{STREET}/c01"] == 40 and live.figures()[CITY] == 40 * len(live.people)
    # units are told apart by 64 buckets: it takes a few more than the least to be sure of them
    live.register(c01=40 + 2 * LEAST)
    assert live.figures()[f"{STREET}/c01"] == 40 + 2 * LEAST
    assert live.figures()[STREET] == 120 + 2 * LEAST


def test_a_gateway_that_starts_again_remembers_what_was_shown(live: Live) -> None:
    live.figures()
    live.register(c01=41)
    live.board = board(live.house)
    assert live.figures()[f"{STREET}/c01"] == 40
    reading = live.read()
    assert isinstance(reading, Reading) and reading.shown.kept.version == 1


def test_figures_that_were_kept_are_not_those_of_other_keys(live: Live) -> None:
    contract = live.house.site.policies / "contracts" / "residents.yaml"
    edit(contract, "indicator: {statistics: [count_units],", "indicator: {statistics: [count_units], group_by: [sex],")
    live.register(c01=41)
    for old, new in (("[F, M]", "[M, F]"), ("[M, F]", "[M, F, X]"), ("[M, F, X]", "[M, F, X]")):
        live.house.ports.policy.reload()
        found = live.read()
        assert isinstance(found, Reading)
        told = {one.keys: one.values for one in found.shown.figures if one.region == CITY}
        men, women = (sum((count + odd) // 2 for count in live.people.values()) for odd in (0, 1))
        assert {("M",): (men,), ("F",): (women,)}.items() <= told.items()
        edit(contract, f"sex: {{keys: {old}}}", f"sex: {{keys: {new}}}")


def test_two_gateways_show_one_stream(live: Live) -> None:
    other = board(live.house)
    live.figures()
    live.register(c01=60)
    first = live.figures()
    live.board = other
    assert live.figures() == first
    assert live.house.diary.events.count("aggregates") == 2


def test_data_that_has_not_changed_is_not_read_again(live: Live) -> None:
    live.figures()
    live.later()
    live.figures()
    assert live.house.diary.events.count("aggregates") == 1


def test_a_watcher_gets_all_and_then_what_changes(live: Live) -> None:
    stream = live.watch("cockpit-wulin").shown
    first = next(stream)
    assert first is not None and first.whole and set(shown(first)) == {STREET, *(f"{STREET}/c0{n}" for n in (1, 2, 3))}
    assert next(stream) is None
    live.register(c02=60)
    live.register(c03=70)
    changed = next(stream)
    assert changed is not None and not changed.whole
    assert shown(changed) == {STREET: 40 + 60 + 70, f"{STREET}/c02": 60, f"{STREET}/c03": 70}, "the newest state alone"
    assert next(stream) is None
    stream.close()


def test_all_that_leaves_is_on_record_first(live: Live) -> None:
    stream = live.watch("cockpit-wulin").shown
    next(stream)
    record = live.house.audit.records[-1]
    assert (record.kind.value, record.region, record.rows, record.withheld_rows) == ("indicator", STREET, 4, 0)
    assert record.statistics == ("count_units",) and record.grouped_by == ("community by community and above",)
    assert "head counts" in record.noise_waived and record.release_id.endswith("/0") and record.loss is None
    assert set(record.obligations) == {"apply-filters", "restrict-region", "suppress-cells", "waive-noise"}
    live.register(c02=60)
    live.house.audit.failing_from = 0
    with pytest.raises(Fault, match="AUDIT_UNAVAILABLE"):
        next(stream)


def test_a_watch_ends_when_its_grant_does(live: Live) -> None:
    stream = live.watch("cockpit-wulin").shown
    next(stream)
    edit(live.house.site.policies / "grants.csv", "p, g-live-wulin", "# p, g-live-wulin")
    live.house.ports.policy.reload()
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(stream)
    refusal = live.read("cockpit-wulin")
    # the purpose is still the street's, for its firms
    assert isinstance(refusal, Refused) and refusal.refusal.reason is ErrorReason.DISCLOSURE_NOT_GRANTED


def test_places_of_watchers_are_bounded_and_given_back(live: Live) -> None:
    live.board = board(live.house, watchers_each=1)
    one, other = live.watch("cockpit-wulin").shown, live.watch("cockpit-wulin").shown
    next(one)
    with pytest.raises(Fault, match="CAP_EXCEEDED"):
        next(other)
    one.close()
    again = live.watch("cockpit-wulin").shown
    assert next(again) is not None
    again.close()


def test_a_source_that_fails_ends_in_its_fault_and_the_next_look_mends_it(live: Live) -> None:
    live.house.source.failing = Fault(ErrorReason.SOURCE_UNAVAILABLE)
    with pytest.raises(Fault, match="SOURCE_UNAVAILABLE"):
        live.read()
    live.house.source.failing = None
    assert live.figures()[CITY] == 40 * len(live.people)
