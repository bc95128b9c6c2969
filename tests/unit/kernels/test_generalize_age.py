"""Ages in bands, held against plain Python's calendar on the same births."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.kernels.generalize import generalize_age

TODAY = date(2026, 11, 22)


def _age(born: date, on: date) -> int:
    return on.year - born.year - ((born.month, born.day) > (on.month, on.day))


def _ages(births: list[date | None], on: date) -> list[int | None]:
    return generalize_age(pa.array(births, pa.date32()), on, 1, None).to_pylist()


@given(
    st.lists(st.none() | st.dates() | st.dates(date(1900, 1, 1), date(2030, 1, 1))),
    st.dates() | st.sampled_from([date(2024, 2, 29), date(2025, 2, 28), date(2025, 3, 1)]),
    st.integers(1, 120),
    st.none() | st.integers(0, 130),
    st.integers(0, 3),
)
@example([date(1, 1, 1), date(1626, 11, 22), date(1626, 11, 23)], TODAY, 1, None, 0)
def test_ages_leave_as_the_edge_of_their_band(
    births: list[date | None], on: date, width: int, top: int | None, start: int
) -> None:
    result = generalize_age(pa.array(births, pa.date32()).slice(start), on, width, top)
    expected = []
    for born in births[start:]:
        age = None if born is None or born > on else _age(born, on)
        edge = None if age is None else age // width * width
        expected.append(edge if edge is None or top is None else min(edge, top // width * width))
    assert result.type == pa.int64()
    assert result.to_pylist() == expected


def test_a_year_is_complete_on_the_birthday() -> None:
    births: list[date | None] = [date(2000, 11, 21), date(2000, 11, 22), date(2000, 11, 23), TODAY, None]
    assert _ages(births, TODAY) == [26, 26, 25, 0, None]


def test_who_was_born_on_29_february_is_a_year_older_on_1_march_or_on_the_day_itself() -> None:
    leap: list[date | None] = [date(2004, 2, 29)]
    days = [date(2025, 2, 28), date(2025, 3, 1), date(2028, 2, 28), date(2028, 2, 29)]
    assert [_ages(leap, day) for day in days] == [[20], [21], [23], [24]]
    assert _ages([date(2004, 2, 28), date(2004, 3, 1)], date(2024, 2, 29)) == [20, 19]


def test_a_birth_to_come_has_no_age() -> None:
    births = pa.array([date(2026, 11, 23), date(9999, 12, 31), TODAY, date(1, 1, 1), None])
    result = generalize_age(births, TODAY, 10, 90)
    assert result.to_pylist() == [None, None, 0, 90, None]
    under = result.buffers()[1]
    assert under is not None and np.frombuffer(under.to_pybytes(), np.int64)[[0, 1, 4]].tolist() == [0, 0, 0]


def test_the_calendar_goes_round_in_400_years() -> None:
    for born, age in ((date(1626, 11, 23), 399), (date(1626, 11, 22), 400), (date(1626, 11, 21), 400)):
        assert _ages([born], TODAY) == [age]


def test_bands_are_capped_at_the_edge_of_the_top() -> None:
    births = pa.array([date(1930, 1, 1), date(1900, 1, 1), date(2001, 1, 1)])
    assert generalize_age(births, TODAY, 20, 90).to_pylist() == [80, 80, 20]
    assert generalize_age(births, TODAY, 5, 0).to_pylist() == [0, 0, 0]


def test_timestamps_count_by_their_day_whatever_lies_under_a_null() -> None:
    births = pa.array([datetime(2000, 11, 22, 23, 59), datetime(1969, 12, 31, 23), None], pa.timestamp("us"))
    assert generalize_age(births, TODAY, 1, None).to_pylist() == [26, 56, None]
    extremes = pa.array([-(2**63), 2**63 - 1], pa.int64()).cast(pa.timestamp("us"))
    assert generalize_age(extremes, TODAY, 1, None).to_pylist() == [292_333, None]
    hidden = pa.Array.from_buffers(pa.date32(), 1, [pa.py_buffer(b"\x00"), pa.array([7], pa.int32()).buffers()[1]])
    assert generalize_age(hidden, TODAY, 1, None).to_pylist() == [None]


def test_long_columns_equal_their_parts() -> None:
    births = pa.array(range(-30_000, 20_000), pa.int32()).cast(pa.date32())
    whole = generalize_age(births, TODAY, 5, 90)
    assert generalize_age(births.slice(12_345, 9_000), TODAY, 5, 90).equals(whole.slice(12_345, 9_000))
    born = [date(1970, 1, 1) + timedelta(day) for day in range(-30_000, 20_000)]
    assert whole.to_pylist() == [min(_age(day, TODAY) // 5 * 5, 90) for day in born]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(lambda: generalize_age(pa.array([2000]), TODAY, 5, None), TypeError, id="a number"),
        pytest.param(lambda: generalize_age(pa.array([TODAY]), TODAY, 0, None), ValueError, id="no width"),
        pytest.param(lambda: generalize_age(pa.array([TODAY]), TODAY, 5, -1), ValueError, id="a negative top"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        call()
