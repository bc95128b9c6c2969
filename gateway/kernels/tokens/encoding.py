"""Which values of a column the block profile takes. What it takes is canonical as it stands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from gateway.kernels import layouts
from gateway.kernels.swar import Words
from gateway.kernels.text import Column, Places, matrix, spans, valid
from gateway.model.contract import CanonicalForm


def encodable(array: Column, form: CanonicalForm) -> Iterator[tuple[slice | Places, Words]]:
    """Return the rows that the block profile takes, and their integers: one answer for a value, whatever its
    neighbours.

    A group of rows that is the whole column is a slice.
    """
    if array.type != pa.string() or not len(array):
        return
    _, offsets = spans(array)
    lengths = np.diff(offsets)
    for layout in layouts.LAYOUTS.get(form, ()):
        fitting = lengths == layout.width
        if array.null_count:
            fitting &= valid(array)
        whole = bool(fitting.all())
        numbers, plain = layouts.read(matrix(array if whole else array.filter(pa.array(fitting)), layout.width), layout)
        if whole and plain.all():
            yield slice(0, len(array)), numbers
        elif plain.any():
            yield np.flatnonzero(fitting)[plain], numbers[plain]
