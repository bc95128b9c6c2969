"""Rows moved until they agree with every pair of fields that was counted, not with a tree of them alone.

The gradual update of PrivSyn (Zhang et al., USENIX Security 2021, section 5): pair by pair, rows in cells that have too
many make place for rows in cells that have too few; some of those are copies of rows that are there already, which
keeps what goes with the pair, the others change one of the two fields, or both. Steps shrink, so that pairs do not undo
each other forever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gateway.synthesis.forest import Pair
from gateway.synthesis.marginals import Weights

SWEEPS = 60
_SHRINKS = 0.96
_COPIED = 0.4

Report = Callable[[int, int], None]
"""Told after every sweep: how many are done, of how many."""


def refine(
    drawn: Sequence[np.ndarray],
    pairs: Mapping[Pair, Weights],
    random: np.random.Generator,
    report: Report,
) -> list[np.ndarray]:
    """Return as many rows as were drawn, as columns, moved towards the counts of all pairs."""
    columns = [column.astype(np.int32) for column in drawn]
    rows = len(columns[0])
    wanted = {pair: (counts / counts.sum() * rows).ravel() for pair, counts in pairs.items()}
    widths = {pair: counts.shape[1] for pair, counts in pairs.items()}
    order = list(pairs)
    step = 1.0
    for sweep in range(SWEEPS if pairs else 0):
        # rows in random order, once a sweep: then the first rows of a cell are any rows of it
        shuffled = random.permutation(rows)
        for place, column in enumerate(columns):
            columns[place] = column[shuffled]
        for turn in random.permutation(len(order)):
            pair = order[int(turn)]
            _move(columns, pair, widths[pair], wanted[pair], step, random)
        step *= _SHRINKS
        report(sweep + 1, SWEEPS)
    return columns


def _move(
    columns: list[np.ndarray],
    pair: Pair,
    width: int,
    wanted: Weights,
    step: float,
    random: np.random.Generator,
) -> None:
    first, second = columns[pair[0]], columns[pair[1]]
    cells = len(wanted)
    codes = first * np.int32(width) + second
    found = np.bincount(codes, minlength=cells)
    lacking = _about(np.maximum(wanted - found, 0) * step, random)
    spare = np.minimum(_about(np.maximum(found - wanted, 0) * step, random), found)
    count = int(min(lacking.sum(), spare.sum()))
    if count == 0:
        return
    # small keys are sorted by radix, several times as fast
    ordered = np.argsort(codes.astype(np.uint16) if cells <= 2**16 else codes, kind="stable")
    starts = np.cumsum(found) - found
    leaving = random.permutation(ordered[_first(starts, spare)])[:count]
    entering = random.permutation(np.repeat(np.arange(cells), lacking))[:count]
    # row by row or column by column of the table of counts, so that most changes are to one field of the two
    if random.random() < 0.5:
        leaving = leaving[np.argsort(first[leaving], kind="stable")]
        entering = entering[np.argsort(entering // width, kind="stable")]
    else:
        leaving = leaving[np.argsort(second[leaving], kind="stable")]
        entering = entering[np.argsort(entering % width, kind="stable")]
    copied = (random.random(count) < _COPIED) & (found[entering] > 0)
    models = entering[copied]
    originals = ordered[starts[models] + (random.random(len(models)) * found[models]).astype(np.int64)]
    for column in columns:
        column[leaving[copied]] = column[originals]
    changed, cell = leaving[~copied], entering[~copied]
    first[changed], second[changed] = cell // width, cell % width


def _about(amounts: Weights, random: np.random.Generator) -> np.ndarray:
    """Whole numbers whose expectation is the amounts."""
    return np.floor(amounts + random.random(len(amounts))).astype(np.int64)


def _first(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The places of the first so many rows of each cell, where each begins at its start."""
    return np.repeat(starts - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
