"""Margins of noised cells, of their totals, of trees that add up, and what is said of the largest keys."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import measured, non_negative, rounded, summed
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.ranking import top
from gateway.privacy.answers.totals import consistent_totals, whole_totals
from tests.privacy.margins import GAUSSIAN, LAPLACE, PROOF_RELEASES, RELEASES, covered, drawn, fewest, waste

KINDS = pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])


@pytest.mark.proof
@KINDS
def test_cells_their_totals_and_what_is_done_to_them(kind: Mechanism, prove: bool) -> None:
    releases = PROOF_RELEASES if prove else RELEASES
    noise = IntegerNoise(kind, 4.3)
    exact = np.array([[0, 1, 12], [700, 3, 0]])
    cells = measured(exact + drawn(noise, (releases, 2, 3), 1), noise)
    for answers in (cells, rounded(cells, 10), non_negative(cells), rounded(non_negative(cells), 7)):
        hits = covered(answers, exact.astype(np.float64))
        assert hits.sum(axis=0).min() >= fewest(releases)
    assert max(waste(cells, exact.astype(np.float64)).flat) < 1.1
    table = exact + drawn(noise, (releases, 2, 3), 2)
    for axis in (1, 2):
        totals = summed(table, axis, noise)
        truth = exact.sum(axis=axis - 1).astype(np.float64)
        assert covered(totals, truth).sum(axis=0).min() >= fewest(releases)
        assert max(waste(totals, truth).flat) < 1.1


REGIONS = Forest((5, 5, 6, 6, 6, 7, 7, -1))
"""Two districts of two and three streets, and their city."""


@pytest.mark.proof
@KINDS
def test_totals_that_add_up(kind: Mechanism, prove: bool) -> None:
    releases = PROOF_RELEASES if prove else RELEASES
    exact = REGIONS.totals(np.array([0, 40, 3, 0, 900, 0, 0, 0]))
    noises = [IntegerNoise(kind, scale) for scale in (6.0, 6.0, 6.0, 6.0, 6.0, 3.0, 3.0, 2.0)]
    noised = exact + np.stack([drawn(noise, (releases,), place) for place, noise in enumerate(noises)], axis=1)
    variances = np.array([noise.variance for noise in noises])
    answers = consistent_totals(REGIONS, noised, variances, kind)
    assert covered(answers, exact.astype(np.float64)).sum(axis=0).min() >= fewest(releases)
    assert max(waste(answers, exact.astype(np.float64))) < 1.15
    # better than the measurement, and unbiased
    errors = answers.values - exact
    assert np.all(errors.std(axis=0) < 0.97 * np.sqrt(variances))
    theory = np.sqrt(REGIONS.consistent(noised[0].astype(np.float64), variances)[1])
    np.testing.assert_allclose(np.sqrt(np.mean(errors**2, axis=0)) / theory, 1, atol=0.03)
    assert np.all(np.abs(errors.mean(axis=0)) < 6 * np.sqrt(variances / releases))


@pytest.mark.proof
@KINDS
def test_where_nothing_is_to_be_made_consistent_the_margin_is_that_of_one_noise(kind: Mechanism, prove: bool) -> None:
    releases = PROOF_RELEASES if prove else RELEASES
    noise = IntegerNoise(kind, 40.0)
    noised = drawn(noise, (releases, 3), 9)
    answers = consistent_totals(Forest((-1, -1, -1)), noised, np.full(3, noise.variance), kind)
    assert covered(answers, np.zeros(3)).sum(axis=0).min() >= fewest(releases)
    assert max(waste(answers, np.zeros(3))) < 1.03


@pytest.mark.proof
@KINDS
def test_whole_totals(kind: Mechanism, prove: bool) -> None:
    releases = 10_000 if prove else 1000
    exact = REGIONS.totals(np.array([0, 40, 3, 0, 900, 0, 0, 0]))
    noise = IntegerNoise(kind, 5.0)
    noised = exact + drawn(noise, (releases, len(exact)), 3)
    variances = np.full(len(exact), noise.variance)
    hits = [covered(whole_totals(REGIONS, one, variances, kind), exact.astype(np.float64)) for one in noised]
    assert np.sum(hits, axis=0).min() >= fewest(releases)


@pytest.mark.proof
@KINDS
@pytest.mark.parametrize(
    ("exact", "k"),
    [
        # the hardest truths: keys outside of the top that nearly belong to it
        pytest.param([100] * 3 + [99] * 17, 3, id="just behind"),
        pytest.param([100, *[99] * 30], 1, id="the second of many"),
        pytest.param([100] * 10 + [99], 10, id="the last one out"),
        pytest.param([500, 400, 130, 100, 90, 80, 10, 0], 4, id="spread"),
    ],
)
def test_keys_are_seldom_wrongly_certain(exact: list[int], k: int, kind: Mechanism, prove: bool) -> None:
    releases = 20_000 if prove else 3000
    truth, noise = np.array(exact), IntegerNoise(kind, 6.0)
    right = shown = 0
    for one in truth + drawn(noise, (releases, len(truth)), 4):
        result = top(one, k, noise)
        sure = result.places[np.array(result.certain)]
        # a key belongs to the top k if fewer than k others have more
        right += all(np.sum(truth > truth[place]) < k for place in sure)
        shown += bool(covered(result.counts, truth[result.places].astype(np.float64)).all())
    assert right >= fewest(releases)
    assert shown >= fewest(releases)


@KINDS
def test_a_lead_is_found_when_it_is_there(kind: Mechanism) -> None:
    truth, noise = np.array([300, 200, *[0] * 18]), IntegerNoise(kind, 6.0)
    found = [top(one, 2, noise).certain == (True, True) for one in truth + drawn(noise, (500, 20), 5)]
    assert sum(found) > 490
