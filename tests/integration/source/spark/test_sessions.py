"""Sessions with Spark: opened once, stopped with the call, closed with the gateway, silent about what went wrong."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import grpc
import pytest

from gateway.adapters.spark.channels import Endpoint
from gateway.adapters.spark.server import LocalServer, LocalSpark
from gateway.adapters.spark.sessions import RemoteSpark, Session, Sessions, open_session
from gateway.model.errors import ErrorReason, Fault, Interrupted
from gateway.ports.interruption import Interruption

# a JVM starts, and a question takes it tenths of a second: seconds where cores are busy
pytestmark = pytest.mark.timeout(600)

ENDLESS = "SELECT max(a.id ^ b.id) AS total FROM range(1000000) AS a, range(1000000) AS b"


def test_a_session_is_opened_once_whoever_asks_at_a_time(sessions: Sessions, session: Session) -> None:
    found: list[Session] = []
    threads = [threading.Thread(target=lambda: found.append(sessions.of("lake"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is session for one in found) and len(found) == 4


def test_rows_come_as_arrow_in_more_than_one_piece(session: Session) -> None:
    batches = list(session.stream(session.spark.range(0, 1_000_000)))
    assert sum(batch.num_rows for batch in batches) == 1_000_000
    assert len(batches) > 1


def test_an_answer_without_rows_has_its_columns(session: Session) -> None:
    found = session.arrow(session.spark.sql("SELECT 1 AS `a`, 'x' AS `b` WHERE FALSE"))
    assert found.num_rows == 0 and found.column_names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT secret FROM nowhere", ErrorReason.SOURCE_SCHEMA_CHANGED),
        ("SELECT CAST('secret' AS BIGINT) AS a", ErrorReason.SOURCE_UNAVAILABLE),
        ("SELECT 9223372036854775807 + id AS a FROM range(3)", ErrorReason.SOURCE_UNAVAILABLE),
        ("SELEKT secret", ErrorReason.SOURCE_SCHEMA_CHANGED),
    ],
)
def test_no_error_of_spark_gets_out(
    session: Session, text: str, reason: ErrorReason, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Fault) as told, session.working():
        list(session.stream(session.spark.sql(text)))
    assert told.value.reason is reason
    assert "secret" not in str(told.value) and told.value.__suppress_context__
    assert "secret" not in "".join(capfd.readouterr())


def test_a_stream_that_nobody_waits_for_is_stopped(session: Session) -> None:
    call = Interruption()
    stop = threading.Timer(0.5, call.interrupt)
    stop.start()
    with call.governing(), pytest.raises(Interrupted):
        list(session.stream(session.spark.sql(ENDLESS)))
    assert _idle(session)


def test_any_other_action_is_stopped_as_well(session: Session) -> None:
    call = Interruption()
    stop = threading.Timer(0.5, call.interrupt)
    stop.start()
    with call.governing(), pytest.raises(Interrupted), session.working():
        session.spark.sql(ENDLESS).collect()
    assert _idle(session)


def test_a_question_has_an_end(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(Fault) as told:
        patched.setattr(session, "_seconds", 0.5)
        list(session.stream(session.spark.sql(ENDLESS)))
    assert told.value.reason is ErrorReason.SOURCE_UNAVAILABLE and not isinstance(told.value, Interrupted)
    assert _idle(session)


def test_closing_a_stream_early_stops_spark(session: Session) -> None:
    stream = session.stream(session.spark.range(0, 40_000_000, 1, 64))
    assert next(stream).num_rows > 0
    stream.close()
    assert _idle(session)


def _idle(session: Session) -> bool:
    """Whether both of its cores are free again, which this waits for."""
    return session.arrow(session.spark.range(0, 1000, 1, 4)).num_rows == 1000


def test_who_does_not_know_the_token_is_refused(session: Session) -> None:
    server = session._server
    assert server is not None
    told = server.endpoint
    for token in (None, "another"):
        with pytest.raises(Fault):
            Session(Endpoint(told.host, told.port, token, None, 5.0, 5.0))


def test_a_server_over_a_network_is_called_over_tls() -> None:
    with pytest.raises(ValueError, match="over TLS"):
        Endpoint("spark.example", 15002, None, None, 1.0, 1.0).channel()


def test_a_server_that_is_not_there_is_a_fault() -> None:
    with socket.socket() as held, pytest.raises(Fault):
        held.bind(("127.0.0.1", 0))  # and nobody listens
        open_session(RemoteSpark("127.0.0.1", held.getsockname()[1], call_seconds=2.0))


def test_a_server_that_never_answers_is_a_fault() -> None:
    from concurrent.futures import ThreadPoolExecutor

    over = threading.Event()

    def wait(_: object, __: object) -> bytes:
        over.wait(20)
        return b""

    handler = grpc.unary_unary_rpc_method_handler(wait)
    silent = grpc.method_handlers_generic_handler("spark.connect.SparkConnectService", {"Config": handler})
    server = grpc.server(ThreadPoolExecutor(4), handlers=[silent])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with pytest.raises(Fault):
            open_session(RemoteSpark("127.0.0.1", port, call_seconds=0.5))
    finally:
        over.set()
        server.stop(0)


def test_without_java_there_is_a_fault_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "none"))
    folder = tmp_path / "spark"
    folder.mkdir()
    with pytest.raises(Fault) as told:
        LocalServer(LocalSpark(folder=folder))
    assert told.value.reason is ErrorReason.SOURCE_UNAVAILABLE
    assert not list(folder.iterdir())


def test_a_session_whose_server_is_gone_is_opened_anew() -> None:
    told = LocalSpark(cores=1, memory_mib=512)
    sessions = Sessions({"short": told})
    try:
        first = sessions.of("short")
        assert first._server is not None and first._server._process is not None
        os.killpg(first._server._process.pid, signal.SIGKILL)
        with pytest.raises(Fault) as fault:
            first.arrow(first.spark.range(1))
        assert fault.value.reason is ErrorReason.SOURCE_UNAVAILABLE
        second = sessions.of("short")
        assert second is not first and second.arrow(second.spark.range(3)).num_rows == 3
    finally:
        sessions.close()


def test_a_name_that_nothing_is_told_of_is_a_fault(sessions: Sessions) -> None:
    with pytest.raises(Fault):
        sessions.of("another")


def test_spark_ends_with_the_gateway_even_if_that_is_killed() -> None:
    code = (
        "import os, signal; from gateway.adapters.spark.server import LocalServer, LocalSpark; "
        "server = LocalServer(LocalSpark(cores=1, memory_mib=512)); "
        "print(server._process.pid, server.endpoint.port, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False).stdout
    shell = int(told.split()[0])
    until = threading.Event()
    for _ in range(300):
        if not _alive(shell):
            break
        until.wait(0.1)
    assert not _alive(shell)


def _alive(process: int) -> bool:
    """Whether a process is at work; one that nobody has taken note of yet is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_library_writes_no_query_to_the_log() -> None:
    assert logging.getLogger("SQLQueryContextLogger").disabled
    assert logging.getLogger("DataFrameQueryContextLogger").disabled
