"""A policy folder and a data folder to draft contracts in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.app import run
from tests.integration.contract_init.officer import lay_out


@dataclass
class Desk:
    """Runs `gateway contract init` in folders of its own. `out` and `err` are what the last command printed."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    out: str = ""
    err: str = ""

    @property
    def policies(self) -> Path:
        return self.folder / "policies"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def write(self, content: bytes | str, name: str = "table.csv") -> Path:
        """Put a file into the data folder."""
        path = self.data / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def init(self, file: Path, *options: str, dataset: str = "table") -> int:
        """Run the command; return its exit code."""
        where = ["--policies", str(self.policies), "--data-root", str(self.data)]
        return self.run("contract", "init", str(file), "--dataset", dataset, *where, *options)

    def run(self, *arguments: str) -> int:
        """Run any command; return its exit code."""
        code = run(arguments)
        self.out, self.err = self.capsys.readouterr()
        assert "Traceback" not in self.err
        return code

    def found(self, file: Path, *options: str) -> dict[str, Any]:
        """What the command says in JSON, with the fields by name."""
        assert self.init(file, "--json", "--force", *options) == 0, self.err
        said: dict[str, Any] = json.loads(self.out)
        said["fields"] = {field["name"]: field for field in said["fields"]}
        return said

    def refused(self, file: Path, *options: str) -> str:
        """The one line that the command ends with when it cannot do its work."""
        assert self.init(file, *options) == 2
        assert not list((self.policies / "contracts").glob("*")) if (self.policies / "contracts").exists() else True
        (line,) = self.err.splitlines()
        assert line.startswith("gateway: ")
        return line


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Folders with a policy and no data."""
    (tmp_path / "data").mkdir()
    lay_out(tmp_path / "policies")
    return Desk(tmp_path, capsys)
