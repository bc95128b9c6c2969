"""The listener over real TLS: who it lets in, how long it waits, and that it ends in order."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry

from gateway.adapters.dev_ca import AUDIENCE, ISSUER, DevelopmentAuthority, write_private
from gateway.adapters.identity.bound import BoundIdentities
from gateway.adapters.identity.certificates import CertificateInstitutions
from gateway.adapters.identity.tokens import PersonTokens, read_verifying_key
from gateway.authzen import listener
from gateway.authzen.app import CONFIGURATION, EVALUATION, Limits
from gateway.authzen.connection import Connection
from gateway.authzen.listener import ListenerConfig, listening
from gateway.model.record import AuditRecord, LogEntry
from gateway.pipeline import Ports
from gateway.server.observation import Observer
from tests.integration.authzen.https import Said, client_tls, post, trusting
from tests.integration.site import utc_now
from tests.unit.authzen.asgi import Log, deciding, metro

INSTITUTIONS = ("verifier-metro", "police")


@dataclass
class Listening:
    """A listener with the real identities, and its files."""

    folder: Path
    config: ListenerConfig
    ports: Ports
    authority: DevelopmentAuthority
    log: Log
    lines: StringIO
    port: int = 0

    def token(self, institution: str, life: timedelta = timedelta(hours=1)) -> str:
        return self.authority.token(institution, "li.wei", utc_now(), life)

    def ask(
        self, certificate: str, token: str | None, body: object = None, path: str = EVALUATION, **more: Any
    ) -> Said:
        return post(self.port, client_tls(self.folder, certificate), path, body or metro(), token=token, **more)

    def raw(self, receive: int | None = None) -> ssl.SSLSocket:
        """A connection of the metro, for bytes; `receive` bounds what the kernel keeps unread."""
        plain = socket.socket()
        plain.settimeout(20)
        if receive is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        plain.connect(("127.0.0.1", self.port))
        return client_tls(self.folder, "verifier-metro").wrap_socket(plain, server_hostname="localhost")


def put(folder: Path, name: str, authority: DevelopmentAuthority) -> None:
    """Write an institution's credentials."""
    credentials = authority.client(name, utc_now())
    (folder / f"{name}.pem").write_bytes(credentials.certificate_pem)
    write_private(folder / f"{name}.key", credentials.private_key_pem)


@pytest.fixture
def made(tmp_path: Path) -> Listening:
    """A listener that does not listen yet."""
    authority = DevelopmentAuthority(utc_now())
    (tmp_path / "ca.pem").write_bytes(authority.ca_pem)
    server = authority.server(utc_now())
    (tmp_path / "server.pem").write_bytes(server.certificate_pem)
    write_private(tmp_path / "server.key", server.private_key_pem)
    for name in (*INSTITUTIONS, "unknown-office"):
        put(tmp_path, name, authority)
    tokens = PersonTokens(ISSUER, AUDIENCE, [read_verifying_key(authority.issuer_pem)])
    log, lines = Log(), StringIO()
    ports = deciding(BoundIdentities(CertificateInstitutions(frozenset(INSTITUTIONS)), tokens), log)
    config = ListenerConfig(
        address="127.0.0.1:0",
        url="https://localhost:8444",
        certificate=tmp_path / "server.pem",
        private_key=tmp_path / "server.key",
        client_ca=tmp_path / "ca.pem",
        limits=Limits(request_seconds=0.5),
        grace=5,
    )
    return Listening(tmp_path, config, ports, authority, log, lines)


def serve(made: Listening) -> Any:
    ports = made.ports
    observer = Observer(CollectorRegistry(), made.lines)
    return listening(
        made.config, ports, lambda peer: ports.identities.identify(peer, ports.clock.now()).institution, observer
    )


@pytest.fixture
def line(made: Listening) -> Iterator[Listening]:
    with serve(made) as port:
        yield replace(made, port=port)


def test_the_certificate_and_the_token_decide_who_asks(line: Listening) -> None:
    answer = line.ask("verifier-metro", line.token("verifier-metro"), X_Request_ID="abc")
    assert (answer.status, answer.json["decision"], answer.headers["x-request-id"]) == (200, True, "abc")
    assert line.log.records[0].institution == "verifier-metro"
    assert "server" not in answer.headers


