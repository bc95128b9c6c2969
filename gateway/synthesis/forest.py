"""Rows drawn along the strongest pairs: where a synthetic extract begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gateway.synthesis.agreement import Agreed
from gateway.synthesis.marginals import Weights

Pair = tuple[int, int]


def strongest(pairs: Mapping[Pair, Weights], columns: int) -> tuple[Pair, ...]:
    """Return the spanning forest of most mutual information (Chow and Liu 1968; Kruskal 1956), strongest pair first."""
    group = list(range(columns))
    kept: list[Pair] = []
    for pair in sorted(pairs, key=lambda one: (-mutual_information(pairs[one]), one)):
        first, second = group[pair[0]], group[pair[1]]
        if first != second:
            group = [first if one == second else one for one in group]
            kept.append(pair)
    return tuple(kept)


def mutual_information(counts: Weights) -> float:
    """Return the mutual information of two fields, in nats."""
    joint = counts / counts.sum()
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def draw(agreed: Agreed, edges: Sequence[Pair], rows: int, random: np.random.Generator) -> list[np.ndarray]:
    """Draw rows, column by column, each given its neighbour in the forest. Counts are met to one row, not by chance."""
    near: dict[int, list[int]] = {column: [] for column in range(len(agreed.singles))}
    for first, second in edges:
        near[first].append(second)
        near[second].append(first)
    drawn: dict[int, np.ndarray] = {}
    for root in near:
        if root in drawn:
            continue
        drawn[root] = _dealt(agreed.singles[root], rows, random)
        waiting = [root]
        while waiting:
            known = waiting.pop()
            for column in near[known]:
                if column not in drawn:
                    drawn[column] = _given(agreed, drawn[known], (known, column), random)
                    waiting.append(column)
    return [drawn[column] for column in near]


def _given(agreed: Agreed, known: np.ndarray, pair: Pair, random: np.random.Generator) -> np.ndarray:
    first, second = pair
    counts = agreed.pairs[pair] if pair in agreed.pairs else agreed.pairs[second, first].T
    ordered = np.argsort(known, kind="stable")
    ends = np.cumsum(np.bincount(known, minlength=len(counts)))
    drawn = np.empty_like(known)
    for value, (start, end) in enumerate(zip(np.concatenate(([0], ends[:-1])), ends, strict=True)):
        if end > start:
            weights = counts[value] if counts[value].sum() > 0 else agreed.singles[second]
            drawn[ordered[start:end]] = _dealt(weights, int(end - start), random)
    return drawn


def _dealt(weights: Weights, rows: int, random: np.random.Generator) -> np.ndarray:
    """So many codes in proportion to the weights, to one row, in random order."""
    exact = weights / weights.sum() * rows
    whole = np.floor(exact).astype(np.int64)
    left = rows - int(whole.sum())
    if left > 0:
        # systematic sampling of the fractions: each gets its row with the probability of its fraction
        steps = np.cumsum(exact - whole)
        steps *= left / steps[-1]
        whole += np.bincount(
            np.searchsorted(steps, random.random() + np.arange(left), side="right").clip(max=len(whole) - 1),
            minlength=len(whole),
        )
    return random.permutation(np.repeat(np.arange(len(weights)), whole))
