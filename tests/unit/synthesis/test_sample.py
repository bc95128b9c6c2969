"""Rows have the marginals of the model, in declared types, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.synthesis.extract import Model, fit, sample
from gateway.synthesis.forest import draw
from gateway.synthesis.marginals import NoisedMarginal
from tests.unit.synthesis.house import COLUMNS, ROWS, apart, codes, counted, marginals


def rows_of(table: pa.Table) -> np.ndarray:
    return np.stack([column.encode(table.column(column.name)) for column in COLUMNS], axis=1)


def distances(rows: np.ndarray, model: Model) -> list[float]:
    return [apart(counted(rows, *pair), counts) for pair, counts in model.agreed.pairs.items()]


@pytest.mark.parametrize("rows", [1, 997, ROWS, 60_000])
def test_the_table_has_the_declared_types_and_so_many_rows(rows: int) -> None:
    table = sample(fit(COLUMNS, marginals(10.0)), rows, 1)
    assert table.num_rows == rows
    assert table.schema == pa.schema([(column.name, ARROW_TYPES[column.type]) for column in COLUMNS])
    assert (rows_of(table) >= 0).all()


def test_rows_agree_with_every_pair_of_the_model() -> None:
    model = fit(COLUMNS, marginals(10.0))
    assert max(distances(rows_of(sample(model, ROWS, 1)), model)) < 0.005


def test_the_pairs_beyond_the_tree_are_what_refining_adds() -> None:
    model = fit(COLUMNS, marginals(10.0))
    begun = np.stack(draw(model.agreed, model.tree, ROWS, np.random.default_rng(1)), axis=1)
    assert max(distances(begun, model)) > 10 * max(distances(rows_of(sample(model, ROWS, 1)), model))


def test_a_tree_alone_is_met_to_a_row() -> None:
    one = [marginal for marginal in marginals(0) if marginal.fields == ("district", "age")]
    model = fit(COLUMNS, one)
    rows = np.stack(draw(model.agreed, model.tree, ROWS, np.random.default_rng(1)), axis=1)
    # each district's ages are rounded apart: fewer than one row a cell
    assert np.abs(counted(rows, 0, 2) - model.agreed.pairs[0, 2]).max() < 1.01


def test_a_tree_is_followed_either_way() -> None:
    chain = [marginal for marginal in marginals(0) if marginal.fields in (("district", "age"), ("insured", "age"))]
    model = fit(COLUMNS, chain)
    rows = np.stack(draw(model.agreed, model.tree, ROWS, np.random.default_rng(1)), axis=1)
    assert np.abs(counted(rows, 1, 2) - model.agreed.pairs[1, 2]).max() < 1.01


def test_rows_are_near_the_truth_that_only_noise_told_of() -> None:
    table, truth = sample(fit(COLUMNS, marginals(10.0)), ROWS, 1), codes()
    for one, other in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)):
        assert apart(counted(rows_of(table), one, other), counted(truth, one, other)) < 0.01


def test_a_seed_draws_its_rows_again_and_another_seed_draws_others() -> None:
    model = fit(COLUMNS, marginals(10.0))
    assert sample(model, 5000, 7).equals(sample(model, 5000, 7))
    assert not sample(model, 5000, 7).equals(sample(model, 5000, 8))


def test_single_fields_give_independent_rows() -> None:
    counts: Sequence[list[int]] = ([1000, 4000, 3000, 2000], [5000, 5000], [2000, 3000, 4000, 1000], [9000, 500, 500])
    singles = [
        NoisedMarginal((column.name,), np.array(count), 1.0) for column, count in zip(COLUMNS, counts, strict=True)
    ]
    rows = rows_of(sample(fit(COLUMNS, singles), 10_000, 1))
    for place, count in enumerate(counts):
        assert np.bincount(rows[:, place]).tolist() == count
    assert apart(counted(rows, 0, 2), np.outer(counts[0], counts[2])) < 0.02


def test_progress_is_told_sweep_by_sweep() -> None:
    told: list[tuple[int, int]] = []
    sample(fit(COLUMNS, marginals(10.0)), 100, 1, lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == list(range(1, told[0][1] + 1))


def test_an_extract_of_no_rows_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="rows"):
        sample(fit(COLUMNS, marginals(10.0)), 0, 1)


@pytest.mark.parametrize("deviation", [1e3, 1e5, 1e9, 1e17])
def test_noise_beyond_all_counts_still_gives_rows(deviation: float) -> None:
    assert sample(fit(COLUMNS, marginals(deviation), 500), 500, 1).num_rows == 500
