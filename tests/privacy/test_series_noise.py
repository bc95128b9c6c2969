"""The noise that a gateway publishes in a series, of data without a row: all that is shown is noise, and as stated.

Each detector is shown to have power by a gateway that is broken on purpose.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from gateway.lanes import series as lane
from gateway.lanes.series import Days, Named
from gateway.model.measure import Currency, NoisePlan
from gateway.pipeline import Refused
from gateway.privacy.answers.noise import Floats, IntegerNoise
from gateway.privacy.continual.publishing import Published, publish
from gateway.privacy.mechanisms import add_noise
from tests.integration.daily import BUREAU, PURPOSE, Payments, ahead, declare, series
from tests.integration.house import House, context, housed
from tests.integration.site import ROOT, Site

CELLS = 5 * 12 * 4
SOUND = {kind: tuple(f"{kind}-sound-{number}" for number in range(8)) for kind in ("rho", "epsilon")}
"""So many that a sound gateway is not taken for a broken one: one series alone is, once in some hundred runs."""

NAMES = ("rho-2", "rho-3", "rho-4", *SOUND["rho"], *SOUND["epsilon"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("noise")
    shutil.copytree(ROOT / "policies", folder / "policies")
    common: dict[str, Any] = {"statistics": ["count"], "group_by": ["district", "sector", "tier"]}
    text = (folder / "policies" / "contracts" / "subsidies.yaml").read_text()
    old = "{group_by: [district], values: [amount_yuan], max_groups: 1, max_rows: 1, max_epsilon: 1.0, slot_ms: 400}"
    assert old in text
    text = text.replace(old, old.replace("[district]", "[district, sector, tier]"))
    (folder / "policies" / "contracts" / "subsidies.yaml").write_text(text)
    declared = {
        name: series(**common) if name.startswith("rho") else series(rho=None, epsilon=2.0, **common) for name in NAMES
    }
    declare(folder / "policies", declared)
    Payments(folder / "data").write([])
    site = Site(folder / "site", folder / "policies", folder / "data", (BUREAU,))
    site.prepare()
    with housed(site) as open_house:
        open_house.clock.ahead = ahead()
        yield open_house


def shown(house: House, name: str) -> Days:
    named = Named("subsidies", "paid-by-day", name)
    peer = house.long_signed_in(BUREAU)
    found = lane.list_series(house.ports, peer, context(PURPOSE), "subsidies")
    assert not isinstance(found, Refused)
    price = next(one for one in found if one.series.spec.name == name).series.price
    lane.open_series(house.ports, peer, context(PURPOSE), named, price)
    days = lane.get_series(house.ports, peer, context(PURPOSE), named, None, None, ())
    assert isinstance(days, Days)
    return days


def node_noise(days: Days) -> Floats:
    """All that was drawn, as shares of the stated standard deviation."""
    (plan,) = days.standing.series.settled.noise
    drawn = np.array([node.values for day in days.delivery.days for node in day.nodes], float)
    noise: Floats = drawn / IntegerNoise(plan.mechanism, plan.scale).variance ** 0.5
    return noise


def stated_too_little(*alike: Days) -> bool:
    """Whether the nodes have less noise than the price needs: their sensitivity is found by trying a person."""
    series = alike[0].standing.series
    settled, spec = series.settled, series.spec
    unit = np.zeros((spec.days, 1), np.int64)
    unit[: spec.days_per_unit] = 1
    nodes = [settled.plan.measures(day, unit[:day]) for day in range(1, spec.days + 1)]
    change = np.concatenate(nodes).astype(float)
    needed = (
        float((change**2).sum()) ** 0.5 / float(2 * series.price.amount) ** 0.5
        if series.price.currency is Currency.RHO
        else float(np.abs(change).sum()) / float(series.price.amount) * 2**0.5
    )
    drawn = np.array([node.values for days in alike for day in days.delivery.days for node in day.nodes], float)
    return bool(drawn.std() < 0.93 * needed)


def off_margin(*alike: Days) -> bool:
    """Whether running totals or days stray from what their margins say: fewer than 90 %, or more than 99 %, are in."""
    return any(
        not 0.90 <= float(np.mean([np.abs(one.values) <= one.margins[:, None] for one in each])) <= 0.99
        for each in zip(*(days.delivery.published for days in alike), strict=True)
    )


def changing(first: Days, again: Days) -> bool:
    """Whether a day is another when it is asked for again."""
    pairs = zip(first.delivery.published, again.delivery.published, strict=True)
    return not all(np.array_equal(one.values, other.values) for one, other in pairs)


@pytest.mark.parametrize("names", SOUND.values(), ids=SOUND)
def test_published_noise_is_as_stated(house: House, names: Sequence[str]) -> None:
    alike = [shown(house, name) for name in names]
    noise = np.vstack([node_noise(days) for days in alike])
    assert noise.shape[1] == CELLS and abs(noise.std() - 1) < 0.07 and abs(noise.mean()) < 0.1
    assert not stated_too_little(*alike)
    assert not off_margin(*alike)
    assert not changing(alike[0], shown(house, names[0]))
    # the days that a span adds up are those that are shown
    total, each = alike[0].delivery.published
    assert np.allclose(np.diff(total.values, axis=0), each.values[1:])


def test_noise_for_a_day_alone_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def for_one_node(vector: Sequence[int], plan: NoisePlan) -> tuple[int, ...]:
        # the mistake: each node gets the noise that it would need if it were the only one
        return tuple(round(value / 1.6) for value in add_noise(vector, plan))

    monkeypatch.setattr("gateway.stages.series.add_noise", for_one_node)
    assert stated_too_little(shown(house, "rho-2"))


def test_days_that_are_noised_each_by_itself_are_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def added_up(*asked: Any) -> list[Published]:
        # the mistake: fresh noise on every day, and totals that add it up, under the margins of the mechanism
        right = publish(*asked)
        each = np.random.default_rng(1).normal(0, 1, right[0].values.shape) * right[1].margins[:, None] / 1.96
        return [Published(0, 0, np.cumsum(each, axis=0), right[0].margins), right[1]]

    monkeypatch.setattr("gateway.stages.series.publish", added_up)
    assert off_margin(shown(house, "rho-3"))


def test_a_node_that_is_noised_twice_is_found(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    register = house.ports.registers.series
    kept: dict[str, Any] = {}

    def overwrite(series_id: str, days: Sequence[Any], *, complete: bool) -> bool:
        kept[series_id] = tuple(days)
        return True

    def none_at_first(series_id: str, last: int) -> Any:
        # the mistake: what was kept is not looked for, and what is drawn last stands
        return kept.pop(series_id, ())

    monkeypatch.setattr(register, "close", overwrite)
    monkeypatch.setattr(register, "days", none_at_first)
    assert changing(shown(house, "rho-4"), shown(house, "rho-4"))
