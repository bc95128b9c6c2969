"""A small made-up table whose fields hang together, and its marginals with noise of a known size."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from gateway.model.values import FieldType
from gateway.synthesis.columns import BinColumn, Column, KeyColumn
from gateway.synthesis.marginals import NoisedMarginal

COLUMNS: tuple[Column, ...] = (
    KeyColumn("district", FieldType.STRING, ("Gongshu", "Shangcheng", "Xihu", "Yuhang")),
    KeyColumn("insured", FieldType.BOOL, (False, True)),
    BinColumn("age", FieldType.INT64, (0, 18, 40, 65, 120)),
    KeyColumn("tier", FieldType.INT64, (1, 2, 3)),
)
ROWS = 20_000


def codes(seed: int = 1) -> np.ndarray:
    """The cells of the true rows, one column of numbers for each field: all pairs depend on each other."""
    random = np.random.default_rng(seed)
    district = random.choice(4, ROWS, p=(0.1, 0.4, 0.3, 0.2))
    age = np.minimum(random.binomial(3, 0.3 + 0.1 * district), 3)
    tier = np.where(random.random(ROWS) < 0.7, (district + age) % 3, random.integers(0, 3, ROWS))
    insured = (random.random(ROWS) < 0.2 + 0.2 * age - 0.05 * district).astype(np.int64)
    return np.stack([district, insured, age, tier], axis=1)


def marginals(deviation: float, seed: int = 1) -> tuple[NoisedMarginal, ...]:
    """All pairs, with rounded normal noise."""
    rows, random = codes(), np.random.default_rng(seed)
    return tuple(
        NoisedMarginal(
            (COLUMNS[one].name, COLUMNS[other].name), noisy(counted(rows, one, other), deviation, random), deviation**2
        )
        for one, other in combinations(range(len(COLUMNS)), 2)
    )


def counted(rows: np.ndarray, one: int, other: int) -> np.ndarray:
    """The table of counts by two fields."""
    counts = np.zeros((COLUMNS[one].cells, COLUMNS[other].cells), np.int64)
    np.add.at(counts, (rows[:, one], rows[:, other]), 1)
    return counts


def noisy(counts: np.ndarray, deviation: float, random: np.random.Generator) -> np.ndarray:
    """The counts with noise."""
    return counts + np.rint(random.normal(0, deviation, counts.shape)).astype(np.int64)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Total variation of two tables of counts."""
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)
