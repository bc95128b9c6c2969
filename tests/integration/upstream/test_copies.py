"""A copy of a service's rows stands still: what needs that is made of it as of a file, to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gateway.adapters.duckdb.source import DuckDBSource
from gateway.adapters.upstream import copies as copies_module
from gateway.adapters.upstream.copies import CopiedServices
from gateway.model.contract import Bounds, DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.filter import Condition, Operator
from gateway.model.measure import Measure, MeasureKind
from gateway.model.plan import AggregatePlan, GroupKey, RowPlan, RowScope
from tests.integration.upstream.contracts import SPEC, contract, over_file
from tests.integration.upstream.department import Department, code, department, listed
from tests.integration.upstream.test_source import SCHEMA, Row, in_order, record

COPIED = contract(replace(SPEC, copied_hours=1))
EVERYWHERE = RowScope(None, None, ())
HOUR = 3600.0


@pytest.fixture(scope="module")
def office() -> Iterator[Department]:
    with department() as made:
        yield made


@pytest.fixture
def copies(office: Department, tmp_path: Path) -> Iterator[CopiedServices]:
    with office.source() as live, closing(CopiedServices(live, tmp_path / "copies", 1 << 24, "128MB", 1)) as made:
        yield made


class Clock:
    """A clock that a test puts forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(copies_module, "time", made)
    return made


def row(number: int) -> Row:
    return {
        "number": str(number % 40),
        "colour": ("green", "yellow", "red")[number % 3],
        "assessed_on": None if number % 7 == 0 else date(2026, 1, 1 + number % 5),
        "assessed_at": None,
        "reason": f"reason {number}",
        "community": f"c/{'ab'[number % 2]}",
        "nickname": None,
        "score": None if number % 11 == 0 else number % 13 - 6,
        "weight": number / 4,
        "consents": number % 2 == 0,
        "visits": number,
    }


ROWS = [row(number) for number in range(200)]


def read(source: CopiedServices, made: DataContract, version: str | None) -> list[str]:
    plan = RowPlan(made, tuple(made.fields), EVERYWHERE, None, version)
    batches = list(source.rows(plan, 50))
    return in_order(pa.Table.from_batches(batches, SCHEMA))


def why(ask: Any) -> ErrorReason:
    with pytest.raises(Fault) as raised:
        ask()
    return raised.value.reason


def test_statistics_of_a_copy_are_those_of_a_file(copies: CopiedServices, office: Department, tmp_path: Path) -> None:
    office.lists(map(record, ROWS))
    (tmp_path / "files").mkdir()
    pq.write_table(pa.Table.from_pylist(ROWS, SCHEMA), tmp_path / "files" / "codes.parquet")
    scope = RowScope("c/a", "consents", (Condition("score", Operator.GREATER, (-5,)),))
    bounds = Bounds(-3, 3)
    measures = (
        Measure(MeasureKind.ROWS, 2),
        Measure(MeasureKind.UNITS, 1),
        Measure(MeasureKind.TOTAL, 2, "score", bounds),
    )
    plan = AggregatePlan(COPIED, scope, (GroupKey("colour", ("green", "red")),), measures, 1, "00ff")
    file = over_file("codes.parquet")
    with closing(DuckDBSource(tmp_path / "files", memory_limit="128MB")) as engine:
        version = copies.data_version(COPIED)
        for one in (plan, replace(plan, version=version)):
            of_copy = copies.aggregates(one)
            assert of_copy.equals(engine.aggregates(replace(plan, contract=file))) and of_copy.num_rows == 2
        assert read(copies, COPIED, version) == in_order(pa.Table.from_pylist(ROWS, SCHEMA))
        for field in ("number", "reason", "colour"):
            assert copies.guessable(COPIED, field, EVERYWHERE) == engine.guessable(file, field, EVERYWHERE)
    assert len(office.asked) == 1


def test_a_version_is_what_is_in_it_and_stands_as_long_as_it_is_one_of_the_last_two(
    copies: CopiedServices, office: Department, clock: Clock
) -> None:
    office.lists(map(record, ROWS[:50]))
    office.asked.clear()
    first = copies.data_version(COPIED)
    assert copies.data_version(COPIED) == first and len(office.asked) == 1
    clock.now += HOUR
    assert copies.data_version(COPIED) == first and len(office.asked) == 2, "the same rows are the same version"
    office.lists(map(record, ROWS[:60]))
    assert copies.data_version(COPIED) == first, "it stands for an hour"
    clock.now += HOUR
    second = copies.data_version(COPIED)
    assert second != first
    assert (len(read(copies, COPIED, first)), len(read(copies, COPIED, second))) == (50, 60)
    assert len(read(copies, COPIED, None)) == 60
    office.lists(map(record, ROWS[:70]))
    clock.now += HOUR
    third = copies.data_version(COPIED)
    assert why(lambda: read(copies, COPIED, first)) is ErrorReason.SOURCE_SCHEMA_CHANGED
    assert (len(read(copies, COPIED, second)), len(read(copies, COPIED, third))) == (60, 70)
    assert len(list(copies._folder.glob("*.parquet"))) == 2, "no other copy is kept"


