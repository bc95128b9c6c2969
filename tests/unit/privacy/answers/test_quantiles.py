from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.measure import Mechanism
from gateway.privacy.answers.labels import PostProcessing
from gateway.privacy.answers.noise import IntegerNoise
from gateway.privacy.answers.quantiles import BinTree, quantiles, rank_error, rank_half_widths, recommended_branching

NONE = IntegerNoise(Mechanism.LAPLACE, 0)
TREES = st.builds(BinTree, st.integers(1, 30), st.integers(2, 9))


@given(TREES, st.data())
def test_every_record_counts_once_in_every_level(tree: BinTree, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, tree.bins - 1))
    alone = np.zeros(tree.bins, dtype=np.int64)
    alone[place] = 1
    nodes = tree.node_counts(alone)
    assert nodes.sum() == tree.levels
    assert np.sum(nodes**2) == tree.levels
    ends = np.cumsum(tree.sizes)
    for level, size in enumerate(tree.sizes):
        assert nodes[ends[level] - size + place // tree.branching**level] == 1


@given(TREES, st.integers(0, 2**32))
def test_no_records_of_one_unit_change_more_than_all_in_one_bin(tree: BinTree, seed: int) -> None:
    bins = np.random.default_rng(seed).multinomial(6, np.ones(tree.bins) / tree.bins)
    nodes = tree.node_counts(bins.astype(np.int64))
    assert nodes.sum() == 6 * tree.levels
    assert np.sum(nodes**2) <= 36 * tree.levels


@given(TREES, st.integers(0, 2**32), st.floats(0, 1))
def test_without_noise_the_interval_is_the_bin_of_the_quantile(tree: BinTree, seed: int, p: float) -> None:
    random = np.random.default_rng(seed)
    data = random.integers(0, tree.bins, random.integers(1, 60)) + 0.5
    counts = np.histogram(data, np.arange(tree.bins + 1))[0].astype(np.int64)
    (answer,) = quantiles(tree, tree.node_counts(counts)[None], NONE, np.arange(tree.bins + 1.0), (p,))
    truth = float(np.quantile(data, p, method="inverted_cdf"))
    assert answer.lower[0] <= truth <= answer.upper[0]
    # a rank between two bins, or one that floats cannot tell from it, leaves both and the empty bins between them
    rank = p * len(data)
    if abs(rank - round(rank)) > 1e-6:
        assert answer.upper[0] - answer.lower[0] == 1
    assert answer.lower[0] <= answer.values[0] <= answer.upper[0]


def test_values_are_interpolated_inside_the_bin() -> None:
    counts = np.array([[10, 40, 50]])
    answers = quantiles(BinTree(3, 3), counts, NONE, np.array([0.0, 10.0, 20.0, 100.0]), (0.3, 0.75))
    assert [float(answer.values[0]) for answer in answers] == [15.0, 60.0]


def test_cells_are_answered_each_by_itself() -> None:
    random = np.random.default_rng(3)
    tree, noise = BinTree(20, 4), IntegerNoise(Mechanism.LAPLACE, 9)
    noised = random.integers(-5, 90, (7, tree.nodes))
    (together,) = quantiles(tree, noised, noise, np.arange(21.0), (0.5,))
    for cell in range(7):
        (alone,) = quantiles(tree, noised[cell : cell + 1], noise, np.arange(21.0), (0.5,))
        assert (alone.values[0], alone.lower[0]) == (together.values[cell], together.lower[cell])


RANKS = st.lists(st.integers(0, 10_000).map(lambda rank: rank / 10_000), min_size=2, max_size=8, unique=True).map(
    sorted
)


@given(TREES, st.integers(0, 2**32), st.sampled_from([0, 1, 30, 2**40]), RANKS, st.sampled_from([1, 2**50]))
def test_no_quantile_of_a_cell_is_below_one_of_a_smaller_rank(
    tree: BinTree, seed: int, largest: int, at: list[float], width: int
) -> None:
    random = np.random.default_rng(seed)
    noised = random.integers(-largest - 1, largest + 1, (20, tree.nodes), endpoint=True)
    edges = np.arange(tree.bins + 1.0) * width - 7
    noise = IntegerNoise(Mechanism.LAPLACE, 9)
    answers = quantiles(tree, noised, noise, edges, tuple(at))
    for smaller, larger in pairwise(answers):
        assert np.all(smaller.values <= larger.values)
    for p, answer in zip(at, answers, strict=True):
        assert np.all((answer.lower <= answer.values) & (answer.values <= answer.upper))
        # whatever else is asked of the same release, each rank has one answer
        (alone,) = quantiles(tree, noised, noise, edges, (p,))
        assert np.array_equal(alone.values, answer.values) and np.array_equal(alone.upper, answer.upper)


def test_what_no_value_is_in_by_its_noised_total_has_the_middle_at_every_rank() -> None:
    noised = np.array([[-30, 10, 5], [1, -1, 0]])
    edges, noise = np.array([0.0, 10.0, 20.0, 100.0]), IntegerNoise(Mechanism.LAPLACE, 4)
    answers = quantiles(BinTree(3, 3), noised, noise, edges, (0, 0.5, 1))
    assert [answer.values.tolist() for answer in answers] == [[50.0, 50.0]] * 3
    assert all(answer.applied[-1] is PostProcessing.MIDDLE for answer in answers)


def test_an_empty_cell_says_the_whole_range() -> None:
    noised = np.array([[-3, 1, 0, -2, 1]])
    (answer,) = quantiles(BinTree(5, 5), noised, IntegerNoise(Mechanism.LAPLACE, 4), np.arange(6.0), (0.5,))
    assert (answer.lower[0], answer.upper[0]) == (0, 5)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize(("bins", "branching"), [(8, 2), (9, 2), (27, 3), (13, 4), (100, 10), (6, 6), (1, 2)])
def test_the_half_width_of_a_rank_is_that_of_least_squares(bins: int, branching: int, p: float) -> None:
    tree = BinTree(bins, branching)
    design = tree.node_counts(np.eye(bins, dtype=np.int64)).T.astype(np.float64)
    covariance = np.linalg.inv(design.T @ design)
    weights = [np.where(np.arange(bins) < boundary, 1 - p, -p) for boundary in range(bins + 1)]
    known = np.sqrt([weight @ covariance @ weight for weight in weights])
    got = rank_half_widths(tree, p, IntegerNoise(Mechanism.GAUSSIAN, 1e6)) / 1e6 / 1.959964
    np.testing.assert_allclose(got, known, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", list(Mechanism))
def test_the_recommended_tree_is_never_worse_than_flat_or_binary(kind: Mechanism) -> None:
    for bins in (1, 2, 5, 16, 33, 64, 500):
        best = rank_error(BinTree(bins, recommended_branching(bins, kind)), kind)
        assert best <= rank_error(BinTree(bins, max(bins, 2)), kind)
        assert best <= rank_error(BinTree(bins, 2), kind)


# docs/reference/answers.md shows these
@pytest.mark.parametrize(
    ("bins", "flat", "branching", "laplace", "binary", "gaussian"),
    [
        (16, 2.00, 16, 2.00, 3.17, 1.59),
        (32, 2.83, 7, 2.82, 4.24, 1.90),
        (64, 4.00, 8, 3.42, 5.40, 2.20),
        (128, 5.66, 13, 4.13, 6.63, 2.51),
        (256, 8.00, 20, 4.98, 7.93, 2.80),
        (1024, 16.00, 11, 6.83, 10.73, 3.39),
        (4096, 32.00, 18, 8.76, 13.78, 3.98),
    ],
)
def test_the_figures_of_flat_and_nested_bins(
    bins: int, flat: float, branching: int, laplace: float, binary: float, gaussian: float
) -> None:
    assert recommended_branching(bins, Mechanism.LAPLACE) == branching
    assert recommended_branching(bins, Mechanism.GAUSSIAN) == 2
    figures = [
        rank_error(BinTree(bins, bins), Mechanism.LAPLACE),
        rank_error(BinTree(bins, branching), Mechanism.LAPLACE),
        rank_error(BinTree(bins, 2), Mechanism.LAPLACE),
        rank_error(BinTree(bins, 2), Mechanism.GAUSSIAN),
    ]
    assert figures == pytest.approx([flat, laplace, binary, gaussian], abs=0.006)


def test_few_bins_stay_flat_and_many_do_not() -> None:
    assert recommended_branching(16, Mechanism.LAPLACE) == 16
    assert BinTree(256, recommended_branching(256, Mechanism.LAPLACE)).levels == 2
    assert recommended_branching(256, Mechanism.GAUSSIAN) == 2


@pytest.mark.parametrize(
    ("edges", "at"), [([0.0, 1.0], 0.5), ([0.0, 1.0, 1.0], 0.5), ([0.0, 1.0, 2.0], 1.1), ([0.0, 1.0, 2.0], -0.1)]
)
def test_edges_rise_and_quantiles_are_shares(edges: list[float], at: float) -> None:
    with pytest.raises(ValueError, match=r"edges|quantile"):
        quantiles(BinTree(2, 2), np.array([[1, 1]]), NONE, np.array(edges), (at,))


@pytest.mark.parametrize(("bins", "branching"), [(0, 2), (3, 1)])
def test_a_tree_has_bins_and_branches(bins: int, branching: int) -> None:
    with pytest.raises(ValueError, match="tree"):
        BinTree(bins, branching)
