"""The seal at run time: what the type checker refuses is refused again where it was silenced."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pyarrow as pa
import pytest

from gateway import tables
from gateway.model.errors import Fault
from gateway.model.statistics import StatisticsQuery
from gateway.stages.deliver import deliver, deliver_release
from gateway.tables import AdmittedPermit, MinimizedTable, PseudonymizedTable, RawTable, Segment
from gateway.tables.seal import Sealed
from tests.unit.privacy.example import permit_for

NAMED = [getattr(tables, name) for name in dir(tables)]
SEALED = [Sealed, *(one for one in NAMED if isinstance(one, type) and issubclass(one, Sealed))]
PERMIT = permit_for(StatisticsQuery((), (), ()))
SECRET = "龘靐甲"


def raw() -> RawTable:
    batch = pa.record_batch({"name": pa.array([SECRET])})
    return RawTable._open(
        AdmittedPermit._admit(PERMIT), "v", batch.schema, iter([Segment(batch, b"", None)]), frozenset()
    )


@pytest.mark.parametrize("kind", SEALED)
def test_no_sealed_type_can_be_made_by_hand(kind: Any) -> None:
    with pytest.raises(TypeError):
        kind()
    with pytest.raises(TypeError):
        kind(PERMIT)


@pytest.mark.parametrize("kind", SEALED)
def test_no_sealed_type_can_be_subclassed(kind: Any) -> None:
    with pytest.raises(TypeError, match="cannot be subclassed"):
        type("Loose", (kind,), {"__slots__": ()})


def test_a_table_cannot_be_copied_or_pickled_and_shows_nothing() -> None:
    table = raw()
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            attempt(table)
    assert SECRET not in repr(table)
    assert SECRET not in repr(next(table.take()))


def test_a_stream_is_taken_once() -> None:
    table = raw()
    table.take()
    with pytest.raises(Fault):
        table.take()


def test_a_stage_cannot_be_skipped_at_run_time() -> None:
    table = raw()
    with pytest.raises(Fault):
        PseudonymizedTable._advance(table, table.schema, iter([]), frozenset())
    assert isinstance(MinimizedTable._advance(table, table.schema, iter([]), frozenset()), MinimizedTable)


def test_a_permit_that_was_not_admitted_opens_nothing() -> None:
    unadmitted: Any = PERMIT
    with pytest.raises(Fault):
        RawTable._open(unadmitted, "v", pa.schema([]), iter([]), frozenset())


@pytest.mark.parametrize("thing", [None, "x", pa.record_batch({"a": pa.array([1])})])
def test_only_released_tables_are_delivered(thing: Any) -> None:
    with pytest.raises(Fault):
        deliver(thing)
    with pytest.raises(Fault):
        deliver_release(thing)
    unreleased: Any = raw()
    with pytest.raises(Fault):
        deliver(unreleased)
