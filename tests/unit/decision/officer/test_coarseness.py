"""Which treatment tells more: held against what the treatments really make of values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pyarrow as pa
import pytest

from gateway.decision.officer.coarseness import Telling, telling, tells_at_least
from gateway.kernels.generalize import generalize_number
from gateway.kernels.mask import mask_text
from gateway.model.treatment import (
    GeneralizeDate,
    GeneralizeNumber,
    GeneralizeRegion,
    Keep,
    Mask,
    Precision,
    Pseudonymize,
    Treatment,
)

P = Precision

CASES: list[tuple[Treatment | None, Treatment | None, Telling]] = [
    (None, Keep(), Telling.MORE),
    (Keep(), None, Telling.LESS),
    (Keep(), Keep(), Telling.SAME),
    (Pseudonymize(), Keep(), Telling.MORE),
    (GeneralizeDate(P.MONTH), GeneralizeDate(P.DAY), Telling.MORE),
    (GeneralizeDate(P.MONTH), GeneralizeDate(P.YEAR), Telling.LESS),
    (GeneralizeRegion(P.DISTRICT), GeneralizeRegion(P.STREET), Telling.MORE),
    (GeneralizeRegion(P.STREET), GeneralizeRegion(P.CITY), Telling.LESS),
    (GeneralizeNumber(1000, None), GeneralizeNumber(500, None), Telling.MORE),
    (GeneralizeNumber(1000, 20_000), GeneralizeNumber(1000, None), Telling.MORE),
    (GeneralizeNumber(1000, None), GeneralizeNumber(300, None), Telling.OTHER),
    (Mask(3, 2), Mask(0, 0), Telling.LESS),
    (Mask(3, 2), Mask(2, 1), Telling.OTHER),
    (Pseudonymize(), Mask(3, 2), Telling.OTHER),
    (Pseudonymize(), GeneralizeRegion(P.CITY), Telling.OTHER),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES, ids=[f"{one[0]} to {one[1]}" for one in CASES])
def test_which_way_a_field_turns(before: Treatment | None, after: Treatment | None, expected: Telling) -> None:
    assert telling(before, after) is expected


def _follows(fine: Sequence[object], coarse: Sequence[object]) -> bool:
    """Whether the coarse outcome is a function of the fine one."""
    seen: dict[object, object] = {}
    return all(seen.setdefault(one, other) == other for one, other in zip(fine, coarse, strict=True))


def test_steps_are_ordered_as_the_kernel_makes_them() -> None:
    values = pa.array(range(-10, 60), pa.int64())
    steps = [GeneralizeNumber(width, top) for width in (1, 2, 3, 4, 6) for top in (None, 0, 5, 12, 13, 30)]
    made = {one: generalize_number(values, one.width, one.top).to_pylist() for one in steps}
    for one, other in product(steps, steps):
        if tells_at_least(one, other):
            assert _follows(made[one], made[other]), (one, other)
    # and nothing is called finer by chance alone: most pairs that follow are known to
    assert sum(tells_at_least(one, other) for one, other in product(steps, steps)) > len(steps) * 3


def test_masks_are_ordered_as_the_kernel_makes_them() -> None:
    texts = pa.array([f"{a}{b}{c}"[:length] for a, b, c in product("xy", "xy", "xy") for length in (0, 1, 2, 3)])
    masks = [Mask(first, last) for first in range(3) for last in range(3)]
    made = {one: mask_text(texts, one.first, one.last).to_pylist() for one in masks}
    for one, other in product(masks, masks):
        if tells_at_least(one, other):
            assert _follows(made[one], made[other]), (one, other)
    assert not _follows(made[Mask(2, 1)], made[Mask(1, 0)])


def test_it_is_a_partial_order() -> None:
    every: list[Treatment | None] = [None, *dict.fromkeys(treatment for case in CASES for treatment in case[:2])]
    for one, two, three in product(every, every, every):
        if tells_at_least(one, two) and tells_at_least(two, three):
            assert tells_at_least(one, three)
        if one != two and tells_at_least(one, two):
            assert not tells_at_least(two, one)
