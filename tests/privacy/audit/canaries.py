"""Two tables that differ by canaries: people who each push one bound as far as it goes, and who are all gone from one.

The cells of a table are laid out in blocks, and each block has one canary, who is in no other. What becomes of a block
depends on its own rows alone, so one release shows the presence and the absence of one person many times over, with
noise of its own each time. (That the noise of two cells has nothing in common is audited by itself.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

MAX_GROUPS, MAX_ROWS = 2, 2
AMOUNT = (-500, 1000)
WIDE = (1 - 2**31, 2**31 - 1)
"""Bounds of the fields that are summed; those of `wide` are as wide as a contract may have them."""

INT64 = (-(2**63), 2**63 - 1)
PASSES = ("day", "week", "month")
NEIGHBOURS = 3
"""How many other people are in each cell that is not a canary's alone."""


class Row(NamedTuple):
    """One record: whose it is, the cell it falls in, two values to sum, and one to filter by."""

    person: str | None
    cell: str | None
    amount: int | None
    wide: int | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Scene:
    """Blocks of so many cells, in all of which canaries of one sort are."""

    name: str
    cells: int
    blocks: int
    crowded: bool = True
    drawn: bool = False
    """Whether the gateway draws which of a canary's cells count, so that nobody can tell from outside."""


SCENES = (
    Scene("maximal", 2, 100),
    Scene("long", 2, 50),
    Scene("above", 6, 40, drawn=True),
    Scene("below", 6, 40, drawn=True),
    Scene("alone", 2, 100, crowded=False),
    Scene("missing", 2, 50),
    Scene("nan", 2, 50),
    Scene("nobody", 1, 20),
)
CELLS = sum(scene.cells * scene.blocks for scene in SCENES)
KEYS = tuple(f"c{number:04}" for number in range(CELLS))


def placed(name: str) -> npt.NDArray[np.int64]:
    """The numbers of a scene's cells: one row a block."""
    start = 0
    for scene in SCENES:
        size = scene.cells * scene.blocks
        if scene.name == name:
            return np.arange(start, start + size).reshape(scene.blocks, scene.cells)
        start += size
    raise KeyError(name)


def told_apart() -> npt.NDArray[np.bool_]:
    """The cells whose truth can be told from outside also while the canaries are there."""
    known = np.ones(CELLS, np.bool_)
    for scene in SCENES:
        if scene.drawn:
            known[placed(scene.name)] = False
    return known


def rows(*, canaries: bool) -> list[Row]:
    """The records of a table, with the canaries or without them."""
    rng = np.random.default_rng(20261122)
    found: list[Row] = []
    for scene in SCENES:
        for block, cells in enumerate(placed(scene.name)):
            names = [KEYS[number] for number in cells]
            if scene.crowded and scene.name != "nobody":
                found += _neighbours(names, rng)
            if canaries and scene.name != "nobody":
                found += _canary(scene.name, block, names)
    return found


def _neighbours(names: list[str], rng: np.random.Generator) -> Iterator[Row]:
    """People within all bounds, each in one cell."""
    for name in names:
        for number in range(NEIGHBOURS):
            for _ in range(1 + number % MAX_ROWS):
                amount, wide = int(rng.integers(0, 900)), int(rng.integers(-(10**6), 10**6))
                yield Row(f"neighbour-{name}-{number}", name, amount, wide, float(rng.random()))


def _canary(scene: str, block: int, names: list[str]) -> Iterator[Row]:
    """The person of a block."""
    person = f"canary-{scene}-{block:03}"
    for name in names:
        match scene:
            case "maximal" | "alone":
                yield from [Row(person, name, AMOUNT[1], WIDE[1], 0.5)] * MAX_ROWS
            case "long":
                yield from [Row(person, name, INT64[1], WIDE[1] + 1, 0.5)] * (3 * MAX_ROWS)
            case "above":
                yield from [Row(person, name, INT64[1], 2**53 + 1, 0.5)] * (3 * MAX_ROWS)
            case "below":
                yield from [Row(person, name, INT64[0], -(2**53) - 1, 0.5)] * (3 * MAX_ROWS)
            case "missing":
                yield from [Row(person, name, None, None, 0.5)] * MAX_ROWS
                yield Row(None, name, AMOUNT[1], WIDE[1], 0.5)  # nobody's, and so outside every question
                yield Row(person, None, AMOUNT[1], WIDE[1], 0.5)
                yield Row(person, "elsewhere", AMOUNT[1], WIDE[1], 0.5)
            case "nan":
                score = float("nan") if block % 2 == 0 else float("inf")
                yield from [Row(person, name, AMOUNT[0], -(2**31), score)] * MAX_ROWS


