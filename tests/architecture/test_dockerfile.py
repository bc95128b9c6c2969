"""The Dockerfile is kept honest without an engine: what it copies and starts exists, and it gives no root."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Stage:
    """One FROM with the instructions after it, as (KEYWORD, arguments)."""

    image: str
    name: str
    steps: tuple[tuple[str, str], ...]

    def last(self, keyword: str) -> str:
        return [arguments for step, arguments in self.steps if step == keyword][-1]


def parse(text: str) -> list[Stage]:
    """The stages of a Dockerfile. Raises ValueError for a stage without a name."""
    joined = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    stages: list[Stage] = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        keyword, _, arguments = line.partition(" ")
        if keyword == "FROM":
            match = re.fullmatch(r"(\S+) AS (\S+)", arguments)
            if match is None:
                raise ValueError(f"a stage without a name: {arguments}")
            stages.append(Stage(match[1], match[2], ()))
        else:
            last = stages[-1]
            stages[-1] = Stage(last.image, last.name, (*last.steps, (keyword, arguments.strip())))
    return stages


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return parse((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def final(stages: list[Stage]) -> Stage:
    return stages[-1]


def commands(stage: Stage) -> list[list[str]]:
    """The exec-form words of the health check and of the entry point."""
    health = stage.last("HEALTHCHECK").partition("CMD ")[2]
    words: list[list[str]] = [json.loads(health), json.loads(stage.last("ENTRYPOINT"))]
    return words


def test_several_stages_are_named_once(stages: list[Stage]) -> None:
    names = [stage.name for stage in stages]
    assert len(names) >= 2 and len(set(names)) == len(names)


def test_a_stage_without_a_name_is_found() -> None:
    with pytest.raises(ValueError, match="without a name"):
        parse("FROM python:3.13.9-slim-trixie\nRUN true\n")


def test_base_images_are_pinned_to_a_patch_release_that_the_project_supports(stages: list[Stage]) -> None:
    for stage in stages:
        match = re.fullmatch(r"python:3\.(\d+)\.\d+-slim-[a-z]+", stage.image)
        assert match is not None, stage.image
        assert int(match[1]) >= 11


def test_what_is_copied_exists_and_reaches_the_build(stages: list[Stage]) -> None:
    sources = 0
    admitted = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    for index, stage in enumerate(stages):
        for keyword, arguments in stage.steps:
            assert keyword != "ADD"
            if keyword != "COPY":
                continue
            *paths, _ = [word for word in arguments.split() if not word.startswith("--")]
            origin = re.search(r"--from=(\S+)", arguments)
            if origin is not None:
                assert origin[1] in [earlier.name for earlier in stages[:index]]
                continue
            for path in paths:
                sources += 1
                assert (ROOT / path).exists(), path
                assert any(fnmatch(path, entry) or path.startswith(f"{entry}/") for entry in admitted), path
    assert sources > 0


def test_it_runs_as_an_ordinary_numeric_user_who_owns_only_the_state(final: Stage) -> None:
    uid, _, gid = final.last("USER").partition(":")
    assert int(uid) > 0 and int(gid) > 0
    last_user = max(index for index, (keyword, _) in enumerate(final.steps) if keyword == "USER")
    assert all(keyword not in {"RUN", "COPY"} for keyword, _ in final.steps[last_user:])
    assert "--chown" not in " ".join(arguments for keyword, arguments in final.steps if keyword == "COPY")


def test_a_read_only_root_is_enough(final: Stage) -> None:
    assert final.last("VOLUME") == "/var/lib/gateway"
    assert final.last("WORKDIR") == "/var/lib/gateway"
    environment = dict(word.split("=", 1) for word in final.last("ENV").split())
    assert environment["HOME"] == environment["TMPDIR"] == "/var/lib/gateway"
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_everything_is_installed_from_locks_with_hashes(stages: list[Stage]) -> None:
    installs = [
        part
        for stage in stages
        for keyword, arguments in stage.steps
        if keyword == "RUN"
        for part in arguments.split("&&")
        if re.search(r"\bpip (install|wheel|download)\b", part)
    ]
    assert len(installs) >= 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps" in install, install


def test_no_secret_is_baked_in(stages: list[Stage]) -> None:
    for stage in stages:
        for keyword, arguments in stage.steps:
            if keyword in {"ARG", "ENV"}:
                assert not re.search(r"(?i)secret|token|password|_key", arguments), arguments


def test_entry_point_and_health_check_are_commands_that_exist(final: Stage) -> None:
    for program, subcommand, *options in commands(final):
        assert program == "gateway"
        done = subprocess.run(
            [sys.executable, "-m", "gateway", subcommand, "--help"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(rf"Usage: .*\b{subcommand}\b", done.stdout), done.stdout
        for option in (word for word in options if word.startswith("--")):
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", done.stdout), f"{subcommand} has no {option}"
