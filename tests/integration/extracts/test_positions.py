"""Wherever a stream is cut, however often, and in however many streams: each row leaves once, in the same order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import pipeline
from gateway.administration import registers as desk
from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.model.extract import Continuation
from gateway.model.record import Outcome
from gateway.model.request import RowsRequest
from gateway.pipeline import Delivery, Refused
from gateway.ports import CONSENT_LAG
from tests.integration.extracts.archive import DATASET, PURPOSE, READER, crossings, lay_out
from tests.integration.house import House, context, delivered, edit, housed, tracing
from tests.integration.site import Site
from tests.integration.test_admission import consent_to_tracing, subjects_of

ROWS = 1_000


@pytest.fixture
def archive(new_site: Site, small_batches: None) -> Iterator[House]:
    lay_out(new_site, crossings(ROWS, gates=("east", "west", "south")), row_group=130)
    with housed(new_site) as house:
        yield house


def asked(disclosure: str = "all", streams: int = 1) -> RowsRequest:
    return RowsRequest(
        context(PURPOSE), DisclosureKind.EXTRACT, DATASET, disclosure, (), False, (), None, streams=streams
    )


def going_on(request: RowsRequest, extract_id: str, stream: int, after: bytes) -> RowsRequest:
    return replace(request, continues=Continuation(extract_id, stream, after))


def taken(delivery: Delivery, rows: int, batches: int = 0, before: int = 0) -> tuple[list[tuple[object, ...]], bytes]:
    """Take at least so many rows, cut as a wire might cut them; return them and the position after them."""
    found: list[tuple[object, ...]] = []
    position = b""
    with closing(delivery):
        for part in delivery:
            wanted = min(part.records.num_rows, rows - len(found))
            if wanted > 0:
                found += [tuple(row.values()) for row in part.records.slice(0, wanted).to_pylist()]
                assert delivery.resumable is not None
                position = delivery.resumable.after(part.places, wanted - 1, batches, before + len(found))
            if len(found) >= rows:
                break
    return found, position


def whole(house: House, request: RowsRequest) -> tuple[str, list[tuple[object, ...]]]:
    delivery = delivered(pipeline.rows(house.ports, house.peer(READER), request))
    assert delivery.resumable is not None
    rows = [tuple(row.values()) for part in delivery for row in part.records.to_pylist()]
    return delivery.resumable.course.extract_id, rows


@pytest.mark.parametrize("disclosure", ["all", "capped", "coins", "crowds"])
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 300), max_size=6))
def test_a_stream_goes_on_where_it_was_cut(archive: House, disclosure: str, cuts: list[int]) -> None:
    request = asked(disclosure)
    name, unbroken = whole(archive, request)
    found: list[tuple[object, ...]] = []
    after = b""
    for cut in [*cuts, 10 * ROWS]:
        again = delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, 0, after)))
        rows, position = taken(again, cut, before=len(found))
        found += rows
        after = position or after
    assert found == unbroken
    assert len(unbroken) == {"all": ROWS, "capped": ROWS, "coins": ROWS // 10, "crowds": ROWS}[disclosure]


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams=st.integers(2, 12), cuts=st.lists(st.integers(0, 60), max_size=12))
def test_streams_are_the_whole_each_row_once(archive: House, streams: int, cuts: list[int]) -> None:
    request = asked(streams=streams)
    opening = delivered(pipeline.rows(archive.ports, archive.peer(READER), request))
    assert opening.resumable is not None and opening.resumable.course.streams == streams
    name = opening.resumable.course.extract_id
    opening.close()
    numbers: list[int] = []
    for stream in range(streams):
        cut = cuts[stream % len(cuts)] if cuts else 0
        first = delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, stream, b"")))
        rows, after = taken(first, cut)
        rest = delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, stream, after)))
        rows += taken(rest, ROWS, before=len(rows))[0]
        numbers += [int(str(row[2])) for row in rows]
    assert sorted(numbers) == list(range(ROWS))
    assert numbers != sorted(numbers)


@pytest.mark.parametrize("disclosure", ["capped", "coins", "crowds"])
def test_what_is_counted_over_all_rows_comes_in_one_stream(archive: House, disclosure: str) -> None:
    delivery = delivered(pipeline.rows(archive.ports, archive.peer(READER), asked(disclosure, streams=4)))
    with closing(delivery):
        assert delivery.resumable is not None and delivery.resumable.course.streams == 1


def test_two_extracts_have_two_orders(archive: House) -> None:
    (_, one), (_, other) = whole(archive, asked()), whole(archive, asked())
    assert one != other and sorted(map(str, one)) == sorted(map(str, other))


def test_each_connection_is_on_record_and_names_the_first(archive: House) -> None:
    request = asked()
    first = delivered(pipeline.rows(archive.ports, archive.peer(READER), request))
    assert first.resumable is not None
    name, opening = first.resumable.course.extract_id, first.receipt.entry.index
    rows, after = taken(first, 170)
    second = delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, 0, after)))
    rows += taken(second, ROWS, before=len(rows))[0]
    started, aborted, again, completed = archive.audit.records
    assert (started.continues, again.continues, completed.continues) == (None, opening, opening)
    assert (started.outcome, aborted.outcome) == (Outcome.STARTED, Outcome.ABORTED)
    assert (again.outcome, again.after_rows, completed.outcome) == (Outcome.STARTED, 170, Outcome.COMPLETED)
    # of the batch that was cut, the rest alone is on record again
    assert completed.rows == ROWS - 170
    assert aborted.rows >= 170
    assert [one.decides for one in archive.audit.records] == [True, False, False, False]
    assert len(archive.ports.audit.newest(10)) == 1


def refused(house: House, request: RowsRequest, institution: str = READER, person: str = "li.wei") -> ErrorReason:
    outcome = pipeline.rows(house.ports, house.peer(institution, person), request)
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal.reason


def test_nobody_goes_on_with_what_is_not_theirs(archive: House) -> None:
    request = asked(streams=2)
    name, rows = whole(archive, request)
    _, after = taken(delivered(pipeline.rows(archive.ports, archive.peer(READER), request)), 10)
    others = {
        "no such extract": refused(archive, going_on(request, "0" * 32, 0, b"")),
        "another person": refused(archive, going_on(request, name, 0, b""), person="chen.yu"),
        "another request": refused(
            archive, replace(going_on(request, name, 0, b""), context=context(PURPOSE, body=b"other"))
        ),
        "another extract's position": refused(archive, going_on(request, name, 0, after)),
        "no position": refused(archive, going_on(request, name, 0, b"x" * 50)),
        "a short one": refused(archive, going_on(request, name, 0, b"x")),
        "no such stream": refused(archive, going_on(request, name, 2, b"")),
    }
    assert set(others.values()) == {ErrorReason.EXTRACT_NOT_FOUND}, others
    assert len(rows) < ROWS  # the first of two streams


def test_an_extract_ends_with_its_time_and_with_its_data(archive: House) -> None:
    request = asked()
    name, _ = whole(archive, request)
    delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, 0, b""))).close()
    file = archive.site.data / "crossings.parquet"
    before = file.stat()
    file.touch()
    assert refused(archive, going_on(request, name, 0, b"")) is ErrorReason.EXTRACT_NOT_FOUND
    assert before.st_mtime_ns != file.stat().st_mtime_ns


def test_an_extract_outlives_policies_that_permit_the_very_same(archive: House) -> None:
    request = asked()
    name, rows = whole(archive, request)
    grants = archive.site.policies / "grants.csv"
    grants.write_text(
        grants.read_text() + f"p, g-more, {READER}, {DATASET}/some, extract, hangzhou, {PURPOSE}, , allow\n"
    )
    archive.ports.policy.reload()
    again = delivered(pipeline.rows(archive.ports, archive.peer(READER), going_on(request, name, 0, b"")))
    assert taken(again, ROWS)[0] == rows
    edit(grants, f"g-all, {READER}, {DATASET}/all, extract, hangzhou, {PURPOSE}, ,",
         f"g-all, {READER}, {DATASET}/all, extract, hangzhou, {PURPOSE}, max_rows=5000,")  # fmt: skip
    archive.ports.policy.reload()
    assert refused(archive, going_on(request, name, 0, b"")) is ErrorReason.EXTRACT_NOT_FOUND
    edit(grants, f"p, g-all, {READER}, {DATASET}/all, extract, hangzhou, {PURPOSE}, max_rows=5000, allow\n", "")
    archive.ports.policy.reload()
    assert refused(archive, going_on(request, name, 0, b"")) is ErrorReason.DISCLOSURE_NOT_GRANTED


@pytest.mark.usefixtures("small_batches")
def test_who_withdraws_is_not_in_what_goes_on_and_nobody_else_moves(house: House) -> None:
    subjects = subjects_of(house.site.data)
    ids = consent_to_tracing(house, subjects)
    request, peer = tracing(), house.peer("police")
    opening = delivered(pipeline.rows(house.ports, peer, request))
    assert opening.resumable is not None
    name = opening.resumable.course.extract_id
    unbroken = taken(opening, 10_000)[0]
    first = delivered(pipeline.rows(house.ports, peer, going_on(request, name, 0, b"")))
    found, after = taken(first, 70)
    for entry in ids[::2]:
        desk.withdraw_consent(house.office, house.peer("health-commission"), "tracing", entry)
    threading.Event().wait(CONSENT_LAG + 0.2)
    staying = {row[0] for row in taken(delivered(pipeline.rows(house.ports, peer, tracing())), 10_000)[0]}
    rest = delivered(pipeline.rows(house.ports, peer, going_on(request, name, 0, after)))
    assert found == unbroken[:70]
    assert 0 < len(staying) < len({row[0] for row in unbroken})
    assert taken(rest, 10_000)[0] == [row for row in unbroken[70:] if row[0] in staying]
