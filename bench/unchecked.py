"""The bare way in: the same messages over the same kind of channel, written by the same engine, and nothing checked.

`python -m bench.unchecked SITE PORT FOLDER` serves `IngestService.Push`: it joins the parts of a batch, writes them as
one Parquet file, durably, and answers how many rows there were. No caller, purpose, digest, value or duplicate is
looked at, nothing is recorded, and the same batch again is kept again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.parquet as pq

from gateway.api.v1 import ingest_service_pb2 as pb
from gateway.api.v1 import ingest_service_pb2_grpc
from gateway.kernels.arrow_types import ARROW_TYPES
from gateway.model.values import FieldType
from gateway.server.wire.values import FIELD_TYPES

_KINDS: dict[Any, FieldType] = {number: kind for kind, number in FIELD_TYPES.items()}


class Unchecked(ingest_service_pb2_grpc.IngestServiceServicer):
    """Takes whatever comes into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = 0

    def Push(self, request_iterator: Iterator[pb.PushRequest], context: object) -> pb.PushResponse:
        """Write a batch."""
        columns = next(request_iterator).header.columns
        schema = pa.schema([(one.name, ARROW_TYPES[_KINDS[one.type]]) for one in columns])
        parts = [
            pa.ipc.read_record_batch(pa.py_buffer(message.rows.payload), schema)
            for message in request_iterator
            if message.HasField("rows")
        ]
        table = pa.Table.from_batches(parts, schema).combine_chunks()
        self._files += 1
        with (self._folder / f"{self._files}.parquet").open("xb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        return pb.PushResponse(accepted=table.num_rows)


def main() -> None:
    """Serve until killed."""
    site, port, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    adding: Any = ingest_service_pb2_grpc.add_IngestServiceServicer_to_server
    adding(Unchecked(folder), server)
    ca, key, certificate = ((site / name).read_bytes() for name in ("ca.pem", "server.key", "server.pem"))
    server.add_secure_port(
        f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, certificate)], ca, require_client_auth=True)
    )
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
