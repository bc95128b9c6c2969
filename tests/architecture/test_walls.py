"""The import walls stand, and each of them bites: planted in a copy of the package, a breach is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINT = (
    "import sys; from importlinter.cli import lint_imports; "
    "sys.exit(lint_imports(no_cache=True, limit_to_contracts=tuple(sys.argv[1:])))"
)

# Contract: (the module that receives the import, the imported name).
PLANTS = {
    "layers": [
        ("gateway.model.planted", "gateway.ports"),
        ("gateway.ports.planted", "gateway.kernels"),
        ("gateway.kernels.planted", "gateway.query"),
        ("gateway.policy.planted", "gateway.decision"),
        ("gateway.decision.planted", "gateway.stages"),
        ("gateway.adapters.planted", "gateway.server"),
        ("gateway.server.planted", "gateway.wiring"),
        ("gateway.server.planted", "gateway.authzen"),
        ("gateway.authzen.planted", "gateway.settings"),
        ("gateway.helpers", "gateway.model"),
    ],
    "lanes-side-by-side": [
        ("gateway.lanes.inquiries", "gateway.lanes.series"),
        ("gateway.lanes.shortcut", "gateway.pipeline"),
    ],
    "decision-in-layers": [
        ("gateway.decision.judge", "gateway.decision.officer.explain"),
        ("gateway.decision.officer.planted", "gateway.decision.lint"),
    ],
    "stages-in-line": [
        ("gateway.stages.decide", "gateway.stages.fetch"),
        ("gateway.stages.minimize", "gateway.stages.deliver"),
        ("gateway.stages.shortcut", "gateway.stages.fetch"),
    ],
    "stages-through-pipeline": [("gateway.server.planted", "gateway.stages.fetch")],
    "tables-through-stages": [
        ("gateway.adapters.planted", "gateway.tables"),
        ("gateway.pipeline", "gateway.tables"),
    ],
    "api-at-the-edge": [("gateway.adapters.planted", "gateway.api.v1")],
    "client-apart": [("gateway.client.planted", "gateway.model"), ("gateway.client.planted", "duckdb")],
    "authzen-on-the-edge": [("gateway.authzen.planted", "gateway.adapters"), ("gateway.authzen.planted", "duckdb")],
    "model-is-plain": [("gateway.model.planted", "pyarrow"), ("gateway.model.planted", "gateway.ports")],
    "synthesis-after-noise": [("gateway.synthesis.planted", "gateway.query"), ("gateway.synthesis.planted", "duckdb")],
    "casbin-in-enforcer": [("gateway.policy.planted", "casbin"), ("gateway.server.planted", "casbin.model")],
    "opendp-in-mechanisms": [("gateway.privacy.planted", "opendp.prelude")],
    "yaml-in-documents": [("gateway.policy.planted", "yaml")],
    "sqlglot-in-query": [("gateway.adapters.planted", "sqlglot.expressions")],
    "sqlalchemy-in-state": [
        ("gateway.adapters.planted", "sqlalchemy"),
        ("gateway.cli.planted", "sqlalchemy.engine"),
    ],
    "duckdb-in-its-adapter": [("gateway.adapters.planted", "duckdb")],
}
# These break their wall by being there at all: they have no place in the layers.
UNPLACED = {"gateway.helpers", "gateway.lanes.shortcut", "gateway.stages.shortcut"}
CASES = [(contract, *plant) for contract, plants in PLANTS.items() for plant in plants]


def lint(tree: Path, *contracts: str) -> subprocess.CompletedProcess[str]:
    """Runs the linter over a tree with its own pyproject.toml, in a process that sees no other copy of it."""
    return subprocess.run(
        [sys.executable, "-c", LINT, *contracts],
        cwd=tree,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def ensure(tree: Path, module: str) -> Path:
    """The file of `module` in `tree`, made if there is none; packages on the way to it are made too."""
    *packages, name = module.split(".")
    folder = tree
    for package in packages:
        flat = folder / f"{package}.py"
        folder = folder / package
        folder.mkdir(exist_ok=True)
        if flat.exists():
            flat.rename(folder / "__init__.py")
        (folder / "__init__.py").touch()
    file = folder / f"{name}.py"
    if (folder / name).is_dir():
        file = folder / name / "__init__.py"
    file.touch()
    return file


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "gateway", tmp_path / "gateway", ignore=skip)
    shutil.copytree(ROOT / "tests/architecture", tmp_path / "tests/architecture", ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def contracts() -> list[dict[str, Any]]:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed: list[dict[str, Any]] = tables["tool"]["importlinter"]["contracts"]
    return listed


def test_the_walls_stand() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_wall_is_proved() -> None:
    assert sorted(PLANTS) == sorted(contract["id"] for contract in contracts())


@pytest.mark.parametrize(("contract", "importer", "imported"), CASES, ids=[" ".join(case) for case in CASES])
def test_a_planted_import_breaks_its_wall(copy: Path, contract: str, importer: str, imported: str) -> None:
    file = ensure(copy, importer)
    if imported.startswith("gateway."):
        ensure(copy, imported)
    file.write_text(f"{file.read_text(encoding='utf-8')}\n\ndef planted():\n    import {imported}\n", encoding="utf-8")

    done = lint(copy, contract)

    assert done.returncode == 1 and "1 broken" in done.stdout, done.stdout + done.stderr
    if importer in UNPLACED:
        assert importer.rpartition(".")[2] in done.stdout, done.stdout
    else:
        assert f"{importer} -> {imported.partition('.')[0]}" in done.stdout, done.stdout
