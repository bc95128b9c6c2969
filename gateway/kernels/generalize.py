"""Generalisation: dates to the first day of a period, region paths to an ancestor, integers to the edge of a bin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.text import Column, as_text, compute, valid
from gateway.model.treatment import Precision

_PERIODS = {Precision.DAY: "D", Precision.MONTH: "M", Precision.YEAR: "Y"}
_SEGMENTS = {Precision.CITY: 1, Precision.DISTRICT: 2, Precision.STREET: 3}
_SEGMENT = "[a-z0-9][a-z0-9_-]*"
_DAY_US = 86_400_000_000
_YEAR_1, _YEAR_10000 = -719_162, 2_932_897  # days since 1970-01-01
_INT64 = np.iinfo(np.int64)
_INT32 = np.iinfo(np.int32)


def generalize_date(array: Column, to: Precision) -> Column:
    """Bring date32 or naive timestamp[us] values to the first day of their day, month or year (proleptic Gregorian).

    Raises:
        TypeError: for another Arrow type. ValueError: for a precision that is none of dates.
        OverflowError: if a first day lies before the first that date32 can say.
    """
    if to not in _PERIODS:
        raise ValueError("dates generalise to day, month or year")
    if array.type == pa.timestamp("us"):
        days = np.floor_divide(_values(array.cast(pa.int64())), _DAY_US)
    elif array.type == pa.date32():
        days = _values(array.cast(pa.int32())).astype(np.int64)
    else:
        raise TypeError("the column must be date32 or timestamp[us]")
    firsts = _first_days(days, to)
    if firsts.size and int(firsts.min()) < _INT32.min:
        raise OverflowError("a date lies too far back to be generalised")
    return _from_values(firsts.astype(np.int32), array).cast(pa.date32())


def _first_days(days: npt.NDArray[np.int64], to: Precision) -> npt.NDArray[np.int64]:
    if days.size and int(days.min()) >= _YEAR_1 and int(days.max()) < _YEAR_10000:
        dates = pa.array(days.astype(np.int32)).cast(pa.date32())
        floored: npt.NDArray[np.int64] = (
            compute.floor_temporal(dates, unit=to.value).cast(pa.int32()).to_numpy().astype(np.int64)
        )
        return floored
    # Arrow's calendar, which is faster, goes wrong beyond year 32767; numpy's counts years in 64 bits
    return days.view("datetime64[D]").astype(f"datetime64[{_PERIODS[to]}]").astype("datetime64[D]").view(np.int64)


def generalize_region(array: Column, to: Precision) -> pa.StringArray:
    """Bring region paths to their ancestor of a level: the first 1, 2 or 3 segments for city, district, street.

    A path that is shorter stays. What is not a region path (lower-case segments between slashes) leaves as NULL:
    an address in the wrong column must not pass for a region.

    Raises:
        TypeError: if the column is not utf8. ValueError: for a precision that is none of regions.
    """
    if to not in _SEGMENTS:
        raise ValueError("regions generalise to street, district or city")
    # few paths and many rows: work on the distinct paths
    encoded = as_text(array).dictionary_encode()
    beyond = _SEGMENTS[to] - 1
    path = rf"^(?P<kept>{_SEGMENT}(?:/{_SEGMENT}){{0,{beyond}}})(?:/{_SEGMENT})*$"
    kept = compute.extract_regex(encoded.dictionary, path)
    ancestors = compute.if_else(kept.is_valid(), kept.field("kept"), pa.scalar(None, pa.string()))
    return as_text(ancestors.take(encoded.indices))


def generalize_number(array: Column, width: int, top: int | None) -> Column:
    """Bring int64 values to the lower edge of their bin `[k·width, (k+1)·width)`, capped at the edge of `top`'s bin.

    Raises:
        TypeError: if the column is not int64. ValueError: if width or top makes no sense in int64.
        OverflowError: if an edge lies below the least int64.
    """
    if array.type != pa.int64():
        raise TypeError("the column must be int64")
    if not 1 <= width <= _INT64.max:
        raise ValueError("the width must be a positive int64")
    values = _values(array)
    rest = np.mod(values, np.int64(width))  # of the sign of width: the floor, not the truncation
    if (values < _INT64.min + rest).any():
        raise OverflowError("a number lies too low to be generalised")
    edges = values - rest
    if top is not None:
        cap = top // width * width
        if not _INT64.min <= cap <= _INT64.max:
            raise ValueError("the top must be an int64")
        edges = np.minimum(edges, np.int64(cap))
    return _from_values(edges, array)


def _values(array: Column) -> npt.NDArray[np.int64]:
    """The integers of a column, with 0 for NULL (what lies under a NULL must not decide anything)."""
    filled = compute.fill_null(array, 0) if array.null_count else array
    values: npt.NDArray[np.int64] = filled.to_numpy()
    return values


def _from_values(values: npt.NDArray[np.int64] | npt.NDArray[np.int32], like: Column) -> Column:
    return pa.array(values, mask=None if like.null_count == 0 else ~valid(like))
