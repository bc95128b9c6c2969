"""Pushes that are cancelled, run out of time or stall keep nothing and hold nothing; so do missing disks."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.api.v1 import ingest_service_pb2_grpc
from gateway.client.errors import from_call
from tests.integration.ingest.clinic import PURPOSE, collecting, kept, left_over, push, visits
from tests.integration.ingest.test_malformed import header
from tests.integration.site import Site

BATCH = pa.RecordBatch.from_pylist(visits(20))
PLACES = 2
"""So many pushes of one institution are received at a time."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that clinics push to."""
    site = collecting(tmp_path_factory.mktemp("interrupted"))
    site.start()
    yield site
    assert site.stop() == 0, site.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def stub(site: Site) -> Iterator[Any]:
    """The service as generated, over the clinic's certificate."""
    parts = [(site.folder / name).read_bytes() for name in ("ca.pem", "xihu-clinic.key", "xihu-clinic.pem")]
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(*parts)) as channel:
        yield ingest_service_pb2_grpc.IngestServiceStub(channel)


class Halting:
    """The first messages of a batch, and then none until it is let go; then the stream ends without a trailer."""

    def __init__(self) -> None:
        self.halted = threading.Event()
        self.go = threading.Event()

    def __iter__(self) -> Iterator[pb.PushRequest]:
        yield header(BATCH.schema)
        yield pb.PushRequest(rows=pb.PushRows(number=0, payload=BATCH.serialize().to_pybytes()))
        self.halted.set()
        self.go.wait(60)


def begun(site: Site, stub: Any, **how: Any) -> tuple[Halting, Any]:
    """A push that has sent its first rows, and no more."""
    messages = Halting()
    metadata = [("authorization", f"Bearer {site.token('xihu-clinic')}")]
    call = stub.Push.future(iter(messages), metadata=metadata, **how)
    assert messages.halted.wait(30)
    return messages, call


def nothing_is_left(site: Site) -> None:
    """Neither rows nor files; and as many places as ever, since so many push at once."""
    assert not kept(site) and not left_over(site)

    def none(_: int) -> int:
        with site.connect("xihu-clinic") as clinic:
            return push(clinic, pa.Table.from_batches([BATCH]).slice(0, 0)).accepted

    with ThreadPoolExecutor(PLACES) as pool:
        assert list(pool.map(none, range(PLACES))) == [0] * PLACES


def test_pushes_that_are_cancelled_keep_nothing(site: Site, stub: Any) -> None:
    for _ in range(PLACES + 1):
        messages, call = begun(site, stub, timeout=60)
        assert call.cancel()
        messages.go.set()
    nothing_is_left(site)


def test_pushes_whose_time_runs_out_keep_nothing(site: Site, stub: Any) -> None:
    for _ in range(PLACES + 1):
        messages, call = begun(site, stub, timeout=1)
        with pytest.raises(grpc.RpcError) as caught:
            call.result()
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        messages.go.set()
    nothing_is_left(site)


def test_who_stalls_is_cut_off_and_keeps_others_out_no_longer(site: Site, stub: Any) -> None:
    stalled = [begun(site, stub, timeout=90) for _ in range(PLACES)]
    with site.connect("xihu-clinic") as clinic, pytest.raises(gw.CapExceeded):
        push(clinic, visits(1))
    for messages, call in stalled:
        with pytest.raises(grpc.RpcError) as caught:
            call.result()
        error = from_call(caught.value)
        assert (error.reason, error.violations) == ("REQUEST_INVALID", (("", "did not arrive in time"),))
        messages.go.set()
    nothing_is_left(site)


def test_a_batch_that_ends_early_is_none(site: Site, stub: Any) -> None:
    messages, call = begun(site, stub, timeout=60)
    messages.go.set()
    with pytest.raises(grpc.RpcError) as caught:
        call.result()
    assert from_call(caught.value).violations == (("trailer", "did not arrive: nothing is kept"),)
    nothing_is_left(site)


def test_a_disk_that_is_not_mounted_begins_nothing_anew(site: Site) -> None:
    folder = site.data / "pushed" / "clinic_visits"
    with site.connect("xihu-clinic") as clinic:
        assert push(clinic, visits(10, 5_000)).accepted == 10
    site.stop()
    away = site.data / "elsewhere"
    folder.rename(away)
    for place in (None, folder, site.data / "pushed"):  # no folder, an empty one, and none above it
        if place == folder:
            folder.mkdir()
        elif place is not None:
            folder.rmdir()
            place.rename(site.data / "pushed-elsewhere")
        before = len(site.log.read_text())
        site.start()
        assert '"event": "rows cannot be kept"' in site.log.read_text()[before:]
        with site.connect("xihu-clinic") as clinic, pytest.raises(gw.Unavailable, match="INTAKE_UNAVAILABLE"):
            push(clinic, visits(10, 6_000))
        with site.connect("medical-insurance-bureau") as reader, pytest.raises(gw.Unavailable):
            reader.extract("clinic_visits", "visits", purpose=PURPOSE).read_all()
        assert not list(folder.glob("*"))
        site.stop()
    shutil.rmtree(site.data / "pushed")  # made for another dataset, into which nothing was pushed yet
    (site.data / "pushed-elsewhere").rename(site.data / "pushed")
    site.start()
    away.rename(folder)
    # mounted again while it serves
    with site.connect("xihu-clinic") as clinic:
        assert push(clinic, visits(10, 6_000)).accepted == 10
    assert len(kept(site)) == 20
