"""What a class tells of a sensitive field: how diverse it is, and how far from the whole table.

Units speak, not rows. With one row for each unit this is distinct l-diversity (Machanavajjhala, Kifer, Gehrke and
Venkitasubramaniam, TKDD 2007) and t-closeness (Li, Li and Venkatasubramanian, ICDE 2007) as published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels.anonymity.codes import FIRST_CODE, codes_for
from gateway.kernels.anonymity.numbering import Keys, Numbers, distinct
from gateway.kernels.anonymity.units import UNIT_BITS, classes_of
from gateway.kernels.text import Column, Mask, compute

Floats: TypeAlias = npt.NDArray[np.float64]

NULL_RANK = 0

_HALF = np.uint64(32)
_LOW_HALF = np.uint64(2**32 - 1)
_ONE = 1 << 32  # the weight of a unit: whole numbers add up to the same in any order
_LOW_UNIT = np.uint64((1 << int(UNIT_BITS)) - 1)


class Values:
    """A sensitive field, met batch by batch. What is held takes 4 bytes a row."""

    def __init__(self, arrow: pa.DataType, limit: int) -> None:
        self._codes = codes_for(arrow, limit)
        self._held: list[npt.NDArray[np.int32]] = []

    @property
    def ordered(self) -> bool:
        """Whether the values have an order, and distances: numbers and days do, words and truth values don't."""
        return self._codes.arrow in (pa.int64(), pa.float64(), pa.date32())

    def add(self, array: Column, kept: Mask) -> None:
        """Remember the values of the rows that are kept. For floating-point numbers NaN is NULL, and 0 has no sign.

        Raises:
            TypeError: if the column has changed its type. TooManyValues: beyond the limit.
        """
        if array.type == pa.float64():
            array = compute.if_else(compute.is_nan(array), pa.scalar(None, pa.float64()), compute.add(array, 0.0))
        self._held.append(self._codes.number(array)[kept].astype(np.int32))

    def ranks(self) -> Keys:
        """Return the rank of each held value among all that are held, 1 for the least; 0 for NULL."""
        codes = np.concatenate([np.empty(0, np.int32), *self._held])
        order = FIRST_CODE + np.argsort(self._codes.ranks())
        # some values belong to rows that were not kept, and take no rank
        order = order[np.bincount(codes, minlength=len(order) + FIRST_CODE)[order] > 0]
        ranks = np.full(len(self._codes) + FIRST_CODE, NULL_RANK, np.uint64)
        ranks[order] = np.arange(1, len(order) + 1)
        ranked: Keys = ranks[codes]
        return ranked


