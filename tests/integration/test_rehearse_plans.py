"""A rehearsal touches nothing: not the data, the ledger, the keys, the registers or the log."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Never, cast

import pyarrow as pa
import pytest

from gateway import pipeline
from gateway.adapters.duckdb import rehearsals as rehearsals_duckdb
from gateway.adapters.duckdb.source import DuckDBSource
from gateway.lanes import inquiries
from gateway.model.errors import ErrorReason
from gateway.model.plan import AggregatePlan
from gateway.model.statistics import Presentation
from gateway.pipeline import Refused
from gateway.stages.rehearse import REHEARSAL, Rehearsal
from tests.integration.house import House, counting, edit, released

RESEARCH = "zju-research"
GRANT = "p, g-research-sector, researchers, subsidies/by-sector, release, hangzhou, academic-research, , allow"


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
    made = inquiries.rehearse(closed(house), house.peer(RESEARCH), asked)
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
        inquiries.estimate(closed(house), house.peer(RESEARCH), counting(Fraction(1, 2), ()))


def test_the_rows_do_not_know_the_data(house: House) -> None:
    data = house.site.data / "subsidies.parquet"
    # all tests share it
    away = data.rename(data.with_suffix(".away"))
    try:
        made = inquiries.rehearse(house.ports, house.peer(RESEARCH), counting(Fraction(1, 2), ("sector",)))
    finally:
        away.rename(data)
    assert isinstance(made, Rehearsal) and len(made.shown.cells) == 12
    assert house.diary.events == [], "nothing is recorded"


def test_a_refusal_is_recorded(house: House) -> None:
    refused = inquiries.rehearse(house.ports, house.peer(RESEARCH), counting(Fraction(1, 2), ("community",)))
    assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.STATISTIC_NOT_DECLARED
    assert refused.receipt is not None and house.diary.events == ["log refused"]


def test_it_counts_as_a_call_of_the_grant_beside_releases(house: House) -> None:
    edit(house.site.policies / "grants.csv", GRANT, GRANT.replace(", ,", ", rate=3/day,"))
    house.ports.policy.reload()
    assert not house.ports.policy.last_problems
    asked, peer = counting(Fraction(1, 2), ("sector",)), house.peer(RESEARCH)
    assert isinstance(inquiries.rehearse(house.ports, peer, asked), Rehearsal)
    released(pipeline.release(house.ports, peer, asked))
    # an estimate computes no noise, and is a question for free
    assert isinstance(inquiries.estimate(house.ports, peer, asked), inquiries.Quote)
    assert isinstance(inquiries.rehearse(house.ports, peer, asked), Rehearsal)
    for call in (inquiries.rehearse, pipeline.release):
        refused = call(house.ports, peer, asked)
        assert isinstance(refused, Refused) and refused.refusal.reason is ErrorReason.RATE_EXCEEDED
        assert refused.receipt is not None


def test_a_file_stays_while_it_is_read_and_goes_then(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsals_duckdb, "_REMEMBERED", 1)
    asked, peer, read = counting(Fraction(1, 2), ("sector",)), house.peer(RESEARCH), DuckDBSource.aggregates
    elsewhere = replace(asked, context=replace(asked.context, region="hangzhou/xihu"))

    def meanwhile(source: DuckDBSource, plan: AggregatePlan) -> pa.RecordBatch:
        monkeypatch.setattr(DuckDBSource, "aggregates", read)
        assert isinstance(inquiries.rehearse(house.ports, peer, elsewhere), Rehearsal)
        return read(source, plan)

    monkeypatch.setattr(DuckDBSource, "aggregates", meanwhile)
    before = files()
    assert isinstance(inquiries.rehearse(house.ports, peer, asked), Rehearsal)
    assert len(files() - before) == 1


def files() -> set[Path]:
    """The files of all rehearsals that are there."""
    return set(Path(tempfile.gettempdir()).glob("rehearsals-*/*.parquet"))
