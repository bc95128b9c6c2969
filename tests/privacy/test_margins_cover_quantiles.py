"""The intervals of quantiles hold the exact quantile of the values themselves in 95 of 100 releases."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.model.measure import Mechanism
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.quantiles import BinTree, quantiles, rank_error
from tests.privacy.margins import GAUSSIAN, LAPLACE, PROOF_RELEASES, RELEASES, covered, drawn, fewest

AT = (0.0, 0.05, 0.25, 0.5, 0.9, 1.0)
RANDOM = np.random.default_rng(11)
WAITS = np.minimum(RANDOM.gamma(2.0, 12.0, 1500), 200)
TWO_HEAPS = np.concatenate([np.full(500, 20.0), np.full(500, 180.0)])
ODD_HEAPS = np.concatenate([np.full(500, 20.0), np.full(501, 180.0)])
MIDDLE_ONE = np.concatenate([np.full(500, 97.0), [102.0], np.full(500, 107.0)])
"""The hardest median: one value more on either side would move it, and no empty bins around it take in its misses."""
FEW = np.array([3.0, 90.0, 91.0, 150.0])


@pytest.mark.proof
@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
@pytest.mark.parametrize("tree", [BinTree(40, 40), BinTree(40, 7), BinTree(40, 2)], ids=["flat", "tree", "binary"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(WAITS, id="waits"),
        pytest.param(TWO_HEAPS, id="two heaps"),
        pytest.param(ODD_HEAPS, id="two heaps, one more"),
        pytest.param(MIDDLE_ONE, id="one in the middle"),
        pytest.param(FEW, id="four values"),
    ],
)
def test_quantiles_are_covered(
    data: np.ndarray[tuple[int], np.dtype[np.float64]], tree: BinTree, kind: Mechanism, prove: bool
) -> None:
    releases = PROOF_RELEASES // 4 if prove else RELEASES // 4
    noise = IntegerNoise(kind, 4.0 * (tree.levels if kind is LAPLACE else tree.levels**0.5))
    edges = np.linspace(0, 200, tree.bins + 1)
    exact = tree.node_counts(np.histogram(data, edges)[0].astype(np.int64))
    noised = exact + drawn(noise, (releases, tree.nodes), 1)
    for p, answer in zip(AT, quantiles(tree, noised, noise, edges, AT), strict=True):
        truth = float(np.quantile(data, p, method="inverted_cdf"))
        assert covered(answer, truth).sum() >= fewest(releases)
        assert np.all((answer.lower <= answer.values) & (answer.values <= answer.upper))


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_intervals_are_not_needlessly_wide(kind: Mechanism) -> None:
    # bins so fine that they do not matter: the interval is then that of the rank
    tree = BinTree(1000, 1000)
    noise = IntegerNoise(kind, 2.0)
    data = np.repeat(np.arange(1000), 10) + 0.5
    edges = np.arange(1001.0)
    noised = tree.node_counts(np.histogram(data, edges)[0].astype(np.int64)) + drawn(noise, (3000, 1000), 2)
    (median,) = quantiles(tree, noised, noise, edges, (0.5,))
    typical = float(np.median(median.upper - median.lower)) / 2
    needed = float(np.quantile(np.abs(median.values - 500), 0.95))
    # half a bin on each side is the bins'
    assert typical <= 1.15 * needed + 1.5


@pytest.mark.parametrize("kind", [LAPLACE, GAUSSIAN])
def test_the_typical_rank_error_of_a_tree_is_as_computed(kind: Mechanism) -> None:
    tree, noise = BinTree(64, 8), IntegerNoise(kind, 30.0)
    noised = drawn(noise, (4000, tree.nodes), 3).astype(np.float64)
    leaves = tree.forest.consistent(noised, np.ones(tree.nodes))[0][:, :64]
    flat = drawn(noise, (4000, 64), 4)
    for values, shape in ((leaves, tree), (flat, BinTree(64, 64))):
        below = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
        error = float(np.sqrt(np.mean((below - below[:, -1:] / 2) ** 2)))
        growth = shape.levels if kind is LAPLACE else shape.levels**0.5
        assert error == pytest.approx(rank_error(shape, kind) / growth * noise.variance**0.5, rel=0.03)
