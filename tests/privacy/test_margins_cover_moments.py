"""The intervals of means and variances hold the truth in 95 of 100 releases, and are not much wider than that takes."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.estimates import Estimates
from gateway.privacy.answers.moments import FieldBounds, MomentNoise, mean, variance
from gateway.privacy.answers.noise import IntegerNoise
from tests.privacy.margins import GAUSSIAN, LAPLACE, PROOF_RELEASES, RELEASES, Floats, covered, drawn, fewest, waste

SKEWED = np.array([0, 0, 0, 0, 0, 0, 2, 5, 9, 100] * 300)
MIDDLING = np.array([40, 45, 50, 50, 55, 61] * 500)
EDGE = np.array([100] * 900)
FEW = np.array([10, 12, 90, 95] * 5)

BOUNDS = FieldBounds(0, 100, 50)


def noises(kind: Mechanism, bounds: FieldBounds, count_scale: float) -> tuple[MomentNoise, IntegerNoise]:
    reach = max(bounds.upper - bounds.centre, bounds.centre - bounds.lower)
    squares = IntegerNoise(kind, 3.0 * reach**2 / 4)
    return MomentNoise(IntegerNoise(kind, count_scale), IntegerNoise(kind, 3.0 * reach), squares), squares


def released(
    data: Floats, kind: Mechanism, bounds: FieldBounds, releases: int, count_scale: float = 3.0
) -> tuple[Estimates, Estimates]:
    """Means and variances of one field, as often as asked. The noise of sums and squares follows their sensitivity."""
    noise, squares_noise = noises(kind, bounds, count_scale)
    off = data - int(bounds.centre)
    counts = len(data) + drawn(noise.count, (releases,), 1)
    totals = int(off.sum()) + drawn(noise.total, (releases,), 2)
    squares = int((off**2).sum()) + drawn(squares_noise, (releases,), 3)
    return mean(counts, totals, noise, bounds), variance(counts, totals, squares, noise, bounds)


@pytest.mark.proof
@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize(
    ("data", "bounds"),
    [
        pytest.param(SKEWED, BOUNDS, id="skewed"),
        pytest.param(SKEWED, FieldBounds(0, 100, 0), id="skewed, about zero"),
        pytest.param(MIDDLING, BOUNDS, id="middling"),
        pytest.param(EDGE, BOUNDS, id="all at the upper bound"),
        pytest.param(FEW, BOUNDS, id="twenty values"),
        pytest.param(np.array([7]), BOUNDS, id="one value"),
        pytest.param(MIDDLING, FieldBounds(-1000, 100, -450), id="a centre far off"),
    ],
)
def test_means_and_variances_are_covered(data: Floats, bounds: FieldBounds, kind: Mechanism, prove: bool) -> None:
    releases = PROOF_RELEASES if prove else RELEASES
    means, variances = released(data, kind, bounds, releases)
    assert covered(means, data.mean()).sum() >= fewest(releases)
    assert covered(variances, data.var()).sum() >= fewest(releases)
    for answers in (means, variances):
        assert np.all((answers.lower <= answers.values) & (answers.values <= answers.upper))


@pytest.mark.proof
@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_the_noise_of_the_count_is_part_of_both(kind: Mechanism, prove: bool) -> None:
    releases = PROOF_RELEASES if prove else RELEASES
    data = np.array([35, 95] * 1000)
    means, variances = released(data, kind, BOUNDS, releases, count_scale=16.0)
    assert covered(means, data.mean()).sum() >= fewest(releases)
    assert covered(variances, data.var()).sum() >= fewest(releases)


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize("data", [pytest.param(SKEWED, id="skewed"), pytest.param(MIDDLING, id="middling")])
def test_intervals_are_not_needlessly_wide(data: Floats, kind: Mechanism) -> None:
    means, variances = released(data, kind, BOUNDS, RELEASES)
    assert waste(means, data.mean()) < 1.12
    assert waste(variances, data.var()) < 1.25


@pytest.mark.proof
@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize("count_scale", [3.0, 16.0])
def test_the_error_is_that_of_theory(kind: Mechanism, count_scale: float, prove: bool) -> None:
    """To first order the error of a mean m is that of (total - m·count)/n, and likewise for a variance."""
    releases = PROOF_RELEASES if prove else RELEASES
    data = np.array([35, 95] * 4000)
    means, variances = released(data, kind, BOUNDS, releases, count_scale)
    noise, squares = noises(kind, BOUNDS, count_scale)
    m, v = data.mean() - 50, data.var()
    of_mean = np.sqrt(noise.total.variance + m**2 * noise.count.variance) / len(data)
    of_variance = squares.variance + 4 * m**2 * noise.total.variance + (m**2 - v) ** 2 * noise.count.variance
    assert np.sqrt(np.mean((means.values - data.mean()) ** 2)) / of_mean == pytest.approx(1, abs=0.03)
    assert np.sqrt(np.mean((variances.values - v) ** 2) / of_variance) * len(data) == pytest.approx(1, abs=0.03)
