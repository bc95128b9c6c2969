"""The stream with no protection at all, that an extract is compared with: DuckDB, Arrow IPC, gRPC, mTLS.

`python -m bench.unprotected --site FOLDER --file FILE` serves until it is ended. It reads the same columns of the same
file with the same engine, sends the same messages to the same client, and asks nobody for leave: no policy, no
treatment, no record. A call's body is the number of rows of a batch, as text.
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
from gateway.server.frames import arrow_frame

METHOD = "/bench.Unprotected/Stream"
READY = "serving on port "


def messages(connection: duckdb.DuckDBPyConnection, file: Path, batch_rows: int) -> Iterator[bytes]:
    """Yield the messages of an extract, numbered and with a trailer, of everybody in the file."""
    query = f"SELECT {', '.join(COLUMNS)} FROM read_parquet($file)"
    with connection.cursor() as cursor:
        reader: pa.RecordBatchReader = cursor.sql(query, params={"file": str(file)}).to_arrow_reader(batch_rows)
        header = pb.ExtractHeader(arrow_schema=reader.schema.serialize().to_pybytes())
        yield pb.ExtractResponse(header=header).SerializeToString()
        rows = batches = 0
        for batch in reader:
            yield arrow_frame(batches, batch)
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
        source = messages(connection, file, int(request))
        ahead = loop.run_in_executor(threads, next, source, None)
        while (message := await ahead) is not None:
            ahead = loop.run_in_executor(threads, next, source, None)
            yield message

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(stream),))
    credentials = grpc.ssl_server_credentials(
        [((site / "server.key").read_bytes(), (site / "server.pem").read_bytes())],
        root_certificates=(site / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(f"{READY}{port}", flush=True)
    await server.wait_for_termination()


def _handler(stream: Any) -> grpc.GenericRpcHandler[Any, Any]:
    service, name = METHOD.strip("/").split("/")
    return grpc.method_handlers_generic_handler(service, {name: grpc.unary_stream_rpc_method_handler(stream)})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.site, chosen.file))
