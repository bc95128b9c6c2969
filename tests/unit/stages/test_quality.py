"""How good data are said to be: of a whole month, in steps, with noise that hides a row, and the same to everybody."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, cast

import pytest

from gateway.kernels.perturb.laplace import laplace_table
from gateway.model.contract import DataContract
from gateway.model.ingest import Quality, RowReason
from gateway.model.quality import FAILS, LEAST_ROWS, STEPS, Dimension, Month, last_month, marks
from gateway.policy.snapshot import load
from gateway.ports import BatchRegister, KeyRing
from gateway.stages.fetch import quality
from gateway.stages.fetch.quality import fetch_quality
from tests.integration.site import ROOT

NOW = datetime(2026, 11, 23, 1, 30)


@dataclass
class Tally:
    """A register that holds what was measured in October, and remembers what it was asked."""

    found: Quality
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def sent(self, dataset: str, begins: datetime, ends: datetime) -> Quality:
        self.asked.append((dataset, begins, ends))
        return self.found


@dataclass
class Ring:
    """A key of each form, and of a secret."""

    secret: bytes = b"s"

    def working_key(self, domain: object, use: object, form: str) -> bytes:
        return (self.secret + form.encode()).ljust(64, b".")


@cache
def contract(*, told: bool = True) -> DataContract:
    name = "grid_reports" if told else "residents"
    return load(ROOT / "policies").contracts[name]


def told(found: Quality, ring: Ring | None = None) -> Any:
    batches, keys = cast(BatchRegister, Tally(found)), cast(KeyRing, ring or Ring())
    return fetch_quality(contract(), batches, keys, NOW)


def test_every_reason_counts_in_one_dimension() -> None:
    assert set(FAILS) == set(RowReason) and set(FAILS.values()) == set(Dimension)


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (datetime(2026, 11, 23, 1, 30), date(2026, 10, 1)),
        # the city's November ends at 16:00 UTC of the 30th, and is over for sure an hour later
        (datetime(2026, 11, 30, 16, 59), date(2026, 10, 1)),
        (datetime(2026, 11, 30, 17, 0), date(2026, 11, 1)),
        (datetime(2027, 1, 10), date(2026, 12, 1)),
    ],
)
def test_the_last_month_that_is_over_is_told_of(now: datetime, month: date) -> None:
    found = last_month(now)
    assert found.day == month and found.ends <= now


def test_a_month_is_the_citys() -> None:
    assert (Month(date(2026, 12, 1)).begins, Month(date(2026, 12, 1)).ends) == (
        datetime(2026, 11, 30, 16),
        datetime(2026, 12, 31, 16),
    )


@pytest.mark.parametrize(("failed", "step"), [(0, 99), (100, 99), (101, 95), (500, 95), (501, 90), (9_000, 0)])
def test_shares_are_told_in_steps(failed: int, step: int) -> None:
    found = marks(date(2026, 10, 1), 10_000, dict.fromkeys(Dimension, failed))
    assert found is not None and set(found.at_least.values()) == {step} and step in STEPS


def test_of_few_rows_nothing_is_told() -> None:
    none = dict.fromkeys(Dimension, 0)
    assert marks(date(2026, 10, 1), LEAST_ROWS - 1, none) is None
    assert marks(date(2026, 10, 1), LEAST_ROWS, none) is not None
    assert told(Quality(0, {}, None)) is None


def test_what_no_contract_tells_is_not_asked_for() -> None:
    tally = Tally(Quality(100_000, {}, None))
    assert fetch_quality(contract(told=False), cast(BatchRegister, tally), cast(KeyRing, Ring()), NOW) is None
    assert tally.asked == []


def test_each_reason_lowers_its_own_dimension() -> None:
    for reason, dimension in FAILS.items():
        found = told(Quality(80_000, {reason: 20_000}, None))
        assert found.month == date(2026, 10, 1)
        assert found.at_least == {one: 75 if one is dimension else 99 for one in Dimension}


def test_the_same_is_told_all_month_and_by_every_gateway_of_the_key() -> None:
    """At the very edge of a step, where noise decides: asking again must not tell the count by the average."""
    at_edge = Quality(9_900, {RowReason.MISSING: 100}, None)
    assert len({str(told(at_edge)) for _ in range(20)}) == 1
    drawn = {told(at_edge, Ring(bytes([number]))).at_least[Dimension.COMPLETE] for number in range(40)}
    assert drawn == {95, 99}, "the noise decides, by the key"


def test_a_row_more_or_less_is_hidden_by_the_noise_of_each_count() -> None:
    """The weights of neighbouring noises differ by no more than e^0.1; the rest has no more weight than 3e-9."""
    table = laplace_table(0, quality._REACH, quality._LOSS)
    tails = [int(one) for one in table.tails[1:-1]]
    single = [here - beyond for here, beyond in pairwise(tails)]
    assert len(single) == quality._REACH - 1
    worst = max(max(one / other, other / one) for one, other in pairwise(single))
    middle = 2**64 - 2 * tails[0]
    assert max(worst, middle / single[0]) <= math.exp(0.1) * (1 + 1e-6)
    assert 2 * tails[-1] / 2**64 < 3e-9


def test_noise_is_the_counts_own() -> None:
    key = bytes(64)
    noises = {quality._noised(count, "sent", date(2026, 10, 1), key) - count for count in range(5_000, 5_300)}
    assert len(noises) > 20 and all(abs(one) <= quality._REACH for one in noises)
    other = MappingProxyType({what: quality._noised(5_000, what, date(2026, 10, 1), key) for what in Dimension})
    assert len(set(other.values())) > 1
