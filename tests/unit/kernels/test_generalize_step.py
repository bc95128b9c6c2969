"""Decimal steps of doubles, held against decimals of any length."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.generalize import generalize_step

STEPS = ["0.1", "0.01", "0.3", "0.07", "0.125", "1", "2.5", "500", "0.000001", "1E3", "0.10"]


def _edge(value: float, step: str, top: str | None) -> float | None:
    """The last edge that is not above the value, each edge being the double nearest to the decimal."""
    if not math.isfinite(value):
        return None
    width = Fraction(Decimal(step))
    places = max(0, -int(Decimal(step).as_tuple().exponent))
    beyond = abs(value) > 2**51 / 10**places
    if beyond and (top is None or value < 0):
        return None
    last = math.floor(Fraction(Decimal(top)) / width) if top is not None else None
    if beyond and last is not None:
        return float(last * width)
    steps = math.floor(Fraction(value) / width) + 2
    while float(steps * width) > value:
        steps -= 1
    return float((steps if last is None else min(steps, last)) * width)


near_edges = st.builds(
    lambda steps, step, nudges: _nudged(float(steps * Fraction(Decimal(step))), nudges),
    st.integers(-(10**9), 10**9),
    st.sampled_from(STEPS),
    st.integers(-2, 2),
)


def _nudged(value: float, nudges: int) -> float:
    for _ in range(abs(nudges)):
        value = math.nextafter(value, math.copysign(math.inf, nudges))
    return value


@given(
    st.lists(st.none() | near_edges | st.floats() | st.floats(-1000, 1000), max_size=20),
    st.sampled_from(STEPS),
    st.none() | st.sampled_from(["0", "5", "90.5", "-3.2"]),
    st.integers(0, 2),
)
def test_doubles_leave_as_the_edge_of_their_step(
    values: list[float | None], step: str, top: str | None, start: int
) -> None:
    result = generalize_step(pa.array(values, pa.float64()).slice(start), step, top)
    assert result.type == pa.float64()
    assert result.to_pylist() == [None if value is None else _edge(value, step, top) for value in values[start:]]


@pytest.mark.parametrize("step", STEPS)
def test_an_edge_is_its_own_and_the_double_below_it_belongs_to_the_step_before(step: str) -> None:
    edges = np.array([float(steps * Fraction(Decimal(step))) for steps in range(-5_000, 5_001)])
    assert generalize_step(pa.array(edges), step, None).to_numpy().tolist() == edges.tolist()
    below = np.nextafter(edges, -np.inf)
    assert generalize_step(pa.array(below[1:]), step, None).to_numpy().tolist() == edges[:-1].tolist()


def test_steps_of_a_tenth_are_the_doubles_one_writes() -> None:
    values = pa.array([0.3, 0.7, 0.35, -0.05, -0.1, 1.15, 30.25, 0.0])
    assert generalize_step(values, "0.1", None).to_pylist() == [0.3, 0.7, 0.3, -0.1, -0.1, 1.1, 30.2, 0.0]


def test_the_top_holds_everything_above_it() -> None:
    amounts = pa.array([99.0, 1999.99, 2000.0, 2300.0, 1e300, -1e300])
    assert generalize_step(amounts, "500", "2300").to_pylist() == [0.0, 1500.0, 2000.0, 2000.0, 2000.0, None]


def test_no_zero_is_negative() -> None:
    zero = generalize_step(pa.array([-0.0]), "0.5", None)
    assert not np.signbit(zero.to_numpy()).any()


def test_what_is_no_number_leaves_as_null_and_what_is_too_far_out() -> None:
    bound = 2**51 / 100
    values = pa.array([math.nan, math.inf, -math.inf, 1.239, bound, -bound, math.nextafter(bound, math.inf), None])
    result = generalize_step(values, "0.01", None).to_pylist()
    assert result == [None, None, None, 1.23, bound, -bound, None, None]
    assert generalize_step(values, "0.01", "1.2").to_pylist() == [None, None, None, 1.2, 1.2, -bound, 1.2, None]


def test_a_number_under_a_null_decides_nothing() -> None:
    hidden = pa.Array.from_buffers(pa.float64(), 1, [pa.py_buffer(b"\x00"), pa.array([7.0]).buffers()[1]])
    result = generalize_step(hidden, "1", None)
    assert result.to_pylist() == [None]


def test_nothing_lies_under_a_null() -> None:
    result = generalize_step(pa.array([math.nan, 1e300, None, 2.5]), "0.5", None)
    under = result.buffers()[1]
    assert under is not None and np.frombuffer(under.to_pybytes(), np.float64).tolist() == [0.0, 0.0, 0.0, 2.5]


def test_long_columns_equal_their_parts() -> None:
    values = pa.array(np.random.default_rng(3).normal(0, 1000, 30_000))
    whole = generalize_step(values, "0.05", "900")
    assert generalize_step(values.slice(10_000, 9_000), "0.05", "900").equals(whole.slice(10_000, 9_000))


@pytest.mark.parametrize(
    ("step", "top"),
    [
        *((step, None) for step in ("0", "-1", "x", "NaN", "Infinity", "1E-16", "1E16", "2251799813685249")),
        *(("1", top) for top in ("x", "Infinity", "1E16")),
        ("0.001", "1E15"),
    ],
)
def test_senseless_steps_are_refused(step: str, top: str | None) -> None:
    with pytest.raises(ValueError, match="step"):
        generalize_step(pa.array([1.0]), step, top)


def test_columns_of_other_types_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        generalize_step(pa.array([1]), "1", None)