def test_a_version_of_the_same_rows_is_the_same_in_another_process(office: Department, tmp_path: Path) -> None:
    office.lists(map(record, ROWS))
    versions = set()
    for place in ("one", "other"):
        with office.source() as live, closing(CopiedServices(live, tmp_path / place, 1 << 24, "128MB", 1)) as made:
            versions.add(made.data_version(COPIED))
    assert len(versions) == 1


def test_a_copy_that_is_too_old_and_cannot_be_taken_anew_is_not_read(
    copies: CopiedServices, office: Department, clock: Clock
) -> None:
    office.lists(map(record, ROWS))
    version = copies.data_version(COPIED)
    clock.now += HOUR

    def broken(_: bytes, __: Any) -> Iterator[bytes]:
        yield listed(map(record, ROWS[:100]))
        raise RuntimeError("a name of somebody")

    office.answers["ListCodes"] = broken
    for ask in (copies.data_version, lambda made: read(copies, made, None)):
        assert why(lambda ask=ask: ask(COPIED)) is ErrorReason.SOURCE_UNAVAILABLE
    assert len(list(copies._folder.glob("*.parquet"))) == 1, "what was cut short is gone"
    assert read(copies, COPIED, version), "what was begun may end"
    office.lists(map(record, ROWS))
    assert copies.data_version(COPIED) == version


def test_a_copy_takes_no_more_than_it_may(office: Department, tmp_path: Path) -> None:
    office.lists(code(f"{number:018}", reason=f"{number * 7919:x}" * 20) for number in range(2000))
    with office.source() as live, closing(CopiedServices(live, tmp_path / "copies", 10_000, "128MB", 1)) as made:
        assert why(lambda: made.data_version(COPIED)) is ErrorReason.SOURCE_UNAVAILABLE
        assert not list(made._folder.glob("*.parquet"))


def test_one_malformed_record_is_no_news(copies: CopiedServices, office: Department) -> None:
    wrong = [
        code("1", assessed_on={"year": 2026, "month": 2, "day": 31}),
        code("2", assessed_at={"seconds": 2**60}),
        code("3", colour=9),
    ]
    office.lists([*map(record, ROWS[:10]), *wrong])
    rows = read(copies, COPIED, copies.data_version(COPIED))
    assert len(rows) == 13
    assert sum("'colour': None" in one for one in rows) == 1


def test_what_nobody_classified_is_not_copied(copies: CopiedServices, office: Department) -> None:
    office.answers["ListCodes"] = lambda _, __: [listed([code("1")]), b"\x0a\x06\x9a\x06\x03abc"]
    assert why(lambda: copies.data_version(COPIED)) is ErrorReason.SOURCE_SCHEMA_CHANGED


def test_a_service_that_is_not_copied_is_asked_each_time(copies: CopiedServices, office: Department) -> None:
    office.lists(map(record, ROWS[:20]))
    live = contract()
    office.asked.clear()
    assert copies.data_version(live) != copies.data_version(live)
    assert len(read(copies, live, copies.data_version(live))) == 20
    assert not copies.guessable(live, "reason", EVERYWHERE)
    assert len(office.asked) == 2 and not list(copies._folder.glob("*.parquet"))


def test_copies_go_with_their_process_or_at_the_next_start(office: Department, tmp_path: Path) -> None:
    office.lists(map(record, ROWS))
    place = tmp_path / "copies"
    (place / "copies-left").mkdir(parents=True)
    (place / "copies-left" / "rows.parquet").write_bytes(b"rows of somebody")
    with office.source() as live, closing(CopiedServices(live, place, 1 << 24, "128MB", 1)) as one:
        assert not (place / "copies-left").exists()
        one.data_version(COPIED)
        with closing(CopiedServices(live, place, 1 << 24, "128MB", 1)) as other:
            assert len(read(one, COPIED, None)) == 200, "what is held by another is let be"
            assert other._folder != one._folder
        assert oct(one._folder.stat().st_mode & 0o777) == "0o700"
    assert [path.name for path in place.iterdir()] == ["lock"]
