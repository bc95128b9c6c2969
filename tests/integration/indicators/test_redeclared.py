"""A policy that changes under an indicator: who keeps both figures learns no more than from a change of the data."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.lanes.indicators import Board, Reading
from gateway.model.calendar import city_day
from gateway.model.errors import Fault
from gateway.policy.store import FolderSource, PolicyStore
from tests.integration.house import context, edit
from tests.integration.indicators.live import Live, shown
from tests.integration.indicators.register import CITY, PURPOSE, STREET

FIRST = f"{STREET}/c01"
DECLARED = "indicator: {statistics: [count_units], level: community, least_units: 10, refresh_seconds: 60}"
KIND = "kind: indicator"


def declare(live: Live, old: str, new: str, name: str = "contracts/residents.yaml") -> None:
    edit(live.house.site.policies / name, old, new)
    before = live.house.ports.policy.current().digest
    live.house.ports.policy.reload()
    assert live.house.ports.policy.current().digest != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("refresh_seconds: 60}", "refresh_seconds: 61}"),
        ("refresh_seconds: 60}", "refresh_seconds: 5}"),
        ("least_units: 10,", "least_units: 11,"),
        ("least_units: 10,", "least_units: 5,"),
        ("least_units: 10,", "least_units: 10, dominance_percent: 5,"),
        ("for whoever answers\n            for them.", "for those who answer\n            for them."),
        (KIND, KIND + "\n          predicate: [{field: sex, op: in, values: [F, M]}]"),
    ],
)
def test_a_policy_that_is_edited_tells_of_nobody_who_moved(live: Live, old: str, new: str) -> None:
    assert live.figures()[FIRST] == 40
    live.register(c01=41)
    declare(live, old, new)
    assert live.figures()[FIRST] == 40 and live.figures()[CITY] == 40 * len(live.people)


def born(live: Live, community: str, count: int, day: date) -> None:
    """Have the first of a community be born on another day than all others."""
    file = live.data / "residents.parquet"
    table = pq.read_table(file)
    place = table.schema.get_field_index("birth_date")
    days, seen = table["birth_date"].to_pylist(), 0
    for row, lives in enumerate(table["community"].to_pylist()):
        if lives == community and seen < count:
            days[row], seen = day, seen + 1
    field = table.schema.field(place)
    pq.write_table(table.set_column(place, field, pa.array(days, field.type)), live.data / "new")
    os.replace(live.data / "new", file)


def test_rows_that_are_chosen_otherwise_tell_of_no_few(live: Live) -> None:
    born(live, FIRST, 1, date(2015, 1, 1))
    assert live.figures()[FIRST] == 40
    declare(live, KIND, KIND + "\n          predicate: [{field: birth_date, op: lt, value: 2010-01-01}]")
    assert live.figures()[FIRST] == 40, "one child less would be told"
    declare(live, "op: lt, value: 2010-01-01", "op: gt, value: 2010-01-01")
    assert live.figures()[CITY] is None, "what is shown by the rows in force is as safe as ever"


def test_another_rule_holds_at_once_and_not_when_the_period_is_over(live: Live) -> None:
    live.register(c01=20)
    assert live.figures()[FIRST] == 20
    declare(live, "least_units: 10,", "least_units: 25,")
    figures = live.figures()
    assert figures[FIRST] is None and figures[STREET] == 100
    assert live.house.diary.events.count("aggregates") == 2


def test_who_was_let_in_by_an_older_policy_publishes_nothing(live: Live) -> None:
    """Between being let in and one's turn the policy can change: two that took turns would tell who moved."""
    assert live.figures()[FIRST] == 40
    asked = replace(context(PURPOSE), region=CITY)
    granted = live.board._granted(live.house.long_signed_in("cockpit-hangzhou"), asked, "residents", "living-here")
    assert isinstance(granted, tuple)
    live.register(c01=71)
    declare(live, "least_units: 10,", "least_units: 11,")
    after = live.read()
    assert isinstance(after, Reading) and shown(after.shown)[FIRST] == 71
    live.register(c01=41)
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        live.board._standing(*granted)
    again = live.read()
    assert isinstance(again, Reading) and again.shown.kept.version == after.shown.kept.version + 1


def test_a_gateway_that_is_behind_publishes_nothing(live: Live, tmp_path: Path) -> None:
    """Two gateways share what was published, and one of them has not heard of the newer policy."""
    shutil.copytree(live.house.site.policies, tmp_path / "behind")
    behind = PolicyStore(FolderSource(tmp_path / "behind"))
    late = replace(live, board=Board(replace(live.board._ports, policy=behind)))
    assert live.figures()[FIRST] == late.figures()[FIRST] == 40
    live.register(c01=71)
    declare(live, "least_units: 10,", "least_units: 11,")
    newest = live.read()
    assert isinstance(newest, Reading) and shown(newest.shown)[FIRST] == 71
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        late.read()
    again = live.read()
    assert isinstance(again, Reading) and again.shown.kept.version == newest.shown.kept.version
    edit(tmp_path / "behind" / "contracts" / "residents.yaml", "least_units: 10,", "least_units: 11,")
    behind.reload()
    caught_up = late.read()
    assert isinstance(caught_up, Reading) and caught_up.shown.kept.version == newest.shown.kept.version


def test_the_same_in_another_order_is_the_same_indicator(live: Live) -> None:
    contract = "contracts/residents.yaml"
    declare(live, "statistics: [count_units],", "statistics: [count_units, count], group_by: [sex],")
    before = live.read()
    live.register(c01=41)
    declare(live, "statistics: [count_units, count],", "statistics: [count, count_units],", contract)
    declare(live, "sex: {keys: [F, M]}", "sex: {keys: [M, F]}", contract)
    after = live.read()
    assert isinstance(before, Reading) and isinstance(after, Reading)
    assert (before.indicator.id, before.shown.kept.version) == (after.indicator.id, after.shown.kept.version - 1)
    assert [(one.region, one.keys, one.values) for one in before.shown.figures] == [
        (one.region, one.keys, one.values) for one in after.shown.figures
    ]


def test_no_two_region_trees_are_watched_side_by_side(live: Live) -> None:
    stream = live.watch("cockpit-wulin").shown
    assert next(stream) is not None
    name = "name: {en: Wulin Community 1, zh: 武林第一社区}\n"
    other = "              - id: c09\n                level: community\n                name: {en: Nine, zh: 九}\n"
    declare(live, name, name + other, "regions.yaml")
    with pytest.raises(Fault, match="PERMIT_REVOKED"):
        next(stream)


def test_a_watch_goes_on_into_the_next_day_as_that_days(live: Live) -> None:
    """Rows past their retention are not read, whenever the watch began: all who watch look at one thing."""
    today = city_day(live.house.clock.now())
    born(live, FIRST, 30, today - timedelta(days=20_000))
    declare(
        live,
        "  - {property: latency, value: 7, unit: d}\n",
        "  - {property: latency, value: 7, unit: d}\n"
        "  - {property: retention, value: 20000, unit: d, element: residents.birth_date}\n",
    )
    stream = live.watch("cockpit-wulin").shown
    first = next(stream)
    assert first is not None and shown(first)[FIRST] == 40
    live.house.clock.ahead += timedelta(days=1)
    changed = next(stream)
    assert changed is not None and shown(changed)[FIRST] == 10
    later = live.figures("cockpit-wulin")
    assert later[FIRST] == 10 and next(stream) is None, "who asks today gets the very same"
    assert live.house.diary.events.count("aggregates") == 2
