"""The arithmetic of the benchmarks, against what the standard library says and against counted calls."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure import interleave, quantile, ratios, significant, spread

_VALUES = st.lists(st.floats(0.001, 1e9), min_size=2, max_size=40)


@given(_VALUES)
def test_quartiles_and_the_median_are_those_of_the_standard_library(values: list[float]) -> None:
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    measured = spread(values)
    assert (measured.lower_quartile, measured.median, measured.upper_quartile) == pytest.approx((lower, middle, upper))
    assert (measured.smallest, measured.largest, measured.runs) == (min(values), max(values), len(values))


def test_the_ends_of_the_quantiles_are_the_least_and_the_most() -> None:
    assert [quantile([3.0, 1.0, 2.0], share) for share in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
    assert quantile([7.0], 0.99) == 7.0


def test_nothing_is_said_of_nothing() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])
    with pytest.raises(ValueError, match="quantile"):
        quantile([], 0.5)
    with pytest.raises(ValueError, match="quantile"):
        quantile([1.0], 1.5)


def test_ratios_go_pair_by_pair() -> None:
    # the machine was half as fast in the second pair: the ratio does not show it
    assert ratios([80.0, 40.0], [100.0, 50.0]) == pytest.approx([0.8, 0.8])
    with pytest.raises(ValueError, match="longer"):
        ratios([1.0], [1.0, 2.0])


def test_arms_take_turns_and_none_always_comes_first() -> None:
    order: list[str] = []

    def arm(name: str) -> Callable[[], int]:
        def run() -> int:
            order.append(name)
            return len(order)

        return run

    results = interleave({"a": arm("a"), "b": arm("b")}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert results == {"a": [1, 4, 5], "b": [2, 3, 6]}


def test_a_spread_is_written_with_four_digits() -> None:
    assert spread([123456.0, 0.0001234567]).json() == {
        "median": 61730.0,
        "lower_quartile": 30860.0,
        "upper_quartile": 92590.0,
        "min": 0.0001235,
        "max": 123500.0,
        "runs": 2,
    }
    assert significant(0.123456, 2) == 0.12
