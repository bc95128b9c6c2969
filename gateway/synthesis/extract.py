"""From noised marginals to rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gateway.kernels.batches import schema_of
from gateway.synthesis.agreement import Agreed, agree
from gateway.synthesis.columns import Column
from gateway.synthesis.forest import Pair, draw, strongest
from gateway.synthesis.marginals import NoisedMarginal, estimated_total
from gateway.synthesis.refine import Report, refine


@dataclass(frozen=True, slots=True)
class Model:
    """What rows are drawn from: the counts by each field and by each counted pair of them, made to agree.

    `total` is the number of rows the counts speak of. `tree` is the pairs that rows begin with.
    """

    columns: tuple[Column, ...]
    total: float
    agreed: Agreed
    tree: tuple[Pair, ...]


def fit(columns: Sequence[Column], marginals: Sequence[NoisedMarginal], total: float | None = None) -> Model:
    """Make the marginals agree. Without a `total` it is estimated from them.

    Raises:
        ValueError: no columns or marginals, or a marginal that is not by one or two of the columns.
    """
    if not columns or not marginals:
        raise ValueError("a model needs columns and marginals")
    size = estimated_total(marginals) if total is None else max(total, 1.0)
    agreed = agree(columns, marginals, size)
    return Model(tuple(columns), size, agreed, strongest(agreed.pairs, len(columns)))


def sample(model: Model, rows: int, seed: int, report: Report = lambda done, of: None) -> pa.Table:
    """Draw rows in random order, in the types that the fields declare. The same seed draws the same rows.

    Raises:
        ValueError: fewer than one row.
    """
    if rows < 1:
        raise ValueError("an extract has rows")
    random = np.random.default_rng(seed)
    drawn = refine(draw(model.agreed, model.tree, rows, random), model.agreed.pairs, random, report)
    shuffled = random.permutation(rows)
    return pa.table(
        [
            column.decode(codes[shuffled].astype(np.int64), random)
            for column, codes in zip(model.columns, drawn, strict=True)
        ],
        schema=schema_of((column.name, column.type) for column in model.columns),
    )
