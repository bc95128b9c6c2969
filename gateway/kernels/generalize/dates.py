"""Dates brought to the first day of a period, birth dates to bands of age."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.generalize.integers import days_of, from_values, masked
from gateway.kernels.text import Column, chunks, valid
from gateway.model.treatment import Precision

_PERIODS = {Precision.DAY: "D", Precision.MONTH: "M", Precision.YEAR: "Y"}
_INT32 = np.iinfo(np.int32)
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
"""After so many years the Gregorian calendar repeats itself to the day."""
_CYCLE_BEGIN = -73_048
"""1770-01-01, in days since 1970-01-01: nearly all dates lie in the cycle that begins there."""


def generalize_date(array: Column, to: Precision) -> Column:
    """Bring date32 or naive timestamp[us] values to the first day of their day, month or year (proleptic Gregorian).

    Raises:
        TypeError: for another Arrow type. ValueError: for a precision that is none of dates.
        OverflowError: if a first day lies before the first that date32 can say.
    """
    if to not in _PERIODS:
        raise ValueError("dates generalise to day, month or year")
    days = days_of(array)
    firsts = np.empty(len(days), np.int32)
    for chunk in chunks(len(days)):
        firsts[chunk] = _first_days(days[chunk], to)
    return from_values(firsts, array).cast(pa.date32())


def _first_days(days: npt.NDArray[np.int64], to: Precision) -> npt.NDArray[np.int64]:
    """The first day of each day's period: of a cycle from a table, of others as of the like day in it."""
    since = days - _CYCLE_BEGIN
    if since.size and (int(since.min()) < 0 or int(since.max()) >= _CYCLE_DAYS):
        cycles, rest = np.divmod(since, _CYCLE_DAYS)
        firsts: npt.NDArray[np.int64] = cycles * _CYCLE_DAYS + _firsts(to)[rest]
        if int(firsts.min()) < _INT32.min:
            raise OverflowError("a date lies too far back to be generalised")
        return firsts
    return _firsts(to).take(since, mode="clip")


@lru_cache(maxsize=8)
def _firsts(to: Precision) -> npt.NDArray[np.int64]:
    """The first days of the periods of one cycle's days."""
    days = np.arange(_CYCLE_BEGIN, _CYCLE_BEGIN + _CYCLE_DAYS, dtype=np.int64)
    firsts = days.view("datetime64[D]").astype(f"datetime64[{_PERIODS[to]}]").astype("datetime64[D]").view(np.int64)
    firsts.setflags(write=False)
    return firsts


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
