"""What is no batch keeps nothing and costs little: cut short, too large, mistold, or not Arrow at all."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pyarrow as pa
import pytest

import gateway.client as gw
from gateway.api.v1 import disclosure_pb2, ingest_service_pb2_grpc, sharing_service_pb2, value_pb2
from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.client.errors import from_call
from gateway.client.values import field_type_of
from gateway.kernels.arrow_parts import read_part
from tests.integration.ingest.clinic import PURPOSE, collecting, kept, push, visits
from tests.integration.site import Site

Send = Callable[[list[pb.PushRequest]], pb.PushResponse]
BATCH = pa.RecordBatch.from_pylist(visits(20))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that takes small batches."""
    site = collecting(tmp_path_factory.mktemp("malformed"))
    with site.config.open("a") as file:
        file.write("\n[ingest]\nmax_batch_mib = 1\nmax_rows = 5000\n")
    site.start()
    yield site
    assert not kept(site), "nothing of all this was kept"
    assert site.stop() == 0, site.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def send(site: Site) -> Iterator[Send]:
    """Send messages as they are; what is refused is raised as the client's errors."""
    key, certificate, ca = (
        (site.folder / name).read_bytes() for name in ("xihu-clinic.key", "xihu-clinic.pem", "ca.pem")
    )
    with grpc.secure_channel(site.target, grpc.ssl_channel_credentials(ca, key, certificate)) as channel:
        stub: Any = ingest_service_pb2_grpc.IngestServiceStub(channel)
        metadata = [("authorization", f"Bearer {site.token('xihu-clinic')}")]

        def sending(messages: list[pb.PushRequest]) -> pb.PushResponse:
            try:
                answer: pb.PushResponse = stub.Push(iter(messages), timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                raise from_call(error) from None
            return answer

        yield sending


def header(schema: pa.Schema = BATCH.schema, **changed: Any) -> pb.PushRequest:
    asked: dict[str, Any] = {
        "context": disclosure_pb2.RequestContext(purpose=PURPOSE, region="hangzhou/xihu"),
        "dataset": "clinic_visits",
        "disclosure": "visits-in",
        "batch_id": str(uuid.uuid4()),
        "columns": [value_pb2.SchemaField(name=one.name, type=field_type_of(one.type)) for one in schema],
    }
    return pb.PushRequest(header=pb.PushHeader(**(asked | changed)))


def part(payload: bytes, number: int = 0) -> pb.PushRequest:
    return pb.PushRequest(rows=pb.PushRows(number=number, payload=payload))


def trailer(rows: int, *payloads: bytes) -> pb.PushRequest:
    return pb.PushRequest(trailer=pb.PushTrailer(rows=rows, sha256=hashlib.sha256(b"".join(payloads)).digest()))


GOOD = BATCH.serialize().to_pybytes()

CASES: dict[str, tuple[list[pb.PushRequest], str]] = {
    "no trailer": ([header(), part(GOOD)], "trailer did not arrive"),
    "no header": ([part(GOOD), trailer(20, GOOD)], "header must come first"),
    "nothing": ([], "holds nothing"),
    "another digest": ([header(), part(GOOD), trailer(20, GOOD + b"x")], "trailer.sha256 is not the digest"),
    "another number of rows": ([header(), part(GOOD), trailer(21, GOOD)], "trailer.rows is not the number"),
    "a gap": ([header(), part(GOOD, 1), trailer(20, GOOD)], "rows.number must follow"),
    "twice the same part": ([header(), part(GOOD), part(GOOD), trailer(40, GOOD, GOOD)], "rows.number must follow"),
    "two headers": ([header(), header(), trailer(0)], "rows.number must follow"),
    "rows after the trailer": ([header(), trailer(0), part(GOOD)], "trailer must come last"),
    "no Arrow": ([header(), part(b"nonsense" * 9), trailer(0)], "is no record batch"),
    "cut Arrow": ([header(), part(GOOD[:-64]), trailer(20, GOOD[:-64])], "is no record batch"),
    "a column twice": (
        [header(columns=[*header().header.columns, header().header.columns[0]])],
        "must not repeat an item",
    ),
    "no UUID": ([header(batch_id="visits-of-today")], "must be a UUID"),
    "no RowBatch": ([header(encoding=sharing_service_pb2.ENCODING_ROWS), part(b"\xff" * 9), trailer(0)], "no RowBatch"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_batch_is_told_and_not_kept(send: Send, name: str) -> None:
    messages, said = CASES[name]
    with pytest.raises(gw.InvalidRequest) as caught:
        send(messages)
    assert said in str(caught.value)


def test_a_batch_a_hundred_times_too_large_is_refused_before_it_is_whole(site: Site, send: Send) -> None:
    sent = 0

    def endless() -> Iterator[pb.PushRequest]:
        nonlocal sent
        yield header()
        for number in range(100 * 6):
            sent += 1
            yield part(bytes(200_000), number)

    messages: Any = endless()
    with pytest.raises(gw.CapExceeded, match="larger than an upload may be"):
        send(messages)
    assert sent < 60, "what is in the transport's windows, and no more"
    with site.connect("xihu-clinic") as clinic, pytest.raises(gw.CapExceeded, match="more rows"):
        push(clinic, pa.Table.from_batches([BATCH] * 251))


def test_a_compressed_part_is_refused_unread(send: Send) -> None:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    (wide,) = pa.Table.from_batches([BATCH] * 50).combine_chunks().to_batches()
    with pa.ipc.new_stream(sink, wide.schema, options=options) as writer:
        writer.write_batch(wide)
    messages = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))
    payload = messages[1].serialize().to_pybytes()
    assert pa.ipc.read_record_batch(pa.py_buffer(payload), wide.schema).num_rows == 1000, "Arrow itself takes it"
    with pytest.raises(gw.InvalidRequest, match="uncompressed"):
        send([header(), part(payload), trailer(1000, payload)])


def test_a_hundred_bytes_wrong_are_an_error_or_rows_that_fit_their_buffers() -> None:
    rng = random.Random(7)
    refused = 0
    for _ in range(2000):
        broken = bytearray(GOOD)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            batch = read_part(bytes(broken), BATCH.schema)
        except ValueError:
            refused += 1
            continue
        batch.validate(full=True)
        assert batch.num_rows <= len(GOOD)
    assert refused > 100
