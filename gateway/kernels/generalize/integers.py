"""Arrow's integers as numpy's, and back with their NULLs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.text import Column, Mask, compute, valid


def values(array: Column) -> npt.NDArray[np.int64]:
    """The integers of a column, with 0 for NULL (what lies under a NULL must not decide anything)."""
    filled = compute.fill_null(array, 0) if array.null_count else array
    numbers: npt.NDArray[np.int64] = filled.to_numpy()
    return numbers


def from_values(numbers: npt.NDArray[np.int64] | npt.NDArray[np.int32], like: Column) -> Column:
    """A column of these integers that is NULL where another column is."""
    return pa.array(numbers, mask=None if like.null_count == 0 else ~valid(like))


def days_of(array: Column) -> npt.NDArray[np.int64]:
    """The days since 1970-01-01 of date32 or naive timestamp[us] values, 0 for NULL. Raises TypeError for others."""
    if array.type == pa.timestamp("us"):
        return np.floor_divide(values(array.cast(pa.int64())), 86_400_000_000)
    if array.type == pa.date32():
        return values(array.cast(pa.int32())).astype(np.int64)
    raise TypeError("the column must be date32 or timestamp[us]")


def masked(numbers: npt.NDArray[np.int64] | npt.NDArray[np.float64], known: Mask) -> Column:
    """A column of these numbers, NULL where they are not known."""
    return pa.array(numbers, mask=None if known.all() else ~known)
