"""`gateway demo` as a newcomer runs it: a process of its own, its output, its exit code, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from google.protobuf.json_format import ParseDict

from gateway.api.v1 import sharing_service_pb2
from seeds.generator import CANARIES, MARKS
from tests.integration.demo.conftest import Kept, Played, command, environment

SCENES = ("An extract", "A lookup", "A check", "Refusals", "Statistics", "A contest team", "A push", "A cockpit",
          "Receipts")  # fmt: skip
INSIDE = re.compile(r" +INSIDE │ ")


def test_every_scene_holds(played: Played) -> None:
    assert played.code == 0, played.errors
    for number, title in enumerate(SCENES, 1):
        assert re.search(rf"^{number}  {title}.* ─+$", played.output, re.MULTILINE), title
    figures = json.loads(played.output.splitlines()[-1])
    assert figures["scenes"] == len(SCENES)
    assert figures["proofs"] == played.output.count("│ ✓ ") >= 30
    assert 0 < figures["seconds_to_first_answer"] < figures["seconds"] < 100


def test_canaries_are_seen_inside_alone(played: Played) -> None:
    markers = {*MARKS, *(marker for canary in CANARIES for marker in canary.markers)}
    marked = [line for line in played.output.splitlines() if any(marker in line for marker in markers)]
    assert len(marked) >= 5, "the demo shows raw rows"
    assert [line for line in marked if not INSIDE.match(line)] == []
    log = (played.folder / "gateway.log").read_text()
    assert not any(marker in log for marker in markers)
    assert not any(marker in played.errors for marker in markers)


def test_lines_fit_a_terminal_of_100_columns(played: Played) -> None:
    play = played.output[: played.output.index("Keep it running")]
    assert [line for line in play.splitlines() if len(line) > 100] == []


def test_the_gateway_ends_with_the_demo(played: Played) -> None:
    found = re.search(r"gateway serve, process (\d+)", played.output)
    assert found is not None
    assert not _runs(int(found[1]))


def test_secrets_are_their_owners_alone_and_the_authority_stays_in_memory(played: Played) -> None:
    secret = [*played.folder.glob("**/key.pem"), *played.folder.glob("**/token"), played.folder / "secret"]
    assert len(secret) >= 10
    assert {path.stat().st_mode & 0o777 for path in [*secret, played.folder / "keys"]} == {0o600}
    assert sorted(path.name for path in (played.folder / "trust").iterdir()) == ["ca.pem", "token-issuer.pem"]


def test_an_interrupt_ends_the_gateway_too(tmp_path: Path) -> None:
    # a shell that runs the tests in the background has them, and so their children, ignore interrupts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    demo = subprocess.Popen(
        command(tmp_path / "city"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, encoding="utf-8"
    )
    signal.signal(signal.SIGINT, before)
    assert demo.stdout is not None
    for line in demo.stdout:
        found = re.search(r"gateway serve, process (\d+)", line)
        if found is not None:
            break
    else:
        raise AssertionError("the demo never served")
    assert _runs(int(found[1]))
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert not _runs(int(found[1]))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = subprocess.run(
        command(tmp_path),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "holds something that no demo made" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_the_demo_prints_to_copy_works(played: Played, kept: Kept) -> None:
    """The printed program runs, and the grpcurl lines name files that exist and bodies that are JSON."""
    program = played.output[played.output.index("import gateway.client as gw") :].split("\n\n9 scenes")[0]
    assert kept.address in program
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=kept.base,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "epidemic-tracing health_cases police-tracing" in done.stdout
    assert "visited_at" in done.stdout
    calls = played.output[played.output.index("Call it with grpcurl") : played.output.index("Call it from Python")]
    files = re.findall(r"-(?:cacert|cert|key) (\S+)", calls) + re.findall(r"\$\(cat ([^)]+)\)", calls)
    assert len(files) == 8
    assert [path for path in files if not (kept.base / path).is_file()] == []
    bodies = [json.loads(body) for body in re.findall(r"-d '([^']+)'", calls)]
    methods = re.findall(rf"{re.escape(kept.address)} gateway\.api\.v1\.SharingService/(\w+)", calls)
    assert methods == ["Describe", "Extract"]
    ParseDict(bodies[0], sharing_service_pb2.DescribeRequest())
    ParseDict(bodies[1], sharing_service_pb2.ExtractRequest())


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
