"""Over a network the server proves its name, or nothing is asked of it."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from gateway.adapters.dev_ca import DevelopmentAuthority
from gateway.adapters.postgres.connections import Server
from gateway.adapters.postgres.source import PostgresSource
from gateway.model.contract import DataContract
from gateway.model.errors import ErrorReason, Fault
from gateway.model.plan import RowPlan, RowScope
from tests.integration.site import Site, utc_now
from tests.integration.source.postgres.tables import Tables


@contextmanager
def _fronted(server: Server, site: Site, *, encrypts: bool) -> Iterator[int]:
    """A port that speaks TLS, as a server does that is asked for it, and passes on what it hears to the socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.folder / "server.pem", site.folder / "server.key")
    open_ones: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=_serve, args=(caller, server, context, encrypts, open_ones)).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            for one in open_ones:
                one.close()


def _serve(
    caller: socket.socket, server: Server, context: ssl.SSLContext, encrypts: bool, open_ones: list[socket.socket]
) -> None:
    with suppress(OSError):
        caller.recv(8)  # "may we speak TLS?"
        if not encrypts:
            caller.sendall(b"N")
            caller.close()
            return
        caller.sendall(b"S")
        near = context.wrap_socket(caller, server_side=True)
        far = socket.socket(socket.AF_UNIX)
        far.connect(f"{server.host}/.s.PGSQL.{server.port}")
        open_ones += [near, far]
        threading.Thread(target=_pass_on, args=(near, far)).start()
        _pass_on(far, near)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for one in (source, target):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _rows(server: Server, contract: DataContract) -> int:
    table = contract.source.table
    assert table is not None
    moved = replace(table, host=server.host, port=server.port)
    there = replace(contract, source=replace(contract.source, table=moved), digest=f"{contract.digest} {server.port}")
    source = PostgresSource({"registers": server})
    try:
        source.verify(there)
        plan = RowPlan(there, ("subject",), RowScope(None, None, ()), None)
        return sum(batch.num_rows for batch in source.rows(plan, 10)) + sum(
            batch.num_rows for batch in source.rows(replace(plan, few=True), 10)
        )
    finally:
        source.close()


def test_a_name_that_is_proved_is_asked_and_no_other(
    server: Server,
    tables: Tables,
    make_table_contract: Callable[..., DataContract],
    new_site: Site,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables.make("over_tls", [{"subject": "a"}], subject="text")
    contract = make_table_contract("over_tls", ("subject",))
    ca = new_site.folder / "ca.pem"
    # what a library looks for in a home folder is not looked at: a root that is right, the rest broken
    home = tmp_path_factory.mktemp("home")
    (home / ".postgresql").mkdir()
    (home / ".postgresql" / "root.crt").write_bytes(ca.read_bytes())
    for name in ("postgresql.crt", "postgresql.key"):
        (home / ".postgresql" / name).write_text("nothing of the kind")
    monkeypatch.setenv("HOME", str(home))
    other = tmp_path_factory.mktemp("other") / "ca.pem"
    other.write_bytes(DevelopmentAuthority(utc_now()).ca_pem)
    with _fronted(server, new_site, encrypts=True) as port:
        told = replace(server, host="localhost", port=port, root_certificate=ca)
        assert _rows(told, contract) == 2
        for wrong in (replace(told, root_certificate=other), replace(told, root_certificate=None)):
            with pytest.raises(Fault) as caught:
                _rows(wrong, contract)
            assert caught.value.reason is ErrorReason.SOURCE_UNAVAILABLE
    with _fronted(server, new_site, encrypts=False) as port, pytest.raises(Fault) as caught:
        _rows(replace(server, host="localhost", port=port, root_certificate=ca), contract)
    assert caught.value.reason is ErrorReason.SOURCE_UNAVAILABLE


def test_no_other_encryption_comes_before_tls(server: Server) -> None:
    # by Kerberos no name would be verified
    assert "gssencmode=disable" in replace(server, host="registers.example").conninfo().split()
