"""Equivalence classes: the rows that cannot be told apart by their quasi-identifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from gateway.kernels.anonymity.codes import FIRST_CODE, Codes, codes_for
from gateway.kernels.anonymity.numbering import Numbers, Pairs, TooManyValues
from gateway.kernels.text import Column

UNKNOWN_CLASS = 0


class Classes:
    """Numbers the classes of a table from 1 on, in no meaningful order; 0 is a class that was never met.

    The codes of the columns are joined two by two: the number of the pair of the first two, with the third, and so on
    (a mixed radix whose digits are renumbered at each place, so that the many combinations which never occur cost
    nothing).
    """

    def __init__(self, quasi_identifiers: Sequence[str], schema: pa.Schema, limit: int) -> None:
        self._names = tuple(quasi_identifiers)
        self._limit = limit
        self._codes = tuple(codes_for(schema.field(name).type, limit) for name in self._names)
        self._pairs = tuple(Pairs(limit) for _ in self._names[1:])

    @property
    def end(self) -> int:
        """One more than the highest number a class can have so far."""
        return len(self._pairs[-1]) + 1 if self._pairs else len(self._codes[0]) + FIRST_CODE

    def number(self, batch: pa.RecordBatch) -> Numbers:
        """Return the class of each row, with new numbers for new classes.

        Raises:
            KeyError: if a column is missing. TypeError: if it has changed its type. TooManyValues: beyond the limit.
        """
        classes = self._joined(batch, Codes.number, Pairs.number)
        if self.end > self._limit + FIRST_CODE:
            raise TooManyValues
        return classes

    def find(self, batch: pa.RecordBatch) -> Numbers:
        """Return the class of each row, 0 where it was never met.

        Raises:
            KeyError: if a column is missing. TypeError: if it has changed its type.
        """
        return self._joined(batch, Codes.find, Pairs.find)

    def _joined(
        self,
        batch: pa.RecordBatch,
        coded: Callable[[Codes, Column], Numbers],
        paired: Callable[[Pairs, Numbers, Numbers], Numbers],
    ) -> Numbers:
        columns = (coded(codes, batch.column(name)) for codes, name in zip(self._codes, self._names, strict=True))
        classes = next(columns)
        for pairs, column in zip(self._pairs, columns, strict=True):
            classes = paired(pairs, classes, column)
        return classes