@dataclass(frozen=True, slots=True)
class Holdings:
    """Which unit of which class holds which value: different triples, ordered by class, unit and rank of the value.

    `first` is where each unit of a class begins.
    """

    pairs: Keys
    ranks: Numbers
    first: Numbers

    @property
    def single(self) -> bool:
        """Whether no unit holds two values in a class."""
        return len(self.first) == len(self.pairs)

    def weights(self) -> Numbers:
        """Return what each triple weighs: a unit weighs one in its class, in equal parts over the values it holds."""
        if self.single:
            return np.full(len(self.pairs), _ONE)
        sizes = _lengths(self.first, len(self.pairs))
        return np.repeat(_ONE // sizes, sizes)


def holdings(pairs: Keys, ranks: Keys) -> Holdings:
    """Return the different triples of keys of class and unit, and ranks of values."""
    width = np.uint64(int(ranks.max(initial=0)).bit_length())
    if int(pairs.max(initial=0)).bit_length() + int(width) <= 64:
        triples = distinct((pairs << width) | ranks)
        pairs, ranks = triples >> width, triples & ((np.uint64(1) << width) - np.uint64(1))
    else:
        order = np.argsort(pairs)
        ordered = pairs[order]
        starts = _beginnings(ordered)
        numbers = np.repeat(np.arange(len(starts)), _lengths(starts, len(ordered))).astype(np.uint64)
        triples = distinct((numbers << _HALF) | ranks[order])
        pairs, ranks = ordered[starts][triples >> _HALF], triples & _LOW_HALF
    return Holdings(pairs, ranks.view(np.int64), _beginnings(pairs))


def diversity(held: Holdings, end: int) -> Numbers:
    """Return the l of each class below `end`: see the reference, "l-diversity". NULL is no value."""
    pairs, ranks, first = held.pairs, held.ranks, held.first
    if not ranks.all():
        pairs, ranks = pairs[ranks != NULL_RANK], ranks[ranks != NULL_RANK]
        first = _beginnings(pairs)
    classes = classes_of(pairs)
    units = np.bincount(classes[first], minlength=end)

    cells = _cells(classes, ranks)
    ordered = np.sort(cells)
    starts = _beginnings(ordered)
    different, holders = ordered[starts], _lengths(starts, len(ordered))
    cell_classes = (different >> _HALF).view(np.int64)
    most = np.zeros(end, np.int64)
    np.maximum.at(most, cell_classes, holders)

    spoken = np.bincount(cell_classes, minlength=end)
    if len(first) < len(pairs):
        several = np.zeros(end, np.bool_)
        several[classes[1:][pairs[1:] == pairs[:-1]]] = True
        rows, those = several[classes], several[cell_classes]
        voices = _voices(pairs[rows], cells[rows], different[those], holders[those])
        spoken[several] = np.bincount(voices, minlength=end)[several]
    return np.where(units > 0, np.minimum(spoken, 1 + units - most), 0)


def _voices(pairs: Keys, cells: Keys, different: Keys, holders: Numbers) -> Numbers:
    """Let each unit speak for one of its values, the rarest of its class: the class of each value spoken for."""
    classes = (different >> _HALF).view(np.int64)
    order = np.lexsort((different, holders, classes))
    rarity = np.empty(len(order), np.uint64)
    rarity[order] = np.arange(len(order))
    rarest = np.minimum.reduceat(rarity[np.searchsorted(different, cells)], _beginnings(pairs))
    return classes[order[distinct(rarest)]]


def closeness(held: Holdings, ordered: bool, end: int) -> Floats:
    """Return the distance of each class below `end` from the whole table: see the reference, "t-closeness".

    0 for a class that nobody is in. It is exact to about 10⁻⁹.
    """
    whole = _whole(held)
    cells, weights = _weighed(held)
    cell_classes, cell_ranks = (cells >> _HALF).view(np.int64), (cells & _LOW_HALF).view(np.int64)
    totals = np.zeros(end, np.int64)
    np.add.at(totals, cell_classes, weights)
    if not ordered:
        beyond = np.maximum(weights / totals[cell_classes] - whole[cell_ranks], 0.0)
        return np.bincount(cell_classes, beyond, minlength=end).astype(np.float64)
    return _ordered(cell_classes, cell_ranks, weights, totals, whole)


def _whole(held: Holdings) -> Floats:
    """The share of each rank in the table: each unit weighs one, in equal parts over the values it holds anywhere."""
    everywhere = holdings(held.pairs & _LOW_UNIT, held.ranks.view(np.uint64))
    end = int(held.ranks.max(initial=0)) + 1
    weights = np.zeros(end, np.int64)
    if everywhere.single:
        weights += np.bincount(everywhere.ranks, minlength=end)
    else:
        np.add.at(weights, everywhere.ranks, everywhere.weights())
    return weights / max(1, int(weights.sum()))


def _ordered(classes: Numbers, ranks: Numbers, weights: Numbers, totals: Numbers, whole: Floats) -> Floats:
    """The earth mover's distance with ground distance |i - j| / (m - 1) between the i-th and the j-th of m values.

    NULL lies at distance 1 from each value: what is NULL in the class and not in the table, or the other way, is moved
    that far, and the rest among the values.
    """
    end = len(totals)
    is_null = ranks == NULL_RANK
    nulls = np.zeros(end, np.int64)
    nulls[classes[is_null]] = weights[is_null]
    null_shares = nulls / np.maximum(totals, 1)
    distances = np.where(totals > 0, np.abs(null_shares - whole[NULL_RANK]), 0.0)
    values = len(whole) - 1
    classes, places, weights = classes[~is_null], ranks[~is_null] - 1, weights[~is_null]
    if values < 2 or not len(classes):
        return distances
    below = np.cumsum(whole[1:]) / whole[1:].sum()  # the table's shares up to each value
    sums = np.concatenate(([0.0], np.cumsum(below)))
    starts = _beginnings(classes)
    running = np.cumsum(weights)
    running -= np.repeat(running[starts] - weights[starts], _lengths(starts, len(classes)))
    reached = running / (totals - nulls)[classes]
    # between two values of the class its cumulative share is level, and the table's climbs past it once
    until = np.append(places[1:], values)
    until[np.append(starts[1:], len(classes)) - 1] = values
    crossing = np.clip(np.searchsorted(below, reached), places, until)
    areas = reached * (2 * crossing - places - until) + sums[places] + sums[until] - 2 * sums[crossing]
    moved = np.bincount(classes, areas, minlength=end)
    moved[classes[starts]] += sums[places[starts]]
    moved_in_all: Floats = distances + np.minimum(1.0 - null_shares, 1.0 - whole[NULL_RANK]) * moved / (values - 1)
    return moved_in_all


def _cells(classes: Numbers, ranks: Numbers) -> Keys:
    return ((classes << 32) | ranks).view(np.uint64)


def _weighed(held: Holdings) -> tuple[Keys, Numbers]:
    """The different pairs of class and rank in order, and what their holders weigh."""
    cells = _cells(classes_of(held.pairs), held.ranks)
    if held.single:
        ordered = np.sort(cells)
        starts = _beginnings(ordered)
        return ordered[starts], _lengths(starts, len(ordered))
    order = np.argsort(cells)
    ordered = cells[order]
    starts = _beginnings(ordered)
    return ordered[starts], np.add.reduceat(held.weights()[order], starts)


def _beginnings(ordered: npt.NDArray[np.uint64] | Numbers) -> Numbers:
    """Where each run of equal values begins."""
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))


def _lengths(starts: Numbers, end: int) -> Numbers:
    """How long each run is."""
    return np.diff(np.append(starts, end))
