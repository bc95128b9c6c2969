"""How streams end that nobody reads to the end: the engine stops, what was held is free, and the log says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gateway.client as gw
from gateway.model.record import Outcome
from tests.integration.extracts.archive import READER, Archive, asked, crossings, lay_out, serving, setting
from tests.integration.grpc.edge import until
from tests.integration.site import Site

SOON = 1.0
"""Seconds within which a stream that nobody waits for has stopped, as docs/reference/extracts.md says."""


@pytest.fixture
def slow(new_site: Site) -> Iterator[Archive]:
    """A text file that the engine reads for seconds before it finds a first row, and one thread to read it with."""
    archive = lay_out(new_site, None, "csv")
    lines = b"".join(b"c%06d,east,%d,2026-01-01T10:00:00,old\n" % (number, number) for number in range(20_000))
    with archive.file("csv").open("wb") as file:
        file.write(b"card,gate,number,crossed_at,band\n")
        for _ in range(600):
            file.write(lines)
    setting(new_site, "server", "stream_workers = 1")
    with serving(archive):
        yield archive
    archive.file("csv").unlink()


def ended(archive: Archive, outcome: Outcome) -> bool:
    return [record.outcome for record in archive.records()] == [Outcome.STARTED, outcome]


def test_an_engine_at_work_on_its_first_batch_is_stopped(slow: Archive) -> None:
    with slow.site.connect(READER) as gateway:
        nothing = gateway.extract(**asked(filters=[("gate", "==", "nowhere")]))
        assert until(lambda: [record.outcome for record in slow.records()] == [Outcome.STARTED], 5)
        nothing.close()
        assert until(lambda: ended(slow, Outcome.ABORTED), 2 * SOON)
        # the one thread is free: a deadline stops the next as well
        for seconds in (0.5, 1.0, 2.0):  # a busy machine may not have begun sooner
            with pytest.raises(gw.DeadlineExceeded):
                gateway.extract(**asked(filters=[("gate", "==", "nowhere")]), timeout=seconds).read_all()
            if until(lambda: len(slow.records()) == 4, 2 * SOON):
                break
    assert [(record.outcome, record.reason) for record in slow.records()][2:] == [
        (Outcome.STARTED, ""),
        (Outcome.ABORTED, ""),
    ]


def test_who_does_not_read_stops_the_engine_and_is_cut_off(new_site: Site) -> None:
    archive = lay_out(new_site, crossings(1_500_000))
    setting(new_site, "server", "stall_seconds = 1.0")
    with serving(archive), new_site.connect(READER) as gateway:
        extract = gateway.extract(**asked())
        parts = iter(extract)
        next(parts)
        assert until(lambda: ended(archive, Outcome.ABORTED), 10)
        # of 15 batches: what was read, what the line and the transport hold, one in hand and one ahead of it
        assert len(archive.left()) <= 8
        with pytest.raises(gw.CapExceeded):
            list(parts)
        assert archive.records()[-1].rows == sum(rows for _, _, rows in archive.left())
        # what they held is free again
        assert gateway.extract(**asked()).read_all().num_rows == 1_500_000


def test_a_lost_connection_is_an_end_like_any_other(new_site: Site) -> None:
    archive = lay_out(new_site, crossings(500_000))
    with serving(archive):
        with new_site.connect(READER) as gateway:
            parts = iter(gateway.extract(**asked()))
            next(parts)
        assert until(lambda: ended(archive, Outcome.ABORTED), SOON)
