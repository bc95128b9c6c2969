"""The public domain of a field: declared keys, or bins between declared edges; and its cells as numbers, both ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.kernels.text import compute
from gateway.model.contract import FieldSpec
from gateway.model.plan import GroupKey, InBins
from gateway.model.synthesis import CountedField
from gateway.model.values import FieldType, Scalar

Codes: TypeAlias = npt.NDArray[np.int64]
"""The cell of each row in one column: from 0, and below the column's `cells`."""

Array: TypeAlias = "pa.Array[Any]"
Chunked: TypeAlias = "pa.ChunkedArray[Any]"

Edge: TypeAlias = int | float | date
"""Of a bin: an integer, a number, a day or (as a subclass of it) a moment."""

_INT64 = 2**63 - 1
_LARGEST_EDGE = 1e300  # so that the width of a bin is finite


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A field by its declared keys; None is a key where NULL is counted.

    Raises:
        ValueError: there are no keys, one is there twice, or one is not of the type.
    """

    name: str
    type: FieldType
    keys: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        if not self.keys or len(set(self.keys)) < len(self.keys):
            raise ValueError("a column needs keys that are all different")
        if any(key is not None and not self.type.holds(key) for key in self.keys):
            raise ValueError("a key is not of the column's type")

    @property
    def cells(self) -> int:
        """How many keys."""
        return len(self.keys)

    def decode(self, codes: Codes, random: np.random.Generator) -> Array:
        """Return the keys of the cells, in the Arrow type of the field. Nothing is drawn."""
        keys: Array = compute.take(pa.array(self.keys, ARROW_TYPES[self.type]), pa.array(codes))
        return keys

    def encode(self, values: Chunked) -> Codes:
        """Return the cell of each value, or -1 where it is no key."""
        found = compute.index_in(values, value_set=pa.array(self.keys, ARROW_TYPES[self.type]))
        return np.asarray(found.fill_null(-1).to_numpy(), np.int64)


@dataclass(frozen=True, slots=True)
class BinColumn:
    """A field by bins: from each edge up to the next, which is not in it. A moment is cut at whole microseconds.

    A double with `decimals` is in fixed point: its edges count steps of 10^-decimals, and its values are whole ones.

    Raises:
        ValueError: fewer than two edges, they do not rise, or they are not of the type.
    """

    name: str
    type: FieldType
    edges: tuple[Edge, ...]
    decimals: int | None = None

    def __post_init__(self) -> None:
        if self.decimals is not None and self.type is not FieldType.DOUBLE:
            raise ValueError("only a double is in fixed point")
        if not all(_edge_of(self._counted, edge) for edge in self.edges):
            raise ValueError("an edge is not of the column's type")
        if len(self.edges) < 2 or not (np.diff(self._limits()) > 0).all():
            raise ValueError("a column needs edges that rise")

    @property
    def cells(self) -> int:
        """How many bins."""
        return len(self.edges) - 1

    def decode(self, codes: Codes, random: np.random.Generator) -> Array:
        """Draw a value for each cell, uniformly within the bin, in the Arrow type of the field."""
        limits = self._limits()
        arrow = ARROW_TYPES[self.type]
        if self._counted is FieldType.DOUBLE:
            lower, upper = limits[codes], limits[codes + 1]
            drawn = lower + random.random(len(codes)) * (upper - lower)
            return pa.array(np.minimum(drawn, np.nextafter(upper, lower)), arrow)
        whole = random.integers(limits[codes], limits[codes + 1])
        if self.decimals is not None:
            return pa.array(whole / 10**self.decimals, arrow)
        return pa.array(whole.astype(np.int32) if self.type is FieldType.DATE else whole).cast(arrow)

    def encode(self, values: Chunked) -> Codes:
        """Return the cell of each value, or -1 where it is in no bin."""
        limits = self._limits()
        plain = values.cast(_PLAIN[self.type]) if self.type in _PLAIN else values
        # NULL is beyond every edge
        if self.decimals is None:
            at = plain.fill_null(limits[-1].item()).to_numpy()
        else:
            at = np.rint(plain.fill_null(limits[-1].item()).to_numpy() * 10**self.decimals)
        found = np.searchsorted(limits, at, side="right") - 1
        return np.where((found < 0) | (found >= self.cells), -1, found)

    @property
    def _counted(self) -> FieldType:
        """The type of what is counted: steps of a fixed point are integers."""
        return self.type if self.decimals is None else FieldType.INT64

    def _limits(self) -> npt.NDArray[Any]:
        """The edges as numbers: days and microseconds since 1970 for times."""
        match self._counted:
            case FieldType.DATE:
                return np.array(self.edges, "datetime64[D]").astype(np.int64)
            case FieldType.TIMESTAMP:
                return np.array(self.edges, "datetime64[us]").astype(np.int64)
            case FieldType.DOUBLE:
                return np.array(self.edges, np.float64)
            case _:
                return np.array(self.edges, np.int64)


Column: TypeAlias = KeyColumn | BinColumn


def counted(spec: FieldSpec, bins: int) -> CountedField | None:
    """Return a field of a contract with its cells, or None where neither keys nor bounds are declared.

    Bounds are cut into so many bins of equal width at most, in whole steps of the field's fixed point; the last one may
    be narrower. Keys come first where both are declared.
    """
    if spec.keys:
        return CountedField(spec.type, 0, GroupKey(spec.name, spec.keys))
    if spec.type is FieldType.BOOL:
        return CountedField(spec.type, 0, GroupKey(spec.name, (False, True)))
    bounds = spec.fixed_bounds
    if bounds is None or not spec.type.is_number:
        return None
    width = -(-(bounds.upper - bounds.lower + 1) // bins)
    edges = tuple(range(bounds.lower, bounds.upper + 1, width))
    return CountedField(spec.type, spec.decimals, GroupKey(spec.name, edges, InBins(bounds, width)))


def column_of(field: CountedField) -> Column:
    """Return the column of a field as it was counted.

    Raises:
        ValueError: a bin that is named by no integer.
    """
    key = field.key
    match key.by:
        case InBins(bounds, _):
            edges = tuple(edge for edge in key.keys if isinstance(edge, int))
            if len(edges) < len(key.keys):
                raise ValueError("a bin is named by an integer")
            decimals = field.decimals if field.type is FieldType.DOUBLE else None
            return BinColumn(key.field, field.type, (*edges, bounds.upper + 1), decimals)
        case _:
            return KeyColumn(key.field, field.type, key.keys)


_PLAIN: dict[FieldType, pa.DataType] = {FieldType.DATE: pa.int32(), FieldType.TIMESTAMP: pa.int64()}


def _edge_of(kind: FieldType, edge: Edge) -> bool:
    match kind:
        case FieldType.INT64:
            return type(edge) is int and -_INT64 <= edge <= _INT64
        case FieldType.DOUBLE:
            return isinstance(edge, int | float) and not isinstance(edge, bool) and abs(edge) <= _LARGEST_EDGE
        case FieldType.DATE:
            return type(edge) is date
        case FieldType.TIMESTAMP:
            return type(edge) is datetime
        case _:
            return False
