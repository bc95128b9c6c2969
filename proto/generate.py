"""Generates the Python of every .proto under proto/ into gateway/api, or checks that it is what is committed.

    python proto/generate.py            write gateway/api
    python proto/generate.py --check    exit 1 and name the files that differ; writes nothing

Messages get a module and a typed stub; files with a service also get theirs. Our package `gateway.api.v1`
lands where its name says. protovalidate's `buf.validate` does not: a top-level package `buf` would collide
with other distributions, so its module goes to `gateway/api/buf/validate` and its import is rewritten. Its
name in the descriptor pool stays `buf/validate/validate.proto`, which is what libraries look for.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
OWN = Path("gateway", "api")
VENDORED = Path("buf")
IMPORT = ("from buf.validate import validate_pb2", "from gateway.api.buf.validate import validate_pb2")
MARKER = '"""Generated from proto/ by `make generate`; do not edit."""\n'


def generate(root: Path, out: Path) -> None:
    """Generates from `root`/proto into `out`/gateway/api, which must not exist yet."""
    proto = root / "proto"
    own = sorted(path.relative_to(proto) for path in (proto / OWN).rglob("*.proto"))
    if not own:
        raise SystemExit(f"no .proto file under proto/{OWN.as_posix()}")
    vendored = sorted(path.relative_to(proto) for path in (proto / VENDORED).rglob("*.proto"))

    with tempfile.TemporaryDirectory() as scratch:
        raw = Path(scratch, "raw")
        raw.mkdir()
        described = Path(scratch, "described.binpb")
        _protoc(
            proto,
            [*own, *vendored],
            f"--python_out={raw}",
            f"--mypy_out={raw}",
            f"--descriptor_set_out={described}",
        )
        services = [
            Path(file.name)
            for file in FileDescriptorSet.FromString(described.read_bytes()).file
            if file.service and Path(file.name) in own
        ]
        if services:
            _protoc(proto, services, f"--grpc_python_out={raw}", f"--mypy_grpc_out={raw}")
        shutil.copytree(raw / OWN, out / OWN)
        if vendored:
            shutil.copytree(raw / VENDORED, out / OWN / VENDORED)

    for path in sorted((out / OWN).rglob("*.py*")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(*IMPORT), encoding="utf-8", newline="\n")
    for folder in [out / OWN, *sorted(path for path in (out / OWN).rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(MARKER, encoding="utf-8")


def stale(root: Path) -> list[str]:
    """The generated files of `root` that are missing, different or left over, as sorted relative paths."""
    with tempfile.TemporaryDirectory() as scratch:
        generate(root, Path(scratch))
        fresh = _contents(Path(scratch))
    committed = _contents(root)
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def _contents(base: Path) -> dict[str, bytes]:
    return {
        path.relative_to(base).as_posix(): path.read_bytes()
        for path in (base / OWN).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _protoc(proto: Path, files: list[Path], *outputs: str) -> None:
    plugins = Path(sys.executable).parent
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc", f"-I{proto}"),
        *(f"--plugin={name}={plugins / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")),
        *outputs,
        *(file.as_posix() for file in files),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr.strip())


def main() -> int:
    parser = argparse.ArgumentParser(description="Generate gateway/api from proto/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if gateway/api is stale")
    parser.add_argument("--root", type=Path, default=ROOT, help="the tree to work on (default: this one)")
    arguments = parser.parse_args()
    if arguments.check:
        names = stale(arguments.root)
        for name in names:
            print(f"stale: {name}", file=sys.stderr)
        if names:
            print("run `make generate` and commit the result", file=sys.stderr)
        return 1 if names else 0
    with tempfile.TemporaryDirectory() as scratch:
        generate(arguments.root, Path(scratch))
        target = arguments.root / OWN
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(Path(scratch) / OWN, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
