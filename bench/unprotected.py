"""The stream with no protection at all, that an extract is compared with: DuckDB, Arrow IPC, gRPC, mTLS.

`python -m bench.unprotected --site FOLDER --file FILE` serves until it is ended. It reads the same columns of the same
file with the same engine, sends the same messages to the same client, and asks nobody for leave: no policy, no
treatment, no record. A call's body is the number of rows of a batch, and the codec if they are compressed, as text.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import grpc.aio
import pyarrow as pa

from bench.register import COLUMNS
from gateway.api.v1 import sharing_service_pb2 as pb
from gateway.server.frames import Codec, arrow_frame

METHOD = "/bench.Unprotected/Stream"
READY = "serving on port "

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


async def serve(site: Path, file: Path) -> None:
    """Serve with the certificates of a site until the task is cancelled."""
    connection = duckdb.connect(":memory:", config={"memory_limit": "1GB", "threads": 2})
    threads = ThreadPoolExecutor(2)

    async def stream(request: bytes, _: object) -> AsyncIterator[bytes]:
        # one message is made while the one before it is sent
        loop = asyncio.get_running_loop()
        batch_rows, *codec = request.decode().split()
        source = messages(connection, file, int(batch_rows), _CODECS[codec[0]] if codec else None)
        ahead = loop.run_in_executor(threads, next, source, None)
        while (message := await ahead) is not None:
            ahead = loop.run_in_executor(threads, next, source, None)
            yield message

    server, port = await listen(site, METHOD, stream)
    print(f"{READY}{port}", flush=True)
    await server.wait_for_termination()


async def listen(site: Path, method: str, stream: Any) -> tuple[grpc.aio.Server, int]:
    """Serve one streaming method with the certificates of a site; return the server, started, and its port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(method, stream),))
    credentials = grpc.ssl_server_credentials(
        [((site / "server.key").read_bytes(), (site / "server.pem").read_bytes())],
        root_certificates=(site / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    return server, port


def _handler(method: str, stream: Any) -> grpc.GenericRpcHandler[Any, Any]:
    service, name = method.strip("/").split("/")
    return grpc.method_handlers_generic_handler(service, {name: grpc.unary_stream_rpc_method_handler(stream)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.site, chosen.file))
