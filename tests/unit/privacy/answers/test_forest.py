"""The two passes against the normal equations, on forests drawn at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.measure import Mechanism
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.totals import consistent_totals, whole_totals


@st.composite
def forests(draw: st.DrawFn, most: int = 14) -> Forest:
    """Any forest: each node hangs under an earlier one or is a root, and then the names are shuffled."""
    size = draw(st.integers(1, most))
    under = [draw(st.integers(-1, node - 1)) for node in range(size)]
    names = draw(st.permutations(range(size)))
    parents = [0] * size
    for node, parent in enumerate(under):
        parents[names[node]] = -1 if parent < 0 else names[parent]
    return Forest(tuple(parents))


def design(forest: Forest) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Which leaf is counted in which node."""
    size = len(forest.parents)
    leaves = [node for node in range(size) if node not in forest.parents]
    matrix = np.zeros((size, len(leaves)))
    for column, leaf in enumerate(leaves):
        node = leaf
        while node >= 0:
            matrix[node, column] = 1
            node = forest.parents[node]
    return matrix


@given(forests(), st.integers(0, 2**32), st.booleans())
def test_it_is_generalised_least_squares(forest: Forest, seed: int, gap: bool) -> None:
    random = np.random.default_rng(seed)
    matrix = design(forest)
    values = random.normal(0, 10, (3, len(matrix)))
    variances = random.uniform(0.1, 5, len(matrix))
    if gap:
        # a group that was not measured; a leaf always is
        variances[random.integers(len(matrix))] = np.inf
        variances[matrix.sum(axis=1) == 1] = 1.0
    weights = 1 / variances
    inverse = np.linalg.inv((matrix.T * weights) @ matrix)
    best = matrix @ inverse @ (matrix.T * weights) @ values.T
    known = np.diag(matrix @ inverse @ matrix.T)
    estimate, variance = forest.consistent(values, variances)
    np.testing.assert_allclose(estimate, best.T, atol=1e-8)
    np.testing.assert_allclose(variance, known, rtol=1e-8)


@given(forests(), st.integers(0, 2**32))
def test_without_noise_it_returns_the_totals(forest: Forest, seed: int) -> None:
    matrix = design(forest)
    leaves = np.random.default_rng(seed).integers(-50, 50, matrix.shape[1])
    exact = (matrix @ leaves).astype(np.int64)
    filled = np.zeros(len(matrix), dtype=np.int64)
    filled[[node for node in range(len(matrix)) if node not in forest.parents]] = leaves
    assert forest.totals(filled).tolist() == exact.tolist()
    estimate = consistent_totals(forest, exact, np.full(len(matrix), 1e-12), Mechanism.GAUSSIAN)
    np.testing.assert_allclose(estimate.values, exact, atol=1e-6)


@given(forests(), st.integers(0, 2**32))
def test_whole_totals_are_whole_not_negative_and_add_up(forest: Forest, seed: int) -> None:
    random = np.random.default_rng(seed)
    noised = random.integers(-30, 60, len(forest.parents))
    answers = whole_totals(forest, noised, random.uniform(1, 9, len(noised)), Mechanism.LAPLACE)
    values = answers.values
    assert np.all(values == np.rint(values))
    assert np.all(values >= 0)
    for parent in set(forest.parents) - {-1}:
        assert values[parent] == sum(values[node] for node, above in enumerate(forest.parents) if above == parent)
    assert np.all((answers.lower <= values) & (values <= answers.upper))


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9))
def test_whole_totals_that_add_up_already_stay(leaves: list[int]) -> None:
    forest = Forest((*[len(leaves)] * len(leaves), -1))
    exact = np.array([*leaves, sum(leaves)])
    answers = whole_totals(forest, exact, np.full(len(exact), 4.0), Mechanism.GAUSSIAN)
    assert answers.values.tolist() == exact.tolist()


def test_a_child_that_is_sure_moves_less() -> None:
    forest = Forest((2, 2, -1))
    answers = whole_totals(forest, np.array([100, 100, 260]), np.array([1.0, 9.0, 1e-6]), Mechanism.GAUSSIAN)
    assert answers.values.tolist() == [106, 154, 260]


@pytest.mark.parametrize("parents", [(1, 0), (0,), (-1, 3, 2, 1), (-2,), (5, -1)])
def test_what_is_no_forest_is_refused(parents: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"ancestor|parent"):
        Forest(parents)


def test_a_large_tree_takes_linear_time() -> None:
    # a street of 100 under each of 3000 communities under 100 streets under 1 city, and a chain of 200
    size = 300_000
    parents = np.concatenate(
        [np.arange(size) // 100 + size, np.arange(3000) // 30 + size + 3000, np.full(100, size + 3100)]
    )
    forest = Forest((*parents.tolist(), -1))
    values = np.random.default_rng(1).normal(size=len(forest.parents))
    estimate, variance = forest.consistent(values, np.ones(len(values)))
    assert estimate[-1] == pytest.approx(estimate[:size].sum())
    assert variance.max() <= 1
