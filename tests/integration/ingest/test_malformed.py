"""What is no batch keeps nothing and costs little: cut short, too large, mistold, or not Arrow at all."""

from __future__ import annotations

import hashlib
import random
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import grpc
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import gateway.client as gw
from gateway.api.v1 import disclosure_pb2, ingest_service_pb2_grpc, sharing_service_pb2, value_pb2
from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.client.errors import from_call
from gateway.client.values import field_type_of
from gateway.kernels.arrow_parts import TooManyRows, read_part
from tests.integration.house import edit
from tests.integration.ingest.clinic import PURPOSE, collecting, kept, push, visits
from tests.integration.site import Site

Send = Callable[[list[pb.PushRequest]], pb.PushResponse]
BATCH = pa.RecordBatch.from_pylist(visits(20))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A gateway that takes small batches, in large messages."""
    site = collecting(tmp_path_factory.mktemp("malformed"))
    edit(site.config, "[server]\n", "[server]\nmax_request_bytes = 4194304\n")
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


class Memory:
    """How many bytes a gateway's memory grew by at its highest, since this was made."""

    def __init__(self, site: Site) -> None:
        assert site.process is not None
        self._place = Path(f"/proc/{site.process.pid}")
        # the highest there was is forgotten: it would hide what comes (proc(5), clear_refs)
        (self._place / "clear_refs").write_text("5")
        self._begun = self._highest()

    @property
    def grown(self) -> int:
        return self._highest() - self._begun

    def _highest(self) -> int:
        return int((self._place / "status").read_text().partition("VmHWM:")[2].split()[0]) * 1024


def rows_of(count: int, row: bytes) -> bytes:
    return (b"\x12" + bytes([len(row)]) + row) * count


def test_rows_that_take_little_on_the_wire_and_much_in_memory_are_counted_first(site: Site, send: Send) -> None:
    rows = header(encoding=sharing_service_pb2.ENCODING_ROWS)
    memory = Memory(site)
    for payload in (rows_of(500_000, b""), rows_of(190_000, b"\x0a\x00")):
        with pytest.raises(gw.CapExceeded, match="push several batches"):
            send([rows, part(payload), trailer(1, payload)])
    assert memory.grown < 24 << 20, "a hundred times too many rows, none of which was built"


def test_a_row_of_a_hundred_thousand_values_is_turned_away_unbuilt(site: Site, send: Send) -> None:
    memory = Memory(site)
    for count in (8, 450_000):
        values = b"\x0a\x00" * count
        payload = b"\x12" + _varint(len(values)) + values
        # what the first of them loads is there by the second
        memory = Memory(site)
        answer = send([header(encoding=sharing_service_pb2.ENCODING_ROWS), part(payload), trailer(1, payload)])
        assert (answer.accepted, answer.rejected) == (0, 1)
    assert memory.grown < 24 << 20


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


WIDE: pa.RecordBatch = pa.Table.from_batches([BATCH] * 200).combine_chunks().to_batches()[0]


def encoded(by: Callable[[Any], Any], compression: Literal["zstd"] | None = None) -> bytes:
    """A record batch of the columns, its texts in another encoding."""
    columns = [by(one) if pa.types.is_string(one.type) else one for one in WIDE.columns]
    batch, sink = pa.RecordBatch.from_arrays(columns, names=WIDE.schema.names), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_batch(batch)
    return list(pa.ipc.MessageReader.open_stream(sink.getvalue()))[-1].serialize().to_pybytes()


def as_it_is(column: Any) -> Any:
    return column


def inflated(payload: bytes) -> bytes:
    """The same, with each buffer said to be of a terabyte when it is taken apart."""
    frame = b"\x28\xb5\x2f\xfd"
    head, *rest = payload.split(frame)
    assert rest
    return frame.join(
        [head[:-8] + struct.pack("<q", 1 << 40), *(one[:-8] + struct.pack("<q", 1 << 40) for one in rest)]
    )


def by_runs(column: Any) -> Any:
    return pc.call_function("run_end_encode", [column])


BOMBS = {
    "dictionaries": encoded(lambda column: column.dictionary_encode()),
    "runs": encoded(by_runs),
    "views": encoded(lambda column: column.cast(pa.string_view())),
    "lists": encoded(lambda column: pa.array([[text] for text in column.to_pylist()])),
    "compressed": encoded(as_it_is, "zstd"),
    "compressed, of terabytes": inflated(encoded(as_it_is, "zstd")),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_would_inflate_is_no_record_batch_of_the_columns(site: Site, send: Send, name: str) -> None:
    payload, memory = BOMBS[name], Memory(site)
    with pytest.raises(gw.InvalidRequest, match="uncompressed"):
        send([header(), part(payload), trailer(4000, payload)])
    assert memory.grown < 24 << 20


def test_a_batch_that_says_it_has_more_rows_is_not_read() -> None:
    schema = pa.schema([("n", pa.int64())])
    payload = pa.RecordBatch.from_arrays([pa.array(range(1234))], schema=schema).serialize().to_pybytes()
    assert read_part(payload, schema, 1234).num_rows == 1234
    with pytest.raises(TooManyRows):
        read_part(payload, schema, 1233)
    with pytest.raises(TooManyRows):
        read_part(payload.replace(struct.pack("<q", 1234), struct.pack("<q", 1 << 60)), schema, 1234)


def test_columns_do_not_share_their_bytes() -> None:
    """Each would be a copy of its own as soon as parts are put together: a column more costs a sender nothing."""
    schema = pa.schema([(f"n{number}", pa.int64()) for number in range(8)])
    column = pa.array(range(1000))
    payload = pa.RecordBatch.from_arrays([column] * 8, schema=schema).serialize().to_pybytes()
    end = 8 + struct.unpack_from("<i", payload, 4)[0]
    metadata = payload[:end].replace(struct.pack("<q", 8 * 8000), struct.pack("<q", 8000))
    apart, together = (
        b"".join(struct.pack("<qqqq", at, 0, at, 8000) for at in places)
        for places in (range(0, 64_000, 8000), (0,) * 8)
    )
    assert apart in metadata
    metadata = metadata.replace(apart, together)
    shared = metadata + payload[end : end + 8000]
    taken = pa.ipc.read_record_batch(pa.py_buffer(shared), schema)
    taken.validate(full=True)
    assert taken.nbytes == 64_000, "Arrow itself takes it"
    with pytest.raises(ValueError, match="no record batch of this schema"):
        read_part(shared, schema, 1000)


def test_a_compressed_batch_is_refused_even_where_it_is_no_smaller() -> None:
    schema = pa.schema([("n", pa.int64())])
    batch = pa.RecordBatch.from_arrays([pa.array(random.Random(1).sample(range(1 << 62), 1000))], schema=schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    payload = list(pa.ipc.MessageReader.open_stream(sink.getvalue()))[1].serialize().to_pybytes()
    assert pa.ipc.read_record_batch(pa.py_buffer(payload), schema).nbytes <= len(payload)
    with pytest.raises(ValueError, match="no record batch of this schema"):
        read_part(payload, schema, 1000)


def test_a_hundred_bytes_wrong_are_an_error_or_rows_that_fit_their_buffers() -> None:
    rng = random.Random(7)
    refused = 0
    for _ in range(2000):
        broken = bytearray(GOOD)
        for _ in range(rng.randint(1, 4)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            batch = read_part(bytes(broken), BATCH.schema, 1000)
        except ValueError:
            refused += 1
            continue
        batch.validate(full=True)
        assert batch.num_rows <= len(GOOD)
    assert refused > 100
