"""Which columns must have no deterministic tokens: figures, the rule, and the attack the rule is about."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from gateway.kernels.entropy import Frequencies, Weakness, measure

Shares = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def _measure(sizes: list[int] | Counts) -> Frequencies:
    return measure(cast(pa.Int64Array, pa.array(np.asarray(sizes, np.int64))))


def _spread(weights: Shares) -> Shares:
    shares: Shares = weights / weights.sum()
    return shares


def _columns() -> dict[str, tuple[Shares, int, Weakness | None]]:
    """Columns of a city by the true shares of their values and their rows, with what is to be found."""
    random = np.random.default_rng(20260101)
    zipf = _spread(1.0 / np.arange(1, 401))
    taxis, others = random.normal(300, 60, 5_000).clip(50), random.exponential(5, 100_000)
    common, few, ranks = Weakness.COMMON_VALUE, Weakness.FEW_VALUES, Weakness.TELLING_RANKS
    return {
        "sexes": (np.array([0.51, 0.49]), 10_000, common),
        "blood groups": (np.array([0.31, 0.28, 0.30, 0.11]), 10_000, common),
        "thirteen districts": (_spread(random.dirichlet(np.full(13, 5.0))), 100_000, common),
        "surnames": (zipf, 1_000_000, common),
        "two hundred equal classes": (np.full(200, 1 / 200), 100_000, few),
        "communities of a whole province": (_spread(random.lognormal(0, 0.6, 3_000)), 100_000_000, ranks),
        "residents, one row each": (np.full(50_000, 1 / 50_000), 50_000, None),
        "residents, some rows each": (_spread(random.lognormal(0, 0.5, 100_000)), 300_000, None),
        "plates seen by cameras": (_spread(np.concatenate([taxis, others])), 2_000_000, None),
        "plates with a heavy tail": (_spread(random.lognormal(0, 1.5, 100_000)), 1_000_000, None),
        "birthdays": (_spread(random.normal(1, 0.1, 25_000)), 1_000_000, None),
    }


COLUMNS = _columns()


def _rank_attack(shares: Shares, rows: int) -> float:
    """The share of rows named rightly by someone who matches tokens to values by rank (Naveed et al. 2015, section 4),
    with another sample of the same world to know the frequencies from."""
    random = np.random.default_rng(7)
    known, tokens = random.multinomial(rows, shares), random.multinomial(rows, shares)
    # equal counts are ranked by chance
    by_known = np.lexsort((random.random(len(shares)), known))
    by_tokens = np.lexsort((random.random(len(shares)), tokens))
    return float(tokens[by_tokens][by_known == by_tokens].sum() / rows)


def _sample(name: str) -> Counts:
    shares, rows, _ = COLUMNS[name]
    counts = np.random.default_rng(11).multinomial(rows, shares).astype(np.int64)
    return counts[counts > 0]


@pytest.mark.parametrize("name", COLUMNS)
def test_the_rule_tells_columns_that_fall_from_those_that_stand(name: str) -> None:
    assert _measure(_sample(name)).weakness is COLUMNS[name][2]


@pytest.mark.parametrize("name", [name for name, (_, _, weakness) in COLUMNS.items() if weakness is None])
def test_what_passes_withstands_the_attack(name: str) -> None:
    shares, rows, _ = COLUMNS[name]
    assert _rank_attack(shares, rows) < 0.02


@pytest.mark.parametrize(
    "name", [name for name, (_, _, weakness) in COLUMNS.items() if weakness not in (None, Weakness.FEW_VALUES)]
)
def test_what_is_refused_for_its_frequencies_falls_to_the_attack(name: str) -> None:
    shares, rows, _ = COLUMNS[name]
    assert _rank_attack(shares, rows) > 0.08


@pytest.mark.parametrize("name", COLUMNS)
def test_the_estimate_is_what_the_attack_gets(name: str) -> None:
    shares, rows, _ = COLUMNS[name]
    attack, estimate = _rank_attack(shares, rows), _measure(_sample(name)).recoverable_share
    # within a factor of two, or of no consequence
    assert attack / 2 - 0.01 < estimate < 2 * attack + 0.015


def test_figures_of_a_column_worked_by_hand() -> None:
    found = _measure([2, 1, 1])
    assert found.shannon_entropy == pytest.approx(1.5)
    assert found.recoverable_share == 0.0
    assert not found.guessable


def test_a_column_without_rows_has_no_figures() -> None:
    assert _measure([]) == Frequencies(0.0, 0.0, None)


def test_one_value_has_no_entropy() -> None:
    found = _measure([1_000])
    assert found.shannon_entropy == 0.0
    assert found.guessable


@pytest.mark.parametrize("rows", [1, 5, 99, 1_000])
def test_distinct_ids_pass_in_tables_of_any_size(rows: int) -> None:
    found = _measure([1] * rows)
    assert not found.guessable
    assert found.shannon_entropy == pytest.approx(math.log2(rows))


@pytest.mark.parametrize(
    ("most", "others", "weakness"),
    [
        (30, [1] * 2_970, Weakness.COMMON_VALUE),
        (29, [1] * 2_800, None),  # too few rows to mean anything
        (30, [1] * 2_971, None),  # below 1 %
    ],
    ids=["at-both-limits", "below-30-rows", "below-1-percent"],
)
def test_a_common_value_has_one_percent_and_thirty_rows(
    most: int, others: list[int], weakness: Weakness | None
) -> None:
    assert _measure([*others, most]).weakness is weakness


@pytest.mark.parametrize(
    ("values", "rows_a_value", "weakness"),
    [(255, 30, Weakness.FEW_VALUES), (256, 30, None), (255, 29, None)],
)
def test_few_values_are_fewer_than_256_with_thirty_rows_each(
    values: int, rows_a_value: int, weakness: Weakness | None
) -> None:
    assert _measure([rows_a_value] * values).weakness is weakness


def test_values_far_apart_are_told_by_rank_and_values_close_together_are_not() -> None:
    apart = [200_000 + 1_000 * place for place in range(300)]  # the root of two counts is at most 1,000
    close = [10_000 + 2 * place for place in range(300)]
    assert _measure(apart).recoverable_share == pytest.approx(1.0)
    assert _measure(apart).weakness is Weakness.TELLING_RANKS
    assert _measure(close).weakness is None


@pytest.mark.parametrize(("other", "alike"), [(28, True), (27, False), (45, True), (46, False)])
def test_values_are_alike_up_to_one_standard_deviation(other: int, alike: bool) -> None:
    # 36 - 28 is the root of 36 + 28, and 45 - 36 that of 36 + 45
    of_other = other if other >= 30 else 0
    expected = (36 + of_other) / 2 if alike else 36 + of_other
    assert _measure([36, other]).recoverable_share == pytest.approx(expected / (36 + other))


def test_the_order_of_values_is_of_no_matter() -> None:
    sizes = _sample("surnames")
    assert _measure(sizes[::-1].copy()) == _measure(np.sort(sizes))


@pytest.mark.parametrize("sizes", [[0, 1], [-1], [2**62, 2**62]], ids=["zero", "negative", "too-many"])
def test_sizes_that_make_no_sense_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        _measure(sizes)


def test_null_and_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="number of rows"):
        measure(pa.array([1, None], pa.int64()))
    with pytest.raises(TypeError):
        measure(cast(pa.Int64Array, pa.array([1.0])))
