"""The generated API is that of the protos, and the check for it sees every way to be stale."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTO = """syntax = "proto3";
package gateway.api.v1;
import "buf/validate/validate.proto";
message Probe { string name = 1 [(buf.validate.field).string.min_len = 1]; }
message ProbeRequest { Probe probe = 1; }
message ProbeResponse {}
service ProbeService { rpc Probe(ProbeRequest) returns (ProbeResponse); }
"""


def run(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "proto/generate.py"), "--root", str(tree), *options],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "proto/buf", tree / "proto/buf")
    own = tree / "proto/gateway/api/v1"
    own.mkdir(parents=True)
    (own / "probe.proto").write_text(PROTO, encoding="utf-8")
    done = run(tree)
    assert done.returncode == 0, done.stderr
    return tree


@pytest.fixture
def tree(generated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(generated, tmp_path / "tree"))


def test_what_is_committed_is_what_the_protos_give() -> None:
    done = run(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_fresh_output_is_not_stale(tree: Path) -> None:
    assert run(tree, "--check").returncode == 0


def _edit_proto(tree: Path) -> str:
    file = tree / "proto/gateway/api/v1/probe.proto"
    file.write_text(PROTO.replace("string name = 1", "string label = 1"), encoding="utf-8")
    return "gateway/api/v1/probe_pb2.py"


def _edit_output(tree: Path) -> str:
    file = tree / "gateway/api/v1/probe_pb2_grpc.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    return "gateway/api/v1/probe_pb2_grpc.py"


def _leave_over(tree: Path) -> str:
    (tree / "gateway/api/v1/gone_pb2.py").touch()
    return "gateway/api/v1/gone_pb2.py"


def _lose(tree: Path) -> str:
    (tree / "gateway/api/v1/probe_pb2.pyi").unlink()
    return "gateway/api/v1/probe_pb2.pyi"


@pytest.mark.parametrize("spoil", [_edit_proto, _edit_output, _leave_over, _lose])
def test_staleness_is_named(tree: Path, spoil: Callable[[Path], str]) -> None:
    name = spoil(tree)
    done = run(tree, "--check")
    assert done.returncode == 1
    assert f"stale: {name}\n" in done.stderr


def test_a_proto_that_does_not_compile_leaves_the_output_alone(tree: Path) -> None:
    before = sorted((tree / "gateway").rglob("*"))
    (tree / "proto/gateway/api/v1/probe.proto").write_text("message {", encoding="utf-8")
    done = run(tree)
    assert done.returncode != 0 and "probe.proto" in done.stderr
    assert sorted((tree / "gateway").rglob("*")) == before


def test_no_module_takes_the_name_buf(generated: Path) -> None:
    assert not (generated / "buf").exists()
    module = (generated / "gateway/api/v1/probe_pb2.py").read_text(encoding="utf-8")
    assert "\nfrom gateway.api.buf.validate import validate_pb2 as" in module
    assert "\nfrom buf" not in module
    assert importlib.util.find_spec("gateway.api.buf.validate.validate_pb2") is not None
