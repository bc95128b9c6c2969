"""Single values in canonical JSON: exact both ways, one form each."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accountability import jcs
from gateway.accountability.lexical import (
    read_double,
    read_fraction,
    read_instant,
    read_integer,
    read_scalar,
    write_double,
    write_fraction,
    write_instant,
    write_scalar,
)
from gateway.model.values import Scalar
from tests.conformance.ports.strategies import instants, scalars


@given(scalars)
def test_a_scalar_reads_back_with_its_type(value: Scalar) -> None:
    back = read_scalar(jcs.decode(jcs.encode(write_scalar(value))))
    assert type(back) is type(value)
    assert back == value
    if isinstance(back, float) and isinstance(value, float):
        assert math.copysign(1, back) == math.copysign(1, value)


@given(scalars, scalars)
def test_two_scalars_have_one_form_only_if_they_are_one(left: Scalar, right: Scalar) -> None:
    same = write_scalar(left) == write_scalar(right)
    assert same == (type(left) is type(right) and left == right and str(left) == str(right))


@pytest.mark.parametrize(
    "value",
    [
        [], ["null", "x"], ["int64", 5], ["int64", "05"], ["int64", "-0"], ["int64", "٥"], ["int64", "1_0"],
        ["bool", "true"], ["bool", 1], ["double", "1.5"], ["double", "x"], ["double", "0x1p99999"],
        ["string"], ["date", "20260101"], ["date", "2026-13-01"], ["timestamp", "2026-01-01T00:00:00"],
        ["text", "x"], "x", 5,
    ],
)  # fmt: skip
def test_other_forms_of_a_scalar_are_refused(value: jcs.Json) -> None:
    with pytest.raises(ValueError):
        read_scalar(value)


@given(st.fractions())
def test_fractions_are_exact(value: Fraction) -> None:
    assert read_fraction(write_fraction(value)) == value


@pytest.mark.parametrize("text", ["1", "1/0", "2/4", "0/2", "-0/1", "1/-2", "+1/2", " 1/2", "1/2\n", "0.5/1", ""])
def test_other_forms_of_a_fraction_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_fraction(text)


@given(instants)
def test_instants_are_exact_and_of_one_length(value: datetime) -> None:
    text = write_instant(value)
    assert read_instant(text) == value
    assert len(text) == len("2026-11-21T08:30:00.000123Z")


def test_an_aware_instant_is_refused() -> None:
    with pytest.raises(ValueError):
        write_instant(datetime(2026, 1, 1, tzinfo=UTC))


@given(st.floats(allow_nan=False))
def test_doubles_are_exact(value: float) -> None:
    assert read_double(write_double(value)) == value


def test_an_integer_of_any_size_is_exact() -> None:
    assert read_integer(str(-(10**40))) == -(10**40)
