"""Two gateways on one port and one state: both answer, the log is one, and what one leaves the other takes over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

from bench.processes import cpu_seconds
from gateway.cli.codes import CANNOT_START
from gateway.model.record import Outcome
from tests.integration.extracts.archive import READER, Archive, asked, crossings, lay_out, serving, setting
from tests.integration.grpc.edge import until
from tests.integration.site import Site

CALLS = 24
SERVING = '"event": "serving"'


def _extract(archive: Archive) -> int:
    """Extract everything over a connection of its own, which the system gives to either process."""
    with archive.site.connect(READER) as gateway:
        return gateway.extract(**asked()).read_all().num_rows


def test_two_gateways_share_a_port_and_keep_one_log(new_site: Site) -> None:
    archive = lay_out(new_site, crossings(2_000))
    setting(new_site, "server", "reuse_port = true")
    other = replace(new_site, process=None)
    with serving(archive):
        _ready(new_site, 1)
        other.start()
        try:
            _ready(new_site, 2)
            pids = [site.process.pid for site in (new_site, other) if site.process is not None]
            before = [cpu_seconds(pid) for pid in pids]
            assert [_extract(archive) for _ in range(CALLS)] == [2_000] * CALLS
            # one of them alone once in 2^23 runs
            assert all(cpu_seconds(pid) - was > 0.005 for pid, was in zip(pids, before, strict=True))
            outcomes = [record.outcome for record in archive.records()]
            assert outcomes == [Outcome.STARTED, Outcome.COMPLETED] * CALLS
            with closing(sqlite3.connect(new_site.folder / "state.sqlite")) as state:
                indices = [index for (index,) in state.execute("SELECT entry_index FROM audit_entries ORDER BY 1")]
            assert indices == list(range(len(indices)))
            new_site.kill()
            assert [_extract(archive) for _ in range(4)] == [2_000] * 4
        finally:
            other.kill()


def test_a_second_gateway_does_not_listen_unless_it_may(new_site: Site) -> None:
    archive = lay_out(new_site, crossings(10))
    other = replace(new_site, process=None)
    with serving(archive):
        other.start()
        assert other.process is not None
        assert other.process.wait(30) == CANNOT_START
        assert _extract(archive) == 10


def _ready(site: Site, times: int) -> None:
    assert until(lambda: site.log.read_text().count(SERVING) == times, 30)
