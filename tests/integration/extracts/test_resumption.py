"""Connections that break, gateways that restart, and several streams at once: over mTLS, with the client as it is."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gateway.client as gw
from gateway.model.record import Outcome
from tests.integration.extracts.archive import READER, Archive, asked, crossings, lay_out, serving, setting
from tests.integration.extracts.cutter import cutting
from tests.integration.grpc.edge import until
from tests.integration.site import Site

ROWS = 300_000


def through(site: Site, port: int, person: str = "li.wei") -> gw.Gateway:
    """A connection over another port than the gateway's own."""
    return gw.connect(
        f"localhost:{port}",
        certificate=site.folder / f"{READER}.pem",
        key=site.folder / f"{READER}.key",
        ca=site.folder / "ca.pem",
        token=site.token(READER, person),
    )


@pytest.fixture
def archive(new_site: Site) -> Archive:
    archive = lay_out(new_site, crossings(ROWS))
    setting(new_site, "extracts", "resume_seconds = 600")
    return archive


def numbers(table: pa.Table) -> list[int]:
    found: list[int] = sorted(int(str(number)) for number in table.column("number").to_pylist())
    return found


@pytest.mark.parametrize("streams", [1, 3])
def test_a_connection_that_breaks_again_and_again_leaves_no_gap_and_nothing_twice(
    archive: Archive, streams: int
) -> None:
    chance = random.Random(streams)
    limits = [chance.randrange(20_000, 9_000_000) for _ in range(5)]
    with (
        serving(archive),
        cutting(archive.site.port, limits) as line,
        through(archive.site, line.port) as gateway,
    ):
        extract = gateway.extract(**asked(streams=streams))
        assert numbers(extract.read_all()) == list(range(ROWS))
        assert (extract.complete, extract.streams) == (True, streams)
        assert line.cuts >= 2 and extract.connections > streams
        assert until(lambda: all(outcomes(archive)[one] for one in (Outcome.ABORTED, Outcome.COMPLETED)))
    records = archive.records()
    assert len([record for record in records if record.decides]) == 1
    # the gateway can have sent the last that a broken line lost
    assert outcomes(archive)[Outcome.COMPLETED] >= streams
    # what left twice is on record twice: never less than what came
    assert sum(rows for _, _, rows in archive.left()) >= ROWS


def outcomes(archive: Archive) -> Counter[Outcome]:
    return Counter(record.outcome for record in archive.records())


def test_an_extract_goes_on_at_a_gateway_that_was_killed_and_started_anew(archive: Archive) -> None:
    archive.site.start()
    with archive.site.connect(READER) as gateway:
        extract = gateway.extract(**asked(streams=2))
        parts = iter(extract)
        tables = [next(parts)]
        archive.site.kill()
        archive.site.start()
        tables += parts
        assert numbers(pa.Table.from_batches(tables)) == list(range(ROWS))
        assert extract.connections > 2
    archive.site.kill()


def test_who_does_not_go_on_is_told_what_is_missing(archive: Archive) -> None:
    with serving(archive), cutting(archive.site.port, [5_000_000]) as line, through(archive.site, line.port) as gateway:
        extract = gateway.extract(**asked(resume=False))
        with pytest.raises(gw.IncompleteExtract) as raised:
            extract.read_all()
        assert 0 < raised.value.rows == extract.rows < ROWS and not extract.complete


def test_data_that_changed_ends_an_extract(archive: Archive) -> None:
    # more than what is made ahead of who reads slowly
    pq.write_table(crossings(4 * ROWS), archive.file(), row_group_size=50_000)
    with serving(archive), archive.site.connect(READER) as gateway:
        extract = gateway.extract(**asked())
        parts = iter(extract)
        next(parts)
        archive.file().touch()
        with pytest.raises(gw.NotFound) as raised:
            list(parts)
        assert raised.value.reason == "EXTRACT_NOT_FOUND"


def test_an_extract_has_a_time_and_institutions_keep_so_many(archive: Archive) -> None:
    setting(archive.site, "extracts", "kept_each = 2")
    with serving(archive), archive.site.connect(READER) as gateway:
        limits = [2_000_000]
        for others in (1, 2):
            with cutting(archive.site.port, limits) as line, through(archive.site, line.port) as cut:
                extract = cut.extract(**asked())
                parts = iter(extract)
                tables = [next(parts)]
                for _ in range(others):
                    gateway.extract(**asked()).close()
                if others == 1:
                    assert numbers(pa.Table.from_batches([*tables, *parts])) == list(range(ROWS))
                else:
                    with pytest.raises(gw.NotFound):
                        list(parts)


def test_an_extract_whose_time_is_over_is_not_gone_on_with(archive: Archive) -> None:
    settings = archive.site.folder / "gateway.toml"
    settings.write_text(settings.read_text().replace("resume_seconds = 600", "resume_seconds = 1"))
    with serving(archive), cutting(archive.site.port, [3_000_000]) as line, through(archive.site, line.port) as gateway:
        parts = iter(gateway.extract(**asked()))
        next(parts)
        assert not until(lambda: False, 1.2)
        with pytest.raises(gw.NotFound):
            list(parts)
