"""What releases cost, and what costs nothing: prices, weights, margins, repeats and presentations, through TLS."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import gateway.client as gw
from tests.integration.grpc.conftest import Fair
from tests.integration.grpc.visits import GATES, column

ASK: dict[str, Any] = {"purpose": "academic-research"}
WHAT = ("fair_visits", "visits")
DAYS = gw.by_period("came_at", "day", date(2026, 1, 1), date(2026, 3, 31))


def rho_spent(fair: Fair, before: dict[str, str], disclosure: str = "visits") -> Fraction:
    """What every budget lost since then: all of them the same."""
    after = fair.spent(disclosure)
    (spent,) = {Fraction(after[account]) - Fraction(before[account]) for account in after}
    return spent


# --- prices ----------------------------------------------------------------------------------------------------------


def test_a_price_in_epsilon_is_pure_and_laplace(fair: Fair) -> None:
    before = fair.spent()
    release = fair.gateway.release(*WHAT, [gw.count()], group_by=["gate"], epsilon=0.7, **ASK)
    loss = release.message.privacy_loss
    assert (Fraction(loss.epsilon), Fraction(loss.rho)) == (Fraction(7, 10), Fraction(49, 200))
    assert rho_spent(fair, before) == Fraction(49, 200)
    (measure,) = release.message.measures
    assert measure.mechanism == "integer Laplace"
    # four gates, each with two visits at most
    assert (measure.sensitivity_l1, measure.sensitivity_l2_squared) == ("8", "16")
    assert measure.scale == pytest.approx(8 / 0.7, rel=1e-6)
    assert release.receipt.privacy_loss == loss


def test_a_price_in_rho_buys_narrower_noise(fair: Fair) -> None:
    before = fair.spent()
    release = fair.gateway.release(*WHAT, [gw.count()], group_by=["gate"], rho=0.245, **ASK)
    loss = release.message.privacy_loss
    assert (loss.epsilon, Fraction(loss.rho)) == ("", Fraction(245, 1000))
    assert rho_spent(fair, before) == Fraction(245, 1000)
    (measure,) = release.message.measures
    assert measure.mechanism == "integer Gaussian"
    assert measure.scale == pytest.approx((16 / (2 * 0.245)) ** 0.5, rel=1e-6)
    pure = fair.gateway.estimate(*WHAT, [gw.count()], group_by=["gate"], epsilon=0.7, **ASK)
    assert measure.margin_95 < pure.measures[0].margin_95


@pytest.mark.parametrize("price", [{"epsilon": 1.2}, {"rho": 0.3}], ids=["epsilon", "rho"])
def test_weights_share_the_price(fair: Fair, price: dict[str, float]) -> None:
    before = fair.spent()
    plan: dict[str, Any] = {"group_by": ["gate"], **price, **ASK}
    statistics = [gw.count(), gw.weighed(gw.sum_of("amount"), 3), gw.weighed(gw.mean_of("rating"), 2)]
    release = fair.gateway.release(*WHAT, statistics, **plan)
    measures = release.message.measures
    assert [measure.statistic for measure in measures] == [0, 1, 2, 2]
    shares = [Fraction(1, 6), Fraction(1, 2), Fraction(1, 6), Fraction(1, 6)]
    amount = Fraction(str(*price.values()))
    if "epsilon" in price:
        assert [Fraction(measure.epsilon) for measure in measures] == [share * amount for share in shares]
        rho = sum(((share * amount) ** 2 / 2 for share in shares), Fraction(0))
    else:
        assert [Fraction(measure.rho) for measure in measures] == [share * amount for share in shares]
        rho = amount
    assert Fraction(release.message.privacy_loss.rho) == rho == rho_spent(fair, before)
    other = fair.gateway.release(*WHAT, [*statistics[:2], gw.mean_of("rating")], **plan)
    assert other.charged and other.release_id != release.release_id, "other shares are another release"


def test_an_estimate_is_what_the_release_costs(fair: Fair) -> None:
    before = fair.spent()
    plan: dict[str, Any] = {"group_by": ["gate", DAYS], "epsilon": 0.3, **ASK}
    told = fair.gateway.estimate(*WHAT, [gw.count_units()], **plan)
    assert fair.spent() == before
    assert (told.epsilon, told.rho, told.cells) == (0.3, None, 360)
    assert told.affordable and not told.already_released
    release = fair.gateway.release(*WHAT, [gw.count_units()], **plan)
    assert list(told.measures) == list(release.message.measures)
    assert told.privacy_loss == release.message.privacy_loss
    assert {budget.account: budget.spent_rho for budget in told.budgets_after} == fair.spent()
    again = fair.gateway.estimate(*WHAT, [gw.count_units()], **plan)
    assert again.already_released
    assert {budget.account: budget.spent_rho for budget in again.budgets_after} == fair.spent()


@pytest.mark.parametrize("currency", ["epsilon", "rho"])
@pytest.mark.parametrize("margin", [5.0, 20.0, 100.0, 1000.0])
def test_a_margin_has_its_price_and_the_price_its_margin(fair: Fair, currency: str, margin: float) -> None:
    target: dict[str, Any] = {{"epsilon": "margin", "rho": "margin_in_rho"}[currency]: margin}
    before = fair.spent()
    statistics = [gw.count(), gw.weighed(gw.count_units(), 2)]
    plan: dict[str, Any] = {"group_by": [gw.by_bins("amount", 1001)], **ASK}
    told = fair.gateway.estimate(*WHAT, statistics, **(plan | target))
    amount = getattr(told, currency)
    same: dict[str, Any] = {currency: amount}
    lower: dict[str, Any] = {currency: round(amount * 0.8, 6)}
    assert max(measure.margin_95 for measure in told.measures) <= margin
    assert fair.gateway.estimate(*WHAT, statistics, **(plan | same)).measures == told.measures
    # a fifth less would not do
    less = fair.gateway.estimate(*WHAT, statistics, **(plan | lower))
    assert max(measure.margin_95 for measure in less.measures) > margin
    assert fair.spent() == before


# --- what costs nothing ----------------------------------------------------------------------------------------------


def test_a_repeat_with_other_ranks_and_another_presentation_is_free_and_the_same(fair: Fair) -> None:
    before = fair.spent()
    statistics = [gw.count(), gw.sum_of("rating"), gw.quantiles_of("amount", 0.5)]
    first = fair.gateway.release(*WHAT, statistics, group_by=["gate"], epsilon=0.9, **ASK)
    assert first.charged and rho_spent(fair, before) == 3 * Fraction(3, 10) ** 2 / 2
    paid = fair.spent()
    other = [*statistics[:2], gw.quantiles_of("amount", 0.5, 0.9)]
    shown = gw.Shown(non_negative=True, round_to=50)
    again = fair.gateway.release(*WHAT, other, group_by=["gate"], epsilon=0.9, shown=shown, **ASK)
    third = fair.gateway.get_release(first.release_id, shown=shown, **ASK)
    plain = fair.gateway.get_release(first.release_id, **ASK)
    assert not again.charged and fair.spent() == paid
    assert first.release_id == again.release_id == third.release_id
    assert plain.message == first.message

    table, changed = first.to_arrow(), again.to_arrow()
    assert third.to_arrow().select(range(8)) == changed.select(range(8)), "counts and sums, shown the same way"
    noised = np.array(column(table, "count"))
    assert column(changed, "count") == np.maximum(np.rint(noised / 50) * 50, 0).astype(int).tolist()
    assert column(changed, "quantile(amount; 0.5)") == column(table, "quantile(amount; 0.5)")
    halves, tenths = (column(changed, f"quantile(amount; {rank})") for rank in ("0.5", "0.9"))
    # by the roof nobody comes: its quantiles are noise alone
    assert all(half <= tenth for half, tenth in zip(halves[:3], tenths[:3], strict=True))
    steps = {item.name: list(item.post_processing) for item in again.message.columns}
    assert len(steps["count"]) == 2 and "rounded" in steps["count"][0] and "zero" in steps["count"][1]
    assert not any(item.post_processing for item in first.message.columns if item.name == "count")
    assert again.message.presentation == shown.to_message()


def test_rounding_keeps_the_truth_in_the_interval_and_decimals_in_their_place(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": ["gate"], "epsilon": 0.8, **ASK}
    raw = fair.gateway.release(*WHAT, [gw.sum_of("rating")], **plan).message
    shown = fair.gateway.release(*WHAT, [gw.sum_of("rating")], shown=gw.Shown(round_to=100), **plan).message
    for one, other in zip(raw.cells, shown.cells, strict=True):
        # in the field's own units, and not in the hundredths that it counts in
        assert other.estimates[0].number == round(one.estimates[0].number / 100) * 100
        assert other.estimates[0].lower_95 == pytest.approx(one.estimates[0].lower_95 - 50)
        assert other.estimates[0].upper_95 == pytest.approx(one.estimates[0].upper_95 + 50)


def test_the_top_are_the_largest_noised_counts_and_says_which_surely_are(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": ["gate"], "epsilon": 1.1, **ASK}
    statistics = [gw.count(), gw.mean_of("amount")]
    whole = fair.gateway.release(*WHAT, statistics, **plan)
    paid = fair.spent()
    top = fair.gateway.release(*WHAT, statistics, shown=gw.Shown(top=3), **plan)
    assert not top.charged and fair.spent() == paid
    rows = sorted(whole.to_arrow().to_pylist(), key=lambda row: -row["count"])[:3]
    shown = top.to_arrow().to_pylist()
    for name in ("gate", "count", "mean(amount)", "mean(amount) from", "mean(amount) to"):
        assert [row[name] for row in shown] == [row[name] for row in rows]
    # nobody comes by the roof: the three others are surely the three
    assert {row["gate"] for row in shown} == set(GATES[:3])
    assert [cell.surely_top for cell in top.message.cells] == [True] * 3
    # intervals hold for what was selected, so they are wider than one that was not
    assert all(row["count ±95%"] > rows[0]["count ±95%"] for row in shown)
    assert not any(cell.surely_top for cell in whole.message.cells)


def test_what_noise_has_chosen_is_not_surely_the_top(fair: Fair) -> None:
    release = fair.gateway.release(*WHAT, [gw.count()], group_by=[DAYS], epsilon=0.001, **ASK)
    top = fair.gateway.get_release(release.release_id, shown=gw.Shown(top=45), **ASK)
    assert len(top.message.cells) == 45
    assert not top.message.cells[-1].surely_top
    counts = column(top.to_arrow(), "count")
    assert counts == sorted(counts, reverse=True)


def test_more_than_all_cells_are_all_cells(fair: Fair) -> None:
    plan: dict[str, Any] = {"group_by": ["gate"], "epsilon": 0.6, **ASK}
    release = fair.gateway.release(*WHAT, [gw.count()], shown=gw.Shown(top=1000), **plan)
    assert sorted(column(release.to_arrow(), "gate")) == sorted(GATES)


def test_a_top_by_a_mean_is_refused_of_a_stored_release_too(fair: Fair) -> None:
    release = fair.gateway.release(*WHAT, [gw.mean_of("amount")], group_by=["gate"], epsilon=0.5, **ASK)
    paid = fair.spent()
    with pytest.raises(gw.InvalidRequest) as raised:
        fair.gateway.get_release(release.release_id, shown=gw.Shown(top=1), **ASK)
    assert raised.value.reason == "REQUEST_INVALID"
    assert [where for where, _ in raised.value.violations] == ["presentation.top"]
    assert fair.spent() == paid
