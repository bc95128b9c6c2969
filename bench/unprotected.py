"""The stream with no protection at all, that an extract is compared with: DuckDB, Arrow IPC, gRPC, mTLS.

`python -m bench.unprotected --site FOLDER --file FILE` serves until it is ended. It reads the same columns of the same
file with the same engine, sends the same messages to the same client, and asks nobody for leave: no policy, no
treatment, no record. A call's body is the number of rows of a batch, and the codec if they are compressed, as text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.register import COLUMNS
from bench.rival import Reading, Stream, run
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.server.frames import Codec, arrow_frame

METHOD = "/bench.Unprotected/Stream"

_CODECS: dict[str, Codec] = {"lz4": "lz4", "zstd": "zstd"}


def messages(
    connection: duckdb.DuckDBPyConnection, file: Path, batch_rows: int, codec: Codec | None
) -> Iterator[bytes]:
    """Yield the messages of an extract, numbered and with a trailer, of everybody in the file."""
    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet($file)"
    with connection.cursor() as cursor:
        reader: pa.RecordBatchReader = cursor.sql(query, params={"file": str(file)}).to_arrow_reader(batch_rows)
        header = pb.ExtractHeader(arrow_schema=reader.schema.serialize().to_pybytes())
        yield pb.ExtractResponse(header=header).SerializeToString()
        rows = batches = 0
        for batch in reader:
            yield arrow_frame(batches, batch, codec=codec)
            rows += batch.num_rows
            batches += 1
    yield pb.ExtractResponse(trailer=pb.ExtractTrailer(rows=rows, batches=batches)).SerializeToString()


def stream_of(reading: Reading) -> Stream:
    """The handler of the method."""

    async def stream(request: bytes, _: object) -> AsyncIterator[bytes]:
        # one message is made while the one before it is sent
        loop = asyncio.get_running_loop()
        batch_rows, *codec = request.decode().split()
        source = messages(reading.connection, reading.file, int(batch_rows), _CODECS[codec[0]] if codec else None)
        ahead = loop.run_in_executor(reading.threads, next, source, None)
        while (message := await ahead) is not None:
            ahead = loop.run_in_executor(reading.threads, next, source, None)
            yield message

    return stream


if __name__ == "__main__":
    run(METHOD, stream_of)
