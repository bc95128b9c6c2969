"""k-anonymity in two passes over one version of the data: a census of the classes, then a verdict on each row.

A class is all rows with the same quasi-identifiers, as they leave. It may leave if it has at least k privacy units,
and, for each sensitive field named, is diverse enough and near enough to the whole table (Samarati and Sweeney 1998;
Machanavajjhala et al. 2007; Li et al. 2007). The rules in full: docs/reference/anonymity.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gateway.kernels import tags
from gateway.kernels.anonymity.classes import UNKNOWN_CLASS, Classes
from gateway.kernels.anonymity.numbering import Keys, Numbers, TooManyValues
from gateway.kernels.anonymity.sensitive import Floats, Values, closeness, diversity, holdings
from gateway.kernels.anonymity.units import MOST_CLASSES, Units, classes_of, pair_keys
from gateway.kernels.swar import Words
from gateway.kernels.text import Mask
from gateway.model.contract import AnonymitySpec

_CHUNK = 32_768  # rows
_SLACK = 1e-9  # distances are rounded: one that equals t on paper must not lie above it


@dataclass(frozen=True, slots=True)
class Demand:
    """What a class must meet to leave.

    `k` counts different privacy units. `diversity` gives the least l, `closeness` the greatest t (0 to 1), of sensitive
    fields.

    Raises:
        ValueError: if there is no quasi-identifier, a field is named twice or is both, or a number makes no sense.
    """

    quasi_identifiers: tuple[str, ...]
    k: int
    diversity: Mapping[str, int] = field(default_factory=dict)
    closeness: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = set(self.quasi_identifiers)
        if not names or len(names) != len(self.quasi_identifiers):
            raise ValueError("quasi-identifiers must be different fields, at least one")
        if names & {*self.diversity, *self.closeness}:
            raise ValueError("a quasi-identifier is the same in its whole class, and can't be sensitive too")
        if self.k < 1 or any(least < 1 for least in self.diversity.values()):
            raise ValueError("k and l are at least 1")
        if not all(math.isfinite(most) and 0 <= most <= 1 for most in self.closeness.values()):
            raise ValueError("t lies between 0 and 1")

    @classmethod
    def of(cls, spec: AnonymitySpec) -> Demand:
        """Return what a contract demands.

        Raises:
            ValueError: as above.
        """
        closeness = {name: float(most) for name, most in spec.closeness.items()}
        return cls(spec.quasi_identifiers, spec.k, spec.diversity, closeness)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a table the counting pass takes.

    `classes` bounds the classes, and the different values of a field. `held` bounds what is remembered of rows: pairs
    of a class below k and a unit; with sensitive fields, rows.
    """

    classes: int = 4_000_000
    held: int = 16_000_000

    def __post_init__(self) -> None:
        if not (1 <= self.classes < MOST_CLASSES and 1 <= self.held < 1 << 31):
            raise ValueError("the bounds must be positive: below 2^26 classes and 2^31 rows held")


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted: how many classes there are, and how many rows are in those that may not leave."""

    classes: int
    rows_withheld: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What each class is like, by its number: see `Census.figures`."""

    rows: Numbers
    units: Numbers
    diversity: Mapping[str, Numbers]
    closeness: Mapping[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Which classes may leave. Nothing in it changes; any number of threads may ask."""

    tally: Tally
    _classes: Classes | None = field(repr=False)
    _leave: Mask = field(repr=False)

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Return which rows of a batch of the same data may leave, never NULL. Only the quasi-identifiers are read.

        A row whose class was never counted may not leave.

        Raises:
            KeyError: if a quasi-identifier is missing. TypeError: if it is of another type than it was.
        """
        leave = np.zeros(batch.num_rows, np.bool_)
        for chunk in _chunks(batch.num_rows):
            if self._classes is not None:
                leave[chunk] = self._leave[self._classes.find(batch.slice(chunk.start, chunk.stop - chunk.start))]
        return pa.array(leave)


class Census:
    """The counting pass. Feed it every batch once, in any order and cut anyhow, then ask for the verdicts."""

    def __init__(self, demand: Demand, bounds: Bounds | None = None, *, exact: bool = False) -> None:
        """`exact` counts the units of classes beyond k too, for `figures`."""
        self._demand = demand
        self._bounds = bounds or Bounds()
        self._classes: Classes | None = None
        self._rows = np.zeros(0, np.int64)
        self._closed = False
        self._units = Units(None if exact else demand.k, self._bounds.held)
        self._sensitive = tuple(dict.fromkeys((*demand.diversity, *demand.closeness)))
        self._values: dict[str, Values] = {}
        self._pairs: list[Keys] = []
        self._held = 0

    def add(self, batch: pa.RecordBatch, unit_tags: bytes) -> None:
        """Count the rows of a batch: its quasi-identifiers as they leave, its sensitive fields, the tags of its units.

        `unit_tags` are those of `kernels.tags`, all made under one key from the privacy unit. After an exception the
        census is of no more use.

        Raises:
            KeyError: if a field is missing. TypeError: if one is of a type that can't be taken, or of another than
            before. ValueError: if there is not one tag for each row. TooManyValues: beyond the bounds.
            RuntimeError: after the verdicts.
        """
        if self._closed:
            raise RuntimeError("the census is closed")
        words = tags.words(unit_tags, batch.num_rows)
        if self._classes is None:
            self._classes = Classes(self._demand.quasi_identifiers, batch.schema, self._bounds.classes)
            for name in self._sensitive:
                self._values[name] = Values(batch.schema.field(name).type, self._bounds.classes)
        for chunk in _chunks(batch.num_rows):
            self._count(self._classes, batch.slice(chunk.start, chunk.stop - chunk.start), words[chunk])

    def figures(self) -> Figures:
        """Return the rows, units, l and t of each class, by its number from 0; a number with no rows is no class."""
        self._closed = True
        end = self._classes.end if self._classes is not None else UNKNOWN_CLASS + 1
        rows = np.zeros(end, np.int64)
        rows[: min(end, len(self._rows))] = self._rows[:end]
        if not self._sensitive:
            return Figures(rows, self._units.counts(end), {}, {})
        pairs = np.concatenate([np.empty(0, np.uint64), *self._pairs])
        units, diverse, close = np.zeros(end, np.int64), {}, {}
        for name in self._sensitive:
            held = holdings(pairs, self._values[name].ranks() if name in self._values else np.empty(0, np.uint64))
            units = np.bincount(classes_of(held.pairs[held.first]), minlength=end)
            if name in self._demand.diversity:
                diverse[name] = diversity(held, end)
            if name in self._demand.closeness:
                close[name] = closeness(held, self._values[name].ordered if name in self._values else False, end)
        return Figures(rows, units, diverse, close)

    def verdicts(self) -> Verdicts:
        """Close the census and say which classes may leave.

        Raises:
            TooManyValues: beyond the bounds. RuntimeError: the second time.
        """
        if self._closed:
            raise RuntimeError("the census is closed")
        demand, figures = self._demand, self.figures()
        present = figures.rows > 0
        leave = present & (figures.units >= demand.k)
        for name, least in demand.diversity.items():
            leave &= figures.diversity[name] >= least
        for name, most in demand.closeness.items():
            leave &= figures.closeness[name] <= most + _SLACK
        tally = Tally(classes=int(present.sum()), rows_withheld=int(figures.rows[~leave].sum()))
        return Verdicts(tally, self._classes, leave)

    def _count(self, table: Classes, batch: pa.RecordBatch, words: Words) -> None:
        classes = table.number(batch)
        self._rows = _counted(self._rows, classes, table.end)
        tagged = tags.known(words)
        if not self._sensitive:
            self._units.add(classes, words, tagged, table.end)
            return
        self._held += int(tagged.sum())
        if self._held > self._bounds.held:
            raise TooManyValues
        self._pairs.append(pair_keys(classes[tagged], words[tagged]))
        for name, values in self._values.items():
            values.add(batch.column(name), tagged)


def _counted(counts: npt.NDArray[np.int64], classes: Numbers, end: int) -> npt.NDArray[np.int64]:
    """Add the rows of classes below `end` to their counts."""
    if end > len(counts):
        counts = np.concatenate((counts, np.zeros(2 * end - len(counts), np.int64)))
    if end <= 4 * len(classes):
        counts[:end] += np.bincount(classes, minlength=end)
    else:
        np.add.at(counts, classes, 1)
    return counts


def _chunks(rows: int) -> Iterator[slice]:
    """Slices larger than those of `kernels.text`: each makes some forty calls, whose cost must be spread."""
    return (slice(start, min(start + _CHUNK, rows)) for start in range(0, rows, _CHUNK))
