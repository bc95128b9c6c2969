"""A rehearsal touches nothing: not the data, the ledger, the keys, the registers or the log."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Never, cast

import pytest

from gateway import pipeline
from gateway.model.errors import ErrorReason
from gateway.model.statistics import Presentation
from gateway.pipeline import Refused
from gateway.stages.rehearse import REHEARSAL, Rehearsal
from tests.integration.house import House, counting

RESEARCH = "zju-research"


class Untouchable:
    """A port that is broken for whoever touches it."""

    def __getattr__(self, name: str) -> Never:
        raise AssertionError(f"{name} was touched")


def closed(house: House) -> pipeline.Ports:
    """The house with every port closed but for clock, callers, policy and rehearsals."""
    shut = cast(Any, Untouchable())
    return replace(house.ports, source=shut, keys=shut, signer=shut, ledger=shut, registers=shut, audit=shut)


@pytest.mark.parametrize("groups", [(), ("sector",), ("sector", "tier")], ids=str)
def test_it_is_made_with_every_port_closed(house: House, groups: tuple[str, ...]) -> None:
    asked = replace(counting(Fraction(1, 2), groups), presentation=Presentation(non_negative=True))
    made = pipeline.rehearse(closed(house), house.peer(RESEARCH), asked)
    assert isinstance(made, Rehearsal)
    assert made.release.id.startswith(REHEARSAL) and made.release.certificate is None
    (answers,) = made.shown.answers
    # as many rows as are made up, where each unit has few: nearly all of them count
    assert 0.5 * made.rows < sum(answers.values) <= 1.1 * made.rows
    assert house.diary.events == []


def test_the_ports_are_closed_indeed(house: House) -> None:
    with pytest.raises(AssertionError):
        pipeline.release(closed(house), house.peer(RESEARCH), counting(Fraction(1, 2), ()))
    with pytest.raises(AssertionError):
        pipeline.estimate(closed(house), house.peer(RESEARCH), counting(Fraction(1, 2), ()))


def test_the_rows_do_not_know_the_data(house: House) -> None:
    data = house.site.data / "subsidies.parquet"
    # all tests share it
    away = data.rename(data.with_suffix(".away"))
    try:
        made = pipeline.rehearse(house.ports, house.peer(RESEARCH), counting(Fraction(1, 2), ("sector",)))
    finally:
        away.rename(data)
    assert isinstance(made, Rehearsal) and len(made.shown.cells) == 12
    assert house.diary.events == [], "nothing is recorded"


def test_a_refusal_is_recorded(house: House) -> None:
    refused = pipeline.rehearse(house.ports, house.peer(RESEARCH), counting(Fraction(1, 2), ("community",)))
    assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.STATISTIC_NOT_DECLARED
    assert refused.receipt is not None and house.diary.events == ["log refused"]
