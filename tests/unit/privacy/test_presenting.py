"""Answers made of measures: exact where there is no noise, and never more than the measures hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction

import pytest

from gateway.model.contract import Bounds
from gateway.model.grouping import ByKeys, ByRegionTree, Grouping
from gateway.model.loss import PrivacyLoss
from gateway.model.measure import Measure, MeasureKind, Mechanism, NoisePlan
from gateway.model.region import RegionLevel
from gateway.model.statistics import (
    PLAIN,
    NoisedMeasure,
    Presentation,
    Release,
    Statistic,
    StatisticKind,
    StatisticsQuery,
)
from gateway.model.values import Scalar
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.presenting import Shown, present
from tests.unit.privacy.example import CONTRACT

COUNT = Statistic(StatisticKind.COUNT, None)
BOUNDS = Bounds(-50, 200)
SECTORS: tuple[tuple[Scalar, ...], ...] = (("a",), ("b",), ("c",))
REGIONS: tuple[tuple[Scalar, ...], ...] = (("hz",), ("hz/x",), ("hz/y",))
BY_SECTOR: tuple[Grouping, ...] = (ByKeys("sector"),)
BY_TREE: tuple[Grouping, ...] = (ByRegionTree("place", RegionLevel.DISTRICT),)


def measured(measure: Measure, *values: int, statistic: int = 0, scale: float = 0.0) -> NoisedMeasure:
    loss = PrivacyLoss(Fraction(1))
    return NoisedMeasure(NoisePlan(measure, statistic, Mechanism.GAUSSIAN, scale, 1, 1, "", loss, 0.0, ""), values)


def of(kind: MeasureKind, *, width: int = 0) -> Measure:
    return Measure(kind, 1, "amount", BOUNDS, width)


def shown(
    statistics: tuple[Statistic, ...],
    *measures: NoisedMeasure,
    presentation: Presentation = PLAIN,
    cells: tuple[tuple[Scalar, ...], ...] = SECTORS,
    group_by: tuple[Grouping, ...] = BY_SECTOR,
    decimals: int = 0,
) -> Shown:
    query = StatisticsQuery((), group_by, statistics)
    loss = PrivacyLoss(Fraction(1))
    release = Release("id", datetime(2026, 1, 1), "d", "e", "r", query, cells, measures, loss, "resident", "v")
    amount = replace(CONTRACT.fields["amount"], decimals=decimals)
    contract = replace(CONTRACT, fields={**CONTRACT.fields, "amount": amount})
    return present(release, query, presentation, contract)


def test_counts_and_sums_are_shown_as_measured() -> None:
    total = Statistic(StatisticKind.SUM, "amount")
    both = shown(
        (COUNT, total),
        measured(Measure(MeasureKind.ROWS, 1), 3, -1, 0),
        measured(of(MeasureKind.TOTAL), 250, 0, -7, statistic=1),
    )
    count, amount = both.answers
    assert (count.name, count.values, count.statistic, count.steps) == ("count", (3, -1, 0), 0, ())
    assert (amount.name, amount.values, amount.statistic) == ("sum(amount)", (250, 0, -7), 1)
    assert all(isinstance(value, int) for value in amount.values)
    assert both.cells == SECTORS and both.certain == ()


def test_fixed_point_is_undone() -> None:
    totals = measured(of(MeasureKind.TOTAL), 250, 0, -7)
    (amount,) = shown((Statistic(StatisticKind.SUM, "amount"),), totals, decimals=2).answers
    assert amount.values == (2.5, 0.0, -0.07)
    rounded = Presentation(round_to=2)
    (amount,) = shown((Statistic(StatisticKind.SUM, "amount"),), totals, decimals=2, presentation=rounded).answers
    assert amount.values == (2.0, 0.0, 0.0), "to multiples of it in the field's own units"
    (spread,) = shown(
        (Statistic(StatisticKind.VARIANCE, "amount"),),
        measured(of(MeasureKind.PRESENT), 4, 4, 4),
        measured(of(MeasureKind.OFFSETS), 0, 0, 0),
        measured(of(MeasureKind.SQUARES), 400, 0, 4),
        decimals=1,
    ).answers
    assert spread.values == (1.0, 0.0, 0.01)


def test_a_mean_is_about_the_centre_of_the_bounds() -> None:
    (mean,) = shown(
        (Statistic(StatisticKind.MEAN, "amount"),),
        measured(of(MeasureKind.PRESENT), 4, 1, 0), measured(of(MeasureKind.OFFSETS), 10, -25, 0),
    ).answers  # fmt: skip
    # of -50 and 200 the centre is 75; of nobody it is all that is known
    assert mean.values == (77.5, 50.0, 75.0)
    assert (mean.lower[2], mean.upper[2]) == (-50.0, 200.0)
    assert mean.steps == (PostProcessing.RATIO.value,)


def test_ranks_are_those_of_the_question_and_not_of_the_release() -> None:
    histogram = of(MeasureKind.BINS, width=50)
    values = (0, 4, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0)
    median = Statistic(StatisticKind.QUANTILES, "amount", (Fraction(1, 2),))
    ends = replace(median, ranks=(Fraction(0), Fraction(1)))
    found = shown((median,), measured(histogram, *values)).answers
    assert [one.name for one in found] == ["quantile(amount; 0.5)"]
    assert 0 <= found[0].values[0] <= 50
    least, most = shown((ends,), measured(histogram, *values)).answers
    assert least.name == "quantile(amount; 0)" and most.name == "quantile(amount; 1)"
    assert -50 <= least.values[1] <= 0 and most.values[1] >= 200
    assert all(-50 <= value <= 200 for one in (least, most) for value in (*one.values, *one.lower, *one.upper))


def test_steps_are_named_and_values_follow_them() -> None:
    rows = measured(Measure(MeasureKind.ROWS, 1), 13, -4, 6, scale=2.0)
    (plain,) = shown((COUNT,), rows).answers
    (changed,) = shown((COUNT,), rows, presentation=Presentation(non_negative=True, round_to=5)).answers
    assert changed.values == (15, 0, 5)
    assert changed.steps == (PostProcessing.ROUNDED.value, PostProcessing.NON_NEGATIVE.value)
    assert all(lower <= 0.0 + max(0.0, old) for lower, old in zip(changed.lower, plain.lower, strict=True))
    assert all(upper >= old for upper, old in zip(changed.upper, plain.upper, strict=True))
    mean = (Statistic(StatisticKind.MEAN, "amount"),)
    parts = measured(of(MeasureKind.PRESENT), 3, 3, 3), measured(of(MeasureKind.OFFSETS), -229, 1, 2)
    rough = shown(mean, *parts, presentation=Presentation(non_negative=True, round_to=5))
    assert rough.answers == shown(mean, *parts).answers, "only counts and sums are rounded or raised"


def test_the_top_is_by_the_first_statistic_and_takes_the_others_along() -> None:
    rows = measured(Measure(MeasureKind.ROWS, 1), 2, 90, 40, scale=1.0)
    units = measured(Measure(MeasureKind.UNITS, 1), 1, 9, 4, statistic=1)
    found = shown((COUNT, Statistic(StatisticKind.COUNT_UNITS, None)), rows, units, presentation=Presentation(top=2))
    assert found.cells == (("b",), ("c",)) and found.certain == (True, True)
    assert [one.values for one in found.answers] == [(90, 40), (9, 4)]
    assert PostProcessing.TOP.value in found.answers[0].steps
    rough = shown((COUNT,), rows, presentation=Presentation(top=2, round_to=50)).answers[0]
    assert rough.values == (100, 50) and rough.steps == (PostProcessing.TOP.value, PostProcessing.ROUNDED.value)
    everything = shown((COUNT,), rows, presentation=Presentation(top=99))
    assert everything.cells == (("b",), ("c",), ("a",))


@pytest.mark.parametrize("non_negative", [False, True])
def test_totals_of_a_tree_are_made_to_add_up(non_negative: bool) -> None:
    rows = measured(Measure(MeasureKind.ROWS, 1), 100, 30, 40, scale=5.0)
    way = Presentation(consistent=True, non_negative=non_negative)
    (plain,) = shown((COUNT,), rows, cells=REGIONS, group_by=BY_TREE).answers
    (settled,) = shown((COUNT,), rows, cells=REGIONS, group_by=BY_TREE, presentation=way).answers
    assert plain.values == (100, 30, 40)
    city, one, other = settled.values
    assert city == pytest.approx(one + other) and 70 < city < 100
    step = PostProcessing.CONSISTENT_WHOLE if non_negative else PostProcessing.CONSISTENT
    assert settled.steps == (step.value,)
    assert all(isinstance(value, int) == non_negative for value in settled.values)
    if not non_negative:
        # each share of the disagreement of 30 is that of its variance
        assert settled.values == pytest.approx((90.0, 40.0, 50.0))
        assert settled.upper[0] - settled.lower[0] < plain.upper[0] - plain.lower[0]


def test_each_row_beside_a_tree_adds_up_by_itself() -> None:
    cells = tuple((sector, place) for sector in ("a", "b") for (place,) in REGIONS)
    rows = measured(Measure(MeasureKind.ROWS, 1), 100, 30, 40, 9, 6, 3, scale=5.0)
    (settled,) = shown(
        (COUNT,), rows, cells=cells, group_by=(*BY_SECTOR, *BY_TREE), presentation=Presentation(consistent=True)
    ).answers
    assert settled.values == pytest.approx((90.0, 40.0, 50.0, 9.0, 6.0, 3.0))
    turned = tuple((place, sector) for (place,) in REGIONS for sector in ("a", "b"))
    rows = measured(Measure(MeasureKind.ROWS, 1), 100, 9, 30, 6, 40, 3, scale=5.0)
    (settled,) = shown(
        (COUNT,), rows, cells=turned, group_by=(*BY_TREE, *BY_SECTOR), presentation=Presentation(consistent=True)
    ).answers
    assert settled.values == pytest.approx((90.0, 9.0, 40.0, 6.0, 50.0, 3.0))