def write(folder: Path, found: list[Row]) -> Path:
    """Write records as the file that the contract names, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = list(zip(*found, strict=True))
    types = (pa.string(), pa.string(), pa.int64(), pa.int64(), pa.float64())
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    pq.write_table(pa.table(arrays, names=list(Row._fields)), folder / "canaries.parquet")
    _write_passes(folder, sorted({row.person for row in found if row.person is not None}))
    return folder


def _write_passes(folder: Path, persons: list[str]) -> None:
    """Write what the records are joined with: a pass of each person, and more of a canary than take part."""
    passes = [(person, kind) for person in persons for kind in (PASSES if person.startswith("canary") else PASSES[:1])]
    columns = [pa.array(list(column)) for column in zip(*passes, strict=True)]
    pq.write_table(pa.table(columns, names=["person", "kind"]), folder / "passes.parquet")


def permuted(found: list[Row]) -> list[Row]:
    """The same records in another order."""
    order = np.random.default_rng(7).permutation(len(found))
    return [found[place] for place in order]


def unbounded(found: list[Row]) -> list[Row]:
    """The same records, each of a canary under a name of its own: whoever bounds what one name adds bounds nobody."""
    return [
        row._replace(person=f"{row.person}-{number}") if (row.person or "").startswith("canary") else row
        for number, row in enumerate(found)
    ]


Truth = Mapping[str, npt.NDArray[np.int64]]
"""By statistic, one exact answer a cell."""


def truth(found: list[Row]) -> Truth:
    """The exact bounded answers, worked out again from the definitions, in plain Python.

    Where a person is in more cells than count, the gateway draws; those cells count here as if all did (`told_apart`,
    `totals`).
    """
    held: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in found:
        if row.person is not None and row.cell in _PLACE:
            held[row.person, row.cell].append(row)
    answers = {name: np.zeros(CELLS, np.int64) for name in ("count", "count_units", "sum(amount)", "sum(wide)")}
    for (_, cell), own in held.items():
        place = _PLACE[cell]
        answers["count"][place] += min(len(own), MAX_ROWS)
        answers["count_units"][place] += 1
        answers["sum(amount)"][place] += _bounded_sum([row.amount for row in own], AMOUNT)
        answers["sum(wide)"][place] += _bounded_sum([row.wide for row in own], WIDE)
    return answers


def totals(answers: Truth, absent: Truth, statistic: str, scene: Scene) -> npt.NDArray[np.int64]:
    """The exact answers over all cells of each block of a scene, of which as many count as may.

    Args:
        answers: of the table that is asked for, and `absent` of the one without canaries, both as `truth` has them.
    """
    cells = placed(scene.name)
    others, all_cells = (table[statistic][cells].sum(axis=1) for table in (absent, answers))
    counted = min(scene.cells, MAX_GROUPS)
    result: npt.NDArray[np.int64] = others + (all_cells - others) * counted // scene.cells
    return result


_PLACE = {key: place for place, key in enumerate(KEYS)}


def _bounded_sum(values: list[int | None], bounds: tuple[int, int]) -> int:
    lower, upper = bounds
    total = sum(0 if value is None else min(max(value, lower), upper) for value in values)
    return min(max(total, min(0, MAX_ROWS * lower)), max(0, MAX_ROWS * upper))


def sensitivity(statistic: str) -> int:
    """The most that one person changes all cells of a statistic, in L1."""
    largest = {
        "count": MAX_ROWS,
        "count_units": 1,
        "sum(amount)": MAX_ROWS * max(map(abs, AMOUNT)),
        "sum(wide)": MAX_ROWS * max(map(abs, WIDE)),
    }
    return MAX_GROUPS * largest[statistic]
