"""Where the engine's cells stand among all cells of a release: those that it does not name are empty.

Where keys are found in the data there are no others than those that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.model.errors import ErrorReason, Fault
from gateway.model.measure import Measure
from gateway.model.plan import AsFound, BoundedQuery, InBins
from gateway.model.values import Scalar
from gateway.privacy.answers.forest import Forest
from gateway.privacy.answers.quantiles import BinTree


def cells_of(query: BoundedQuery, decimals: Sequence[int]) -> tuple[tuple[Scalar, ...], ...]:
    """Return the keys of every cell, in order. Bins are named by their lower end, in the field's own units."""
    keys = [
        tuple(_own_unit(key, places) for key in group.keys) if isinstance(group.by, InBins) else group.cells
        for group, places in zip(query.group_by, decimals, strict=True)
    ]
    return tuple(product(*keys))


def _own_unit(key: Scalar, decimals: int) -> Scalar:
    if not isinstance(key, int):
        raise ValueError("a bin is named by an integer")
    return key / 10**decimals if decimals else key


def found_cells(found: pa.RecordBatch, query: BoundedQuery, decimals: Sequence[int]) -> tuple[tuple[Scalar, ...], ...]:
    """Return the keys of the cells that the engine found, as `cells_of` writes them.

    Raises:
        Fault: INTERNAL if the engine names no key, or one that no grouping has.
    """
    keys: list[list[Scalar]] = []
    for group, places, column in zip(query.group_by, decimals, found.columns, strict=False):
        if column.null_count:
            raise Fault(ErrorReason.INTERNAL)
        if not isinstance(group.by, AsFound):
            _places(column, group.keys)
        named: list[Scalar] = column.to_pylist()
        keys.append([_own_unit(key, places) for key in named] if isinstance(group.by, InBins) else named)
    return tuple(zip(*keys, strict=True))


def laid_out(found: pa.RecordBatch, query: BoundedQuery, measures: Sequence[Measure]) -> Iterator[tuple[int, ...]]:
    """Yield the exact vector of each measure over all cells; of a tree of bins, over all its nodes cell by cell.

    Raises:
        Fault: INTERNAL if the engine answers in another shape than planned, or names a cell that is none.
    """
    groups, histogram = len(query.group_by), bool(measures[0].width)
    if found.num_columns != groups + histogram + len(measures):
        raise Fault(ErrorReason.INTERNAL)
    if query.found:
        yield from (tuple(column.to_numpy(zero_copy_only=False).tolist()) for column in found.columns[groups:])
        return
    places = np.zeros(found.num_rows, np.int64)
    for group, column in zip(query.group_by, found.columns, strict=False):
        places = places * len(group.keys) + _places(column, group.keys)
    if histogram:
        edges = measures[0].edges
        places = places * len(edges) + _places(found.column(groups), edges)
    if len(np.unique(places)) != found.num_rows:
        raise Fault(ErrorReason.INTERNAL)
    size = prod(len(group.keys) for group in query.group_by) * (len(measures[0].edges) if histogram else 1)
    for measure, column in zip(measures, found.columns[groups + histogram :], strict=True):
        vector = np.zeros(size, np.int64)
        vector[places] = column.to_numpy(zero_copy_only=False)
        vector = _nodes(vector, measure) if measure.branching else _rolled_up(vector, query)
        yield tuple(vector.tolist())


def _places(column: pa.Array[Any], keys: Sequence[Scalar]) -> npt.NDArray[np.int64]:
    """Return where each value stands among the keys."""
    known = {key: place for place, key in reversed(list(enumerate(keys)))}
    encoded = column.dictionary_encode()
    try:
        found = np.array([known[value] for value in encoded.dictionary.to_pylist()], np.int64)
    except KeyError:
        raise Fault(ErrorReason.INTERNAL) from None
    if column.null_count:
        raise Fault(ErrorReason.INTERNAL)
    result: npt.NDArray[np.int64] = found[encoded.indices.to_numpy(zero_copy_only=False)]
    return result


def _rolled_up(leaves: npt.NDArray[np.int64], query: BoundedQuery) -> npt.NDArray[np.int64]:
    """The same over the cells of a tree of regions, where there is one: each holds the total of the leaves below it."""
    axis = next((axis for axis, group in enumerate(query.group_by) if group.tree), None)
    if axis is None:
        return leaves
    group = query.group_by[axis]
    shaped = np.moveaxis(leaves.reshape([len(other.keys) for other in query.group_by]), axis, -1)
    padding = [(0, 0)] * (shaped.ndim - 1) + [(len(group.tree) - len(group.keys), 0)]
    totals = Forest(group.parents).totals(np.pad(shaped, padding))
    return np.moveaxis(totals, -1, axis).reshape(-1)


def _nodes(bins: npt.NDArray[np.int64], measure: Measure) -> npt.NDArray[np.int64]:
    tree = BinTree(len(measure.edges), measure.branching)
    return tree.node_counts(bins.reshape(-1, tree.bins)).reshape(-1)
