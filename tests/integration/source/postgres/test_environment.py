"""What stands in the environment, or in a home folder, changes neither where nor how a database is called."""

import os
import queue
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.postgres.connections import Server, open_session, open_stream
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.errors import Fault
from gateway.model.plan import RowPlan, RowScope
from tests.integration.source.postgres.tables import Tables

SECRET = "a-secret-of-somebody-else"
VARIABLES = {
    "PGAPPNAME": "another",
    "PGCHANNELBINDING": "require",
    "PGCLIENTENCODING": "LATIN1",
    "PGDATABASE": "another",
    "PGDATESTYLE": "German",
    "PGGEQO": "off",
    "PGHOST": "127.0.0.1",
    "PGHOSTADDR": "127.0.0.1",
    "PGMINPROTOCOLVERSION": "3.2",
    "PGOPTIONS": "-c enable_seqscan=off",
    "PGPASSFILE": "passwords",
    "PGPASSWORD": SECRET,
    "PGPORT": "1",
    "PGREQUIREAUTH": "gss",
    "PGREQUIREPEER": "nobody",
    "PGSERVICE": "elsewhere",
    "PGTARGETSESSIONATTRS": "standby",
    "PGTZ": "Asia/Shanghai",
    "PGUSER": "another",
}
"""Each makes another connection of what the settings say, or none; PGSERVICEFILE and HOME are set beside all."""


class Listener:
    """A server that hears what is said at the beginning of each connection, asks for a password, and hangs up."""

    def __init__(self, folder: Path) -> None:
        self._heard = queue.SimpleQueue[bytes]()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / ".s.PGSQL.5432"))
        self._listening.listen()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            with caller, suppress(OSError):
                caller.settimeout(10)
                begun = caller.recv(65_536)
                caller.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
                self._heard.put(begun + caller.recv(65_536))

    def heard(self) -> bytes:
        """All that the next caller said."""
        return self._heard.get(timeout=10)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listening.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path is short
    yield made
    shutil.rmtree(made)


@pytest.fixture
def listener(folder: Path) -> Iterator[Listener]:
    made = Listener(folder)
    yield made
    made.close()


@pytest.fixture
def spoil(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets one of the variables, beside files that would give away a password or another address."""
    home = folder / "home"
    (home / ".postgresql").mkdir(parents=True)
    for name in ("postgresql.crt", "postgresql.key", "root.crl"):
        (home / ".postgresql" / name).write_text("nothing of the kind")
    for passwords in (home / ".pgpass", folder / "passwords"):
        passwords.write_text(f"*:*:*:*:{SECRET}\n")
        passwords.chmod(0o600)
    (folder / "services").write_text("[elsewhere]\nhostaddr=127.0.0.1\nrequirepeer=nobody\n")

    def set_(name: str) -> None:
        value = VARIABLES[name]
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("PGSERVICEFILE", str(folder / "services"))
        monkeypatch.setenv(name, str(folder / value) if name == "PGPASSFILE" else value)

    return set_


@pytest.mark.parametrize("open_", [open_session, open_stream], ids=["psycopg", "adbc"])
@pytest.mark.parametrize("name", VARIABLES)
def test_a_server_hears_the_same_whatever_stands_in_the_environment(
    folder: Path, listener: Listener, spoil: Callable[[str], None], open_: Callable[[Server], Any], name: str
) -> None:
    server = Server(str(folder), 5432, "city", "gateway")
    PostgresSource({"registers": server}).close()
    with pytest.raises(Fault):
        open_(server)
    clean = listener.heard()
    spoil(name)
    PostgresSource({"registers": server}).close()
    assert not [one for one in os.environ if one.startswith("PG")]
    with pytest.raises(Fault):
        open_(server)
    # it says who calls and how, and then hangs up, because it has no password to give
    assert listener.heard() == clean and b"gateway" in clean and clean.endswith(b"\x00\x00")


def test_rows_are_read_as_ever_and_the_log_says_what_is_not_used(
    server: Server,
    tables: Tables,
    make_table_contract: Callable[..., DataContract],
    spoil: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tables.make("undisturbed", [{"subject": "a", "day": "2026-02-01"}], subject="text", day="date")
    contract = make_table_contract("undisturbed", ("subject", "day"))
    for name in VARIABLES:
        spoil(name)
    source = PostgresSource({"registers": replace(server)})
    try:
        plan = RowPlan(contract, ("subject", "day"), RowScope(None, None, ()), None)
        for few in (False, True):
            (batch,) = source.rows(replace(plan, few=few), 10)
            assert [str(one["day"]) for one in batch.to_pylist()] == ["2026-02-01"]
    finally:
        source.close()
    (said,) = [one.getMessage() for one in caplog.records]
    assert said == f"not used, and taken out of the environment: {', '.join(sorted([*VARIABLES, 'PGSERVICEFILE']))}"
