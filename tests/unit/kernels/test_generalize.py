"""Generalisation, held against plain Python on the same values."""

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.kernels.generalize import generalize_date, generalize_number, generalize_region
from gateway.model.treatment import Precision

LEAST, MOST = -(2**63), 2**63 - 1
PERIODS = [Precision.DAY, Precision.MONTH, Precision.YEAR]
int64s = st.one_of(st.integers(LEAST, MOST), st.integers(-300, 300), st.sampled_from([LEAST, MOST, 0]))


def _first(value: date, to: Precision) -> date:
    day = date(value.year, value.month, value.day)
    return {Precision.DAY: day, Precision.MONTH: day.replace(day=1), Precision.YEAR: day.replace(month=1, day=1)}[to]


@given(
    st.lists(st.none() | st.dates()),
    st.sampled_from([Precision.DAY, Precision.MONTH, Precision.YEAR]),
    st.integers(0, 3),
)
def test_dates_leave_as_the_first_day(values: list[date | None], to: Precision, start: int) -> None:
    result = generalize_date(pa.array(values, pa.date32()).slice(start), to)
    assert result.type == pa.date32()
    assert result.to_pylist() == [None if value is None else _first(value, to) for value in values[start:]]


@given(st.lists(st.none() | st.datetimes()), st.sampled_from([Precision.DAY, Precision.MONTH, Precision.YEAR]))
def test_timestamps_leave_as_the_first_day(values: list[datetime | None], to: Precision) -> None:
    result = generalize_date(pa.array(values, pa.timestamp("us")), to)
    assert result.to_pylist() == [None if value is None else _first(value, to) for value in values]


def test_timestamps_before_1970_and_at_the_extremes_are_floored() -> None:
    extremes = pa.array([-1, LEAST, MOST, None], pa.int64()).cast(pa.timestamp("us"))
    days = generalize_date(extremes, Precision.DAY).cast(pa.int32()).to_pylist()
    assert days == [-1, LEAST // 86_400_000_000, MOST // 86_400_000_000, None]


def test_a_date_without_a_first_day_in_date32_is_refused_but_not_under_a_null() -> None:
    least = pa.array([-(2**31)], pa.int32()).cast(pa.date32())
    assert generalize_date(least, Precision.DAY).equals(least)
    with pytest.raises(OverflowError):
        generalize_date(least, Precision.YEAR)
    hidden = pa.Array.from_buffers(pa.date32(), 1, [pa.py_buffer(b"\x00"), least.buffers()[1]])
    assert generalize_date(hidden, Precision.YEAR).to_pylist() == [None]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (Precision.CITY, ["hz", "hz", "hz", "hz", None, None]),
        (Precision.DISTRICT, ["hz", "hz/xc", "hz/xc", "hz/xc", None, None]),
        (Precision.STREET, ["hz", "hz/xc", "hz/xc/wl", "hz/xc/wl", None, None]),
    ],
)
def test_regions_leave_as_the_ancestor(to: Precision, expected: list[str | None]) -> None:
    paths = ["hz", "hz/xc", "hz/xc/wl", "hz/xc/wl/c01", None, "文三路 99 号"]
    assert generalize_region(pa.array(paths), to).to_pylist() == expected
    assert generalize_region(pa.array(paths).slice(2, 3), to).to_pylist() == expected[2:5]


@pytest.mark.parametrize("value", ["", "/", "hz/", "/hz", "hz//xc", "hz/xc\n", "Hz", "hz xc", "hz/x.c"])
def test_what_is_no_region_path_leaves_as_null(value: str) -> None:
    assert generalize_region(pa.array([value]), Precision.STREET).to_pylist() == [None]


@given(st.lists(st.none() | int64s), st.integers(1, 2**40), st.none() | st.integers(-(2**40), 2**40))
def test_numbers_leave_as_the_edge_of_their_bin(values: list[int | None], width: int, top: int | None) -> None:
    edges = [None if value is None else value // width * width for value in values]
    array = pa.array(values, pa.int64())
    if any(edge is not None and edge < LEAST for edge in edges):
        with pytest.raises(OverflowError):
            generalize_number(array, width, top)
        return
    capped = [edge if edge is None or top is None else min(edge, top // width * width) for edge in edges]
    assert generalize_number(array, width, top).to_pylist() == capped


def test_bins_of_ages() -> None:
    ages = pa.array([0, 4, 5, 89, 90, 117, -1, None])
    assert generalize_number(ages, 5, 90).to_pylist() == [0, 0, 5, 85, 90, 90, -5, None]


def test_a_number_under_a_null_decides_nothing() -> None:
    hidden = pa.Array.from_buffers(pa.int64(), 1, [pa.py_buffer(b"\x00"), pa.array([LEAST]).buffers()[1]])
    assert generalize_number(hidden, 10, None).to_pylist() == [None]


@pytest.mark.parametrize(("width", "top"), [(0, None), (-5, None), (2**63, None), (5, 2**70), (5, -(2**63))])
def test_senseless_bins_are_refused(width: int, top: int | None) -> None:
    with pytest.raises(ValueError, match="int64"):
        generalize_number(pa.array([1]), width, top)


def test_columns_of_other_types_and_other_precisions_are_refused() -> None:
    day = timedelta(days=1)
    for call in (
        lambda: generalize_date(pa.array(["2020-01-01"]), Precision.DAY),
        lambda: generalize_date(pa.array([datetime(2020, 1, 1)], pa.timestamp("us", "UTC")), Precision.DAY),
        lambda: generalize_date(pa.array([day]), Precision.DAY),
        lambda: generalize_number(pa.array([1.5]), 5, None),
        lambda: generalize_region(pa.array([1]), Precision.CITY),
    ):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError, match="day, month or year"):
        generalize_date(pa.array([date(2020, 1, 1)]), Precision.CITY)
    with pytest.raises(ValueError, match="street, district or city"):
        generalize_region(pa.array(["hz"]), Precision.DAY)


@pytest.mark.parametrize("to", [Precision.MONTH, Precision.YEAR])
def test_every_day_of_ten_thousand_years_leaves_as_numpys_calendar_says(to: Precision) -> None:
    # from the last year before the first to the first beyond the last: two calendars meet there
    days = np.arange(-719_162 - 366, 2_932_897 + 366, dtype=np.int32)
    unit = {Precision.MONTH: "datetime64[M]", Precision.YEAR: "datetime64[Y]"}[to]
    expected = days.astype(np.int64).view("datetime64[D]").astype(unit).astype("datetime64[D]").astype(np.int32)
    for start in range(0, len(days), 100_000):
        part = slice(start, start + 100_000)
        result = generalize_date(pa.array(days[part]).cast(pa.date32()), to)
        assert np.array_equal(result.cast(pa.int32()).to_numpy(), expected[part])
