"""The command as a whole: fast help, one-line mistakes, exit codes, and a reference that lists what there is."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.keys.ring import FileKeyRing
from gateway.cli.app import commands
from tests.unit.cli.conftest import Desk

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("pyarrow", "duckdb", "grpc", "opendp", "sqlalchemy", "casbin", "numpy", "pydantic")


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_python_dash_m_prints_the_usage() -> None:
    done = python("-m", "gateway", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: gateway <cmd>\n")
    for command in commands():
        assert command.split()[0] in done.stdout


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from gateway.cli.app import run; assert run(['--help']) == 0; "
        f"print('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = python("-c", code)
    assert done.stdout.endswith("LOADED []\n"), done.stdout[-300:] + done.stderr


@pytest.mark.parametrize("arguments", [["contract", "--help"], ["contract", "init", "--help"], ["--version"], []])
def test_these_succeed(desk: Desk, arguments: list[str]) -> None:
    assert desk.run(*arguments) == 0
    assert desk.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["contrat"], "Did you mean 'contract'?"),
        (["contract", "innit"], "Did you mean 'init'?"),
        (["policy", "check", "--frob"], "--frob"),
        (["contract", "init", "x.csv"], "--dataset"),
        (["policy", "check", "/nowhere"], "there is no policy folder"),
        (["contract", "check", "--policies", "/nowhere"], "there is no policy folder"),
    ],
)
def test_mistakes_are_told_without_a_traceback(desk: Desk, arguments: list[str], said: str) -> None:
    assert desk.run(*arguments) == 2
    assert said in desk.err
    assert len(desk.err.splitlines()) <= 2


def test_policy_check_names_file_line_and_remedy(desk: Desk) -> None:
    assert desk.run("policy", "check", str(desk.policies)) == 0
    grants = desk.policies / "grants.csv"
    grants.write_text("# header\np, g1, university, nothing/there, extract, new-york, delay-study, , alow\n")
    assert desk.run("policy", "check", str(desk.policies)) == 1
    assert f"{grants}:2: 'alow' is not a known effect. Did you mean 'allow'?" in desk.err.splitlines()


def test_key_init_makes_a_file_that_opens_and_is_never_replaced(desk: Desk) -> None:
    secret, key = desk.folder / "secret", desk.folder / "keys.json"
    assert desk.run("key", "init", str(key), "--secret-file", str(secret)) == 2
    assert "openssl" in desk.err
    secret.touch(mode=0o600)
    secret.write_text("short\n")
    assert desk.run("key", "init", str(key), "--secret-file", str(secret)) == 2
    secret.write_text("0123456789abcdef0123456789abcdef\n")
    assert desk.run("key", "init", str(key), "--secret-file", str(secret)) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    FileKeyRing.open(key, b"0123456789abcdef0123456789abcdef")
    before = key.read_bytes()
    assert desk.run("key", "init", str(key), "--secret-file", str(secret)) == 2
    assert "never overwritten" in desk.err
    assert key.read_bytes() == before
    assert b"0123456789abcdef" not in before


def test_the_reference_lists_the_commands_and_no_other() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert tuple(sorted(re.findall(r"^## `gateway ([a-z ]+)`$", text, re.MULTILINE))) == commands()


@pytest.mark.parametrize("command", commands())
def test_the_reference_lists_every_option(desk: Desk, command: str) -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    section = text.partition(f"## `gateway {command}`")[2].partition("\n## ")[0]
    assert desk.run(*command.split(), "--help") == 0
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", desk.out))
    documented = set(re.findall(r"`(--[a-z][a-z-]+)", section))
    assert documented == {option for option in options if not option.startswith("--no-")}
