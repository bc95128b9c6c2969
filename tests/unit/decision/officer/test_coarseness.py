"""Which treatment tells more: held against what the treatments really make of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pyarrow as pa
import pytest

from gateway.decision.officer.coarseness import Telling, telling, tells_at_least
from gateway.kernels.generalize import (
    generalize_address,
    generalize_age,
    generalize_geohash,
    generalize_number,
    generalize_step,
)
from gateway.kernels.mask import mask_text
from gateway.model.pseudonym import Renewal
from gateway.model.treatment import (
    CheckDigit,
    GeneralizeAddress,
    GeneralizeAge,
    GeneralizeDate,
    GeneralizeGeohash,
    GeneralizeNumber,
    GeneralizeRegion,
    GeneralizeStep,
    Keep,
    Mask,
    Perturb,
    Precision,
    Pseudonymize,
    TokenKind,
    Treatment,
)

P, R, T = Precision, Renewal, TokenKind
_BY_DAY = Pseudonymize(T.IRREVERSIBLE, None, R.MONTHLY, "entered_at")

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
    (Pseudonymize(renewed=R.DAILY), Pseudonymize(renewed=R.MONTHLY), Telling.MORE),
    (Pseudonymize(), Pseudonymize(renewed=R.YEARLY), Telling.LESS),
    (_BY_DAY, replace(_BY_DAY, renewed=R.DAILY), Telling.LESS),
    (_BY_DAY, replace(_BY_DAY, by="left_at"), Telling.OTHER),
    (_BY_DAY, replace(_BY_DAY, by=None), Telling.OTHER),
    (Pseudonymize(T.IRREVERSIBLE, None, R.YEARLY), Pseudonymize(T.IRREVERSIBLE), Telling.MORE),
    (Pseudonymize(), Pseudonymize(T.IRREVERSIBLE), Telling.OTHER),
    (Pseudonymize(), Pseudonymize(T.IRREVERSIBLE, None, R.DAILY), Telling.OTHER),
    (Pseudonymize(T.FORMAT, CheckDigit.VALID), Pseudonymize(T.FORMAT, CheckDigit.NEVER), Telling.OTHER),
    (Pseudonymize(T.FORMAT), Keep(), Telling.MORE),
    (GeneralizeStep("0.01", None), GeneralizeStep("0.1", None), Telling.LESS),
    (GeneralizeStep("0.3", None), GeneralizeStep("0.2", None), Telling.OTHER),
    (GeneralizeStep("0.5", "20"), GeneralizeStep("0.5", None), Telling.MORE),
    (GeneralizeStep("0.5", None), GeneralizeNumber(1, None), Telling.OTHER),
    (GeneralizeAge(10, 90), GeneralizeAge(5, 90), Telling.MORE),
    (GeneralizeAge(10, 90), GeneralizeAge(10, 80), Telling.LESS),
    (GeneralizeAge(10, None), GeneralizeDate(P.YEAR), Telling.OTHER),
    (GeneralizeGeohash(5, "lon"), GeneralizeGeohash(7, "lon"), Telling.MORE),
    (GeneralizeGeohash(5, "lon"), GeneralizeGeohash(5, "east"), Telling.OTHER),
    (GeneralizeGeohash(5, "lon"), Keep(), Telling.OTHER),
    (Keep(), GeneralizeGeohash(9, "lon"), Telling.OTHER),
    (GeneralizeGeohash(5, "lon"), None, Telling.LESS),
    (GeneralizeAddress(P.CITY), GeneralizeAddress(P.DISTRICT), Telling.OTHER),
    (GeneralizeAddress(P.CITY), GeneralizeRegion(P.CITY), Telling.OTHER),
    (Perturb("1"), Perturb("2"), Telling.MORE),
    (Perturb("0.5"), Perturb("0.25"), Telling.LESS),
    (Perturb("10"), Perturb("9.5"), Telling.LESS),
    (Perturb("1"), Keep(), Telling.MORE),
    (Perturb("1"), Pseudonymize(), Telling.OTHER),
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


def _ordered(made: Mapping[Treatment, Sequence[object]]) -> int:
    """How many pairs of different treatments are known to be ordered, after seeing that each follows."""
    known = [(one, other) for one, other in product(made, made) if one != other and tells_at_least(one, other)]
    for one, other in known:
        assert _follows(made[one], made[other]), (one, other)
    return len(known)


def test_steps_of_doubles_are_ordered_as_the_kernel_makes_them() -> None:
    # the edges and their neighbours, where doubles are not the decimals they are written as
    values = [sign * (k / 100 + tiny) for k in range(400) for tiny in (0.0, 1e-16, -1e-16, 1e-9) for sign in (1, -1)]
    steps = [
        GeneralizeStep(step, top)
        for step in ("0.01", "0.02", "0.1", "0.3", "0.5", "1")
        for top in (None, "-1", "0.95", "2")
    ]
    column = pa.array(values, pa.float64())
    assert _ordered({one: generalize_step(column, one.step, one.top).to_pylist() for one in steps}) > len(steps)


def test_a_step_is_what_it_says_however_it_is_written() -> None:
    assert telling(GeneralizeStep("0.10", "2"), GeneralizeStep("0.1", "2.0")) is Telling.SAME


def test_ages_are_ordered_as_the_kernel_makes_them() -> None:
    today = date(2026, 11, 22)
    births = pa.array([today - timedelta(days) for days in range(-30, 40_000, 17)], pa.date32())
    bands = [GeneralizeAge(width, top) for width in (1, 2, 5, 10, 15) for top in (None, 1, 65, 90, 100)]
    assert _ordered({one: generalize_age(births, today, one.width, one.top).to_pylist() for one in bands}) > len(bands)


def test_geohashes_are_ordered_as_the_kernel_makes_them_and_tell_more_than_a_latitude() -> None:
    places = [(a / 7, b / 3) for a in range(200, 225) for b in range(355, 370)]
    north, east = (pa.array(part, pa.float64()) for part in zip(*places, strict=True))
    hashes = [GeneralizeGeohash(length, "lon") for length in range(1, 10)]
    made: dict[Treatment, Sequence[object]] = {
        one: generalize_geohash(north, east, one.length).to_pylist() for one in hashes
    }
    assert _ordered(made) == len(hashes) * (len(hashes) - 1) // 2
    assert not _follows(north.to_pylist(), made[GeneralizeGeohash(5, "lon")])


def test_addresses_are_not_ordered_since_one_without_a_street_may_name_a_district() -> None:
    addresses = pa.array(
        [
            f"浙江省杭州市{district}区{street}街道{number}号"
            for district in "西拱"
            for street in ("文新", "翠苑")
            for number in (1, 2)
        ]
        + ["杭州市西湖区", "浙江省宁波市海曙区鼓楼街道3号", "nowhere", None],
        pa.string(),
    )
    levels = [GeneralizeAddress(to) for to in (P.STREET, P.DISTRICT, P.CITY)]
    made = {one: generalize_address(addresses, one.to).to_pylist() for one in levels}
    for one, other in product(levels, levels):
        assert tells_at_least(one, other) == (one == other) == _follows(made[one], made[other])


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
