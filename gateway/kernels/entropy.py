"""Whether frequency analysis would undo the deterministic tokens of a column.

Equal values have equal tokens, so whoever knows how often each value occurs in the world matches tokens to values by
their rank. Naveed, Kamara and Wright, "Inference Attacks on Property-Preserving Encrypted Databases" (CCS 2015), got
back most of the sex, race and admission columns of hospitals in this way. Only the sizes of groups are needed to tell:
no value is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.canonical import canonicalize
from gateway.kernels.text import Column
from gateway.model.contract import CanonicalForm

COMMON_SHARE = 0.01
STABLE_ROWS = 30
EFFECTIVE_VALUES = 256
RECOVERABLE_SHARE = 0.05

_ROUNDING = 1e-6  # 256 equal sizes have 8 bits, give or take a rounding

COUNTED = pa.schema([pa.field("rows", pa.int64())])
"""How many rows have a value."""

_FREQUENCIES: dict[str, pa.DataType] = {"value": pa.string(), "rows": pa.int64()}
FREQUENCIES = pa.schema(_FREQUENCIES)
"""How many rows of a sample each value has."""

_Sizes: TypeAlias = npt.NDArray[np.int64]


class Weakness(StrEnum):
    """Why tokens of a column would fall. Each needs frequencies that mean something: of values with 30 rows or more."""

    COMMON_VALUE = "common-value"
    """One value has 1 % of the rows or more: its token is the most frequent one, for all to see."""
    FEW_VALUES = "few-values"
    """The column is no richer than one of 256 equally frequent values, and has 30 rows a value on average."""
    TELLING_RANKS = "telling-ranks"
    """Ranks alone would name the value of 5 % of the rows or more."""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How the values of a column are spread. NULL has no token and is not counted.

    `weakness` is what the gateway goes by. The two figures behind it can be held against an attack, which the answer
    alone could not: `shannon_entropy` is in bits, of a row drawn at random; `recoverable_share` estimates the share of
    rows whose value a rank attack would name rightly (see `measure`). A column without rows has zeros.
    """

    shannon_entropy: float
    recoverable_share: float
    weakness: Weakness | None

    @property
    def guessable(self) -> bool:
        """Whether the column must have no deterministic tokens."""
        return self.weakness is not None


def measure(group_sizes: pa.Int64Array) -> Frequencies:
    """Measure a column by how many rows each of its values has, in any order, each 1 or more.

    `recoverable_share` supposes an attacker who knows the true frequencies, and takes the column for a sample of them.
    The count c of a value then strays by about its root, and a value can't be told by rank from those whose counts
    differ from its own by at most the standard deviation of that difference, √(c + c′). With m such values, itself
    among them, the attacker is right about one time in m. Values with fewer than 30 rows are left out.

    Takes 32 bytes a value, and sorts them.

    Raises:
        TypeError: if the column is not int64. ValueError: if it has NULL, a size below 1, or a sum beyond int64.
    """
    if group_sizes.type != pa.int64():
        raise TypeError("group sizes must be int64")
    if group_sizes.null_count:
        raise ValueError("each value has a number of rows")
    sizes: _Sizes = np.sort(group_sizes.to_numpy())
    if not sizes.size:
        return Frequencies(0.0, 0.0, None)
    if sizes[0] < 1 or float(sizes.astype(np.float64).sum()) >= 2.0**63:
        raise ValueError("each value has at least one row, and all together fewer than 2^63")
    rows, most = int(sizes.sum()), int(sizes[-1])
    shares = sizes / rows
    shannon = max(0.0, float(-(shares * np.log2(shares)).sum()))
    recoverable = _recoverable(sizes) / rows
    return Frequencies(shannon, recoverable, _weakness(rows, len(sizes), most, shannon, recoverable))


def token_sizes(values: Column, rows: Column, form: CanonicalForm) -> pa.Int64Array:
    """Return how many rows each token of a column would have, in no order: spellings of one value share a token.

    Args:
        values: the different values, utf8. NULL has no token.
        rows: how many rows each has, int64.
    """
    tokens = canonicalize(values, form).dictionary_encode()
    known = tokens.is_valid().to_numpy(zero_copy_only=False)
    sizes = np.zeros(len(tokens.dictionary), np.int64)
    np.add.at(sizes, tokens.indices.filter(pa.array(known)).to_numpy(), rows.to_numpy()[known])
    return pa.array(sizes, pa.int64())


def grown(sizes: Column, rows: int) -> pa.Int64Array:
    """Return the sizes (int64) that groups of a sample have among so many rows, each rounded, and 1 at least."""
    counts = sizes.to_numpy()
    sampled = int(counts.sum())
    if not sampled or rows <= sampled:
        return pa.array(counts, pa.int64())
    return pa.array(np.maximum(1, np.rint(counts * (rows / sampled))).astype(np.int64), pa.int64())


def undone(frequencies: pa.Table, counted: int, form: CanonicalForm) -> bool:
    """Tell whether counting undoes the tokens of a column, by the frequencies of a sample of so many rows.

    Args:
        frequencies: as `FREQUENCIES`, each value once.
        counted: how many rows the sample stands for.
    """
    values, rows = (column.combine_chunks() for column in frequencies.columns)
    return measure(grown(token_sizes(values, rows, form), counted)).guessable


def _weakness(rows: int, distinct: int, most: int, shannon: float, recoverable: float) -> Weakness | None:
    if most >= STABLE_ROWS and most >= COMMON_SHARE * rows:
        return Weakness.COMMON_VALUE
    if rows >= STABLE_ROWS * distinct and 2.0**shannon < EFFECTIVE_VALUES - _ROUNDING:
        return Weakness.FEW_VALUES
    if recoverable >= RECOVERABLE_SHARE:
        return Weakness.TELLING_RANKS
    return None


def _recoverable(sizes: _Sizes) -> float:
    """The rows that a rank attack is expected to name rightly; sizes in ascending order."""
    stable = sizes[np.searchsorted(sizes, STABLE_ROWS) :].astype(np.float64)
    # c' - c = √(c + c') has the solution c' = c + (1 + √(1 + 8c)) / 2 above c, and with a minus below
    reach = np.sqrt(1.0 + 8.0 * stable)
    above = np.searchsorted(sizes, stable + (1.0 + reach) / 2.0, side="right")
    below = np.searchsorted(sizes, stable + (1.0 - reach) / 2.0, side="left")
    return float((stable / (above - below)).sum())
