"""What extracts are compared with: one streaming method over a file of rows, served with a site's certificates.

A rival is run as a command, `--site FOLDER --file FILE`, and serves until it is ended. It has as much of the engine and
as many threads as the others.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import grpc.aio

READY = "serving on port "
"""What it prints once it serves, before the port."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The file, an engine to read it with, and threads to read it in."""

    connection: duckdb.DuckDBPyConnection
    file: Path
    threads: ThreadPoolExecutor


Stream: TypeAlias = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], AsyncIterator[bytes]]


def run(method: str, stream_of: Callable[[Reading], Stream]) -> None:
    """Serve the method, over the file and with the site that the command line names, until the process is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--site", type=Path, required=True)
    parser.add_argument("--file", type=Path, required=True)
    chosen = parser.parse_args()
    connection = duckdb.connect(":memory:", config={"memory_limit": "1GB", "threads": 2})
    stream = stream_of(Reading(connection, chosen.file, ThreadPoolExecutor(2)))
    asyncio.run(_serve(chosen.site, method, stream))


async def _serve(site: Path, method: str, stream: Stream) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(method, stream),))
    credentials = grpc.ssl_server_credentials(
        [((site / "server.key").read_bytes(), (site / "server.pem").read_bytes())],
        root_certificates=(site / "ca.pem").read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(f"{READY}{port}", flush=True)
    await server.wait_for_termination()


def _handler(method: str, stream: Any) -> grpc.GenericRpcHandler[Any, Any]:
    service, name = method.strip("/").split("/")
    return grpc.method_handlers_generic_handler(service, {name: grpc.unary_stream_rpc_method_handler(stream)})
