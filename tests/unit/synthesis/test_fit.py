"""Noised marginals become marginals that agree, and are nearer to the truth than before."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gateway.model.values import FieldType
from gateway.synthesis.agreement import agree, non_negative
from gateway.synthesis.columns import KeyColumn
from gateway.synthesis.extract import fit
from gateway.synthesis.forest import mutual_information, strongest
from gateway.synthesis.marginals import NoisedMarginal, estimated_total
from tests.unit.synthesis.house import COLUMNS, ROWS, apart, codes, counted, marginals


def test_without_noise_the_model_has_the_true_counts() -> None:
    model, rows = fit(COLUMNS, marginals(0)), codes()
    assert model.total == pytest.approx(ROWS)
    for (one, other), counts in model.agreed.pairs.items():
        assert counts == pytest.approx(counted(rows, one, other), abs=0.01)


@pytest.mark.parametrize("deviation", [5.0, 50.0, 500.0, 5000.0])
def test_what_is_made_to_agree_agrees(deviation: float) -> None:
    agreed = agree(COLUMNS, marginals(deviation), ROWS)
    for single in agreed.singles:
        assert single.min() >= 0
        assert single.sum() == pytest.approx(ROWS)
    for (one, other), counts in agreed.pairs.items():
        assert counts.min() >= 0
        # the columns are fitted last; the rows as far as fifty rounds bring them
        assert counts.sum(axis=0) == pytest.approx(agreed.singles[other], abs=1e-6 * ROWS)
        assert counts.sum(axis=1) == pytest.approx(agreed.singles[one], abs=1e-3 * ROWS)


@pytest.mark.parametrize(("deviation", "left"), [(100.0, 0.8), (1000.0, 0.6)])
def test_agreement_takes_noise_away(deviation: float, left: float) -> None:
    """The more of the counts is noise, the more goes: what noise explains is not taken for a dependence."""
    rows, before, after = codes(), 0.0, 0.0
    for seed in range(10):
        noised = marginals(deviation, seed)
        agreed = agree(COLUMNS, noised, ROWS)
        before += sum(apart(one.counts, counted(rows, *_places(one))) for one in noised)
        after += sum(apart(agreed.pairs[_places(one)], counted(rows, *_places(one))) for one in noised)
    assert after < left * before


def _places(marginal: NoisedMarginal) -> tuple[int, int]:
    one, other = ([column.name for column in COLUMNS].index(field) for field in marginal.fields)
    return one, other


def test_a_dependence_shrinks_by_the_part_that_noise_explains() -> None:
    """In a 2 × 2 table 1,000 ± 100 the pattern has an energy of 4·100², noise of 50 one of 50²: a sixteenth."""
    counts = np.array([[1100, 900], [900, 1100]])
    agreed = agree(
        (COLUMNS[1], KeyColumn("other", FieldType.BOOL, (False, True))),
        [NoisedMarginal(("insured", "other"), counts, 50.0**2)],
        4000,
    )
    assert agreed.pairs[0, 1] == pytest.approx(np.array([[1, -1], [-1, 1]]) * 100 * 15 / 16 + 1000)


def test_a_pair_may_be_counted_either_way_round() -> None:
    turned = [NoisedMarginal(one.fields[::-1], one.counts.T, one.variance) for one in marginals(20.0)]
    for pair, counts in agree(COLUMNS, turned, ROWS).pairs.items():
        assert counts == pytest.approx(agree(COLUMNS, marginals(20.0), ROWS).pairs[pair])


def test_a_marginal_that_misses_rows_is_scaled_and_not_filled_up() -> None:
    """Half the rows have no declared tier: the empty cells of the others stay empty."""
    half = np.array([[8000, 0, 0], [0, 2000, 0], [0, 0, 0], [0, 0, 0]])
    whole = np.array([[10_000, 6_000], [3_000, 1_000], [0, 0], [0, 0]])
    found = [NoisedMarginal(("district", "tier"), half, 1.0), NoisedMarginal(("district", "insured"), whole, 1.0)]
    agreed = agree(COLUMNS, found, ROWS)
    assert agreed.singles[3] == pytest.approx([16_000, 4_000, 0], abs=1)
    assert agreed.pairs[0, 3][2:].sum() < 1


def test_the_total_trusts_the_surer_marginals() -> None:
    sure = NoisedMarginal(("tier",), np.array([100, 100, 100]), 1.0)
    unsure = NoisedMarginal(("district",), np.array([300, 300, 300, 300]), 99.0)
    assert estimated_total([sure, unsure]) == pytest.approx(300 + 900 * (1 / 396) / (1 / 3 + 1 / 396))
    assert estimated_total([NoisedMarginal(("tier",), np.array([-5, -5, 2]), 1.0)]) == 1


def test_the_nearest_non_negative_counts() -> None:
    assert non_negative(np.array([6.0, 3.0, -5.0]), 5) == pytest.approx([4, 1, 0])
    assert non_negative(np.array([-1.0, -2.0]), 3) == pytest.approx([2, 1])


def test_the_forest_has_the_strongest_pairs_and_no_ring() -> None:
    diagonal, weaker, flat = np.eye(2) * 50, np.array([[40.0, 10], [10, 40]]), np.full((2, 2), 25.0)
    assert mutual_information(diagonal) == pytest.approx(math.log(2))
    assert mutual_information(flat) == pytest.approx(0)
    assert strongest({(0, 1): weaker, (0, 2): flat, (1, 2): diagonal}, 4) == ((1, 2), (0, 1))


@pytest.mark.parametrize(
    ("fields", "counts", "variance"),
    [
        (("a", "a"), np.zeros((2, 2), np.int64), 1.0),
        (("a",), np.zeros((2, 2), np.int64), 1.0),
        ((), np.zeros((), np.int64), 1.0),
        (("a",), np.zeros(2, np.int64), -1.0),
        (("a",), np.zeros(2, np.int64), math.nan),
    ],
    ids=["twice", "axes", "none", "negative", "nan"],
)
def test_a_marginal_that_is_none_is_refused(fields: tuple[str, ...], counts: np.ndarray, variance: float) -> None:
    with pytest.raises(ValueError, match=r"marginal|variance"):
        NoisedMarginal(fields, counts, variance)


@pytest.mark.parametrize(
    "marginal",
    [NoisedMarginal(("other",), np.zeros(2, np.int64), 1.0), NoisedMarginal(("tier",), np.zeros(2, np.int64), 1.0)],
    ids=["field", "cells"],
)
def test_a_model_takes_marginals_of_its_own_fields_alone(marginal: NoisedMarginal) -> None:
    with pytest.raises(ValueError, match="marginal"):
        fit(COLUMNS, [marginal])