def test_a_certificate_is_enough_for_the_metadata(line: Listening) -> None:
    answer = line.ask("police", None, path=CONFIGURATION, method="GET")
    assert (answer.status, answer.json["policy_decision_point"]) == (200, "https://localhost:8444")


def test_who_is_not_known_is_refused(line: Listening) -> None:
    mine = line.token("verifier-metro")
    expired = line.authority.token("verifier-metro", "li.wei", utc_now() - timedelta(hours=2), timedelta(hours=1))
    strange = DevelopmentAuthority(utc_now()).token("verifier-metro", "li.wei", utc_now(), timedelta(hours=1))
    cases: list[tuple[str, str | None]] = [
        ("verifier-metro", None),
        ("verifier-metro", "x.y.z"),
        ("verifier-metro", expired),
        ("verifier-metro", strange),
        ("verifier-metro", line.token("police")),
        ("police", mine),
        ("unknown-office", line.token("unknown-office")),
    ]
    for certificate, token in cases:
        answer = line.ask(certificate, token)
        assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Bearer realm="purpose-gateway"')
    assert line.log.records == []
    assert line.ask("police", line.token("police")).status == 403


def _handshake(port: int, tls: ssl.SSLContext) -> None:
    """Shake hands and ask; TLS 1.3 tells of a refused certificate with the first answer."""
    with (
        socket.create_connection(("localhost", port), 20) as plain,
        tls.wrap_socket(plain, server_hostname="localhost") as secure,
    ):
        secure.sendall(b"GET /.well-known/authzen-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if not secure.recv(1):
            raise ConnectionResetError


def test_no_handshake_without_a_certificate_of_the_authority(line: Listening, tmp_path: Path) -> None:
    ca = line.folder / "ca.pem"
    _handshake(line.port, client_tls(line.folder, "verifier-metro"))
    other = tmp_path / "other"
    other.mkdir()
    put(other, "verifier-metro", DevelopmentAuthority(utc_now()))
    foreign = trusting(ca)
    foreign.load_cert_chain(other / "verifier-metro.pem", other / "verifier-metro.key")
    late = client_tls(line.folder, "verifier-metro")
    late.minimum_version = late.maximum_version = ssl.TLSVersion.TLSv1_2
    _handshake(line.port, late)
    for refused in (trusting(ca), foreign, _old(late)):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _handshake(line.port, refused)


def _old(tls: ssl.SSLContext) -> ssl.SSLContext:
    """TLS 1.1, with everything on that a client could turn on for it."""
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_1
    return tls


def test_no_plain_connection(line: Listening) -> None:
    with socket.create_connection(("localhost", line.port), 20) as plain:
        plain.sendall(b"GET /.well-known/authzen-configuration HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"HTTP/1.1 200" not in plain.recv(4096)


def _ends(secure: ssl.SSLSocket, within: float) -> bytes:
    """Read until the other side ends the connection; that must be in time."""
    began, received = time.monotonic(), b""
    secure.settimeout(within)
    try:
        while part := secure.recv(65536):
            received += part
    except (ConnectionError, ssl.SSLError):
        pass
    assert time.monotonic() - began < within
    return received


def test_a_connection_that_says_nothing_is_ended(line: Listening) -> None:
    with line.raw() as silent:
        assert _ends(silent, 5) == b""


def test_a_head_that_drips_is_ended(line: Listening) -> None:
    with line.raw() as secure:
        secure.sendall(b"POST /access/v1/evaluation HTTP/1.1\r\n")

        def drip() -> None:
            for number in range(200):
                try:
                    secure.sendall(b"X-%d: y\r\n" % number)
                except OSError:
                    return
                time.sleep(0.05)

        dripping = threading.Thread(target=drip)
        dripping.start()
        _ends(secure, 5)
        dripping.join()


def _head(token: str, length: int) -> bytes:
    return (
        f"POST {EVALUATION} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def test_a_body_that_does_not_come_is_not_waited_for(line: Listening) -> None:
    with line.raw() as secure:
        secure.sendall(_head(line.token("verifier-metro"), 100) + b"{")
        assert secure.recv(65536).startswith(b"HTTP/1.1 408 ")
        # what comes too late is no second chance
        secure.sendall(b" ")
        assert b"200" not in _ends(secure, 5)


def _many(line: Listening, count: int) -> bytes:
    """Requests one behind the other, small ones with large answers."""
    body = b'{"evaluations":[' + b",".join([b"0"] * 100) + b"]}"
    return (_head(line.token("verifier-metro"), len(body)).replace(b"evaluation ", b"evaluations ") + body) * count


def test_answers_that_nobody_reads_end_the_connection(made: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(address: str) -> socket.socket:
        bound = bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # the kernel would keep megabytes otherwise
        return bound

    bind = listener._bind
    monkeypatch.setattr(listener, "_bind", small)
    made.config = replace(made.config, limits=Limits(request_seconds=1.5))
    with serve(made) as port:
        made.port = port
        requests = _many(made, 70)
        assert len(requests) < Connection.most_ahead
        with made.raw(receive=4096) as secure:
            secure.sendall(requests)
            time.sleep(4)
            with pytest.raises((ConnectionError, ssl.SSLError)):
                for _ in range(100):
                    secure.sendall(b" ")
                    time.sleep(0.01)


def test_requests_that_run_ahead_end_the_connection(line: Listening) -> None:
    requests = _many(line, 1000)
    with line.raw() as secure, pytest.raises((ConnectionError, ssl.SSLError)):
        for _ in range(100):
            secure.sendall(requests)
    assert line.ask("verifier-metro", line.token("verifier-metro")).status == 200


def test_some_requests_may_be_sent_at_once(line: Listening) -> None:
    with line.raw() as secure:
        secure.sendall(_many(line, 10))
        received = b""
        while received.count(b"HTTP/1.1 200 OK") < 10:
            received += secure.recv(65536)


def test_what_is_under_way_is_on_record_before_the_end(made: Listening) -> None:
    begun, go = threading.Event(), threading.Event()

    class Slow(Log):
        def append(self, record: AuditRecord, manifest: Sequence[bytes] = ()) -> LogEntry:
            begun.set()
            assert go.wait(20)
            return super().append(record, manifest)

    slow = Slow()
    made.ports = replace(made.ports, audit=cast(Any, slow))
    answers: list[Said] = []
    with serve(made) as port:
        made.port = port
        asking = threading.Thread(
            target=lambda: answers.append(made.ask("verifier-metro", made.token("verifier-metro")))
        )
        asking.start()
        assert begun.wait(20)
        threading.Timer(0.3, go.set).start()
    assert len(slow.records) == 1
    asking.join(20)
    assert answers[0].json["decision"] is True
    with pytest.raises(OSError):
        made.ask("verifier-metro", made.token("verifier-metro"))


def _encrypted(folder: Path) -> Path:
    file = folder / "encrypted.key"
    file.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
    return file


UNUSABLE: dict[str, Callable[[Listening], ListenerConfig]] = {
    "a key with a password": lambda made: replace(made.config, private_key=_encrypted(made.folder)),
    "another's key": lambda made: replace(made.config, private_key=made.folder / "police.key"),
    "no authorities": lambda made: replace(made.config, client_ca=made.folder / "server.key"),
    "no certificate": lambda made: replace(made.config, certificate=made.folder / "nothing.pem"),
}


@pytest.mark.parametrize("spoil", UNUSABLE.values(), ids=UNUSABLE)
def test_files_that_cannot_be_used_are_no_way_to_start(
    made: Listening, spoil: Callable[[Listening], ListenerConfig]
) -> None:
    made.config = spoil(made)
    with pytest.raises(RuntimeError, match="cannot be used for TLS"), serve(made):
        pass


def test_an_address_in_use_is_no_way_to_start(made: Listening) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        made.config = replace(made.config, address=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(RuntimeError, match="cannot be bound"), serve(made):
            pass
