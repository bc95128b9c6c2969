"""Dates brought to the first day of a period, birth dates to bands of age."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.generalize.integers import days_of, from_values, masked
from gateway.kernels.text import Column, chunks, compute, valid
from gateway.model.treatment import Precision

_PERIODS = {Precision.DAY: "D", Precision.MONTH: "M", Precision.YEAR: "Y"}
_YEAR_1, _YEAR_10000 = -719_162, 2_932_897  # days since 1970-01-01
_INT32 = np.iinfo(np.int32)
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
"""After so many years the Gregorian calendar repeats itself to the day."""


def generalize_date(array: Column, to: Precision) -> Column:
    """Bring date32 or naive timestamp[us] values to the first day of their day, month or year (proleptic Gregorian).

    Raises:
        TypeError: for another Arrow type. ValueError: for a precision that is none of dates.
        OverflowError: if a first day lies before the first that date32 can say.
    """
    if to not in _PERIODS:
        raise ValueError("dates generalise to day, month or year")
    days = days_of(array)
    firsts = _first_days(days, to)
    if firsts.size and int(firsts.min()) < _INT32.min:
        raise OverflowError("a date lies too far back to be generalised")
    return from_values(firsts.astype(np.int32), array).cast(pa.date32())


def _first_days(days: npt.NDArray[np.int64], to: Precision) -> npt.NDArray[np.int64]:
    if days.size and int(days.min()) >= _YEAR_1 and int(days.max()) < _YEAR_10000:
        dates = pa.array(days.astype(np.int32)).cast(pa.date32())
        floored: npt.NDArray[np.int64] = (
            compute.floor_temporal(dates, unit=to.value).cast(pa.int32()).to_numpy().astype(np.int64)
        )
        return floored
    # Arrow's calendar, which is faster, goes wrong beyond year 32767; numpy's counts years in 64 bits
    return days.view("datetime64[D]").astype(f"datetime64[{_PERIODS[to]}]").astype("datetime64[D]").view(np.int64)


def generalize_age(births: Column, on: date, width: int, top: int | None) -> Column:
    """Return the lower edge of the band of `width` years that holds each one's age in completed years on a day, as
    int64; ages are capped at the edge of `top`'s band.

    A year of age is complete on the birthday; that of somebody born on 29 February, in a common year, on 1 March. A
    birth after the day has no age: NULL. Births are date32 or naive timestamp[us], of any year.

    Raises:
        TypeError: for another Arrow type. ValueError: if the width is not positive or the top negative.
    """
    if not 1 <= width <= _INT32.max:
        raise ValueError("the width must be a positive number of years")
    if top is not None and top < 0:
        raise ValueError("the top must not be negative")
    days = days_of(births)
    known = valid(births)
    edges = np.empty(len(days), np.int64)
    bands = _bands(on, width, top)
    for chunk in chunks(len(days)):
        lived = _day(on) - days[chunk]
        if lived.size and int(lived.min()) < 0:
            known[chunk] &= lived >= 0
        if lived.size and int(lived.max()) >= _CYCLE_DAYS:
            cycles, rest = np.divmod(lived, _CYCLE_DAYS)
            years = cycles * _CYCLE_YEARS + _ages(on)[rest]
            edges[chunk] = _edges(years, width, top)
        else:
            bands.take(lived, out=edges[chunk], mode="clip")
    if not known.all():
        edges[~known] = 0
    return masked(edges, known)


@lru_cache(maxsize=8)
def _bands(on: date, width: int, top: int | None) -> npt.NDArray[np.int64]:
    bands = _edges(_ages(on), width, top)
    bands.setflags(write=False)
    return bands


def _edges(years: npt.NDArray[np.int64], width: int, top: int | None) -> npt.NDArray[np.int64]:
    edges = years // width * width
    return edges if top is None else np.minimum(edges, top // width * width)


@lru_cache(maxsize=8)
def _ages(on: date) -> npt.NDArray[np.int64]:
    """The completed years on a day of one who was born so many days before, for the days of one cycle."""
    births = np.datetime64(on, "D") - np.arange(_CYCLE_DAYS)
    months = births.astype("datetime64[M]")
    years = births.astype("datetime64[Y]")
    month = (months - years.astype("datetime64[M]")).astype(np.int64) + 1
    day = (births - months.astype("datetime64[D]")).astype(np.int64) + 1
    ahead = (month > on.month) | ((month == on.month) & (day > on.day))
    ages: npt.NDArray[np.int64] = on.year - 1970 - years.astype(np.int64) - ahead
    ages.setflags(write=False)
    return ages


def _day(on: date) -> np.int64:
    return np.datetime64(on, "D").astype(np.int64)
