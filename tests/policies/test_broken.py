"""Every broken policy in broken/ is told with file, line and remedy, and the last good one stays in force."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli.policy.check import check
from gateway.policy.folder import folder_digest
from gateway.policy.problems import InvalidPolicy, PolicyProblem
from gateway.policy.snapshot import PolicySnapshot, load, read
from gateway.policy.store import FolderSource, PolicyStore
from tests.policies.cases import Case, good_files, good_folder, make_mistake, mend, read_cases, sent_files

CASES = read_cases()
IN_FOLDERS = [case for case in CASES if case.lies_in_a_folder]
SENT = [case for case in CASES if not case.lies_in_a_folder]

WHOLE_FILES = (
    "missing",
    "place",
    "regular file",
    "MiB",
    "name that",
    "nested",
    "more than 10000 files",
    "this gateway",
)
"""What a file or the folder is told as a whole, for there is no line to name."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds the good policy."""
    return good_folder(tmp_path / "policies")


def problems_of(take: Callable[[], object]) -> tuple[PolicyProblem, ...]:
    with pytest.raises(InvalidPolicy) as caught:
        take()
    return caught.value.problems


def test_the_good_policy_is_accepted_as_a_folder_and_as_sent(folder: Path) -> None:
    files = good_files()
    assert load(folder).digest == read(files).digest == folder_digest(files)


def test_there_are_cases_of_every_kind_of_document() -> None:
    assert len(CASES) >= 75
    touched = {file.partition("/")[0] for case in IN_FOLDERS for file in case.files()}
    assert touched >= {file.partition("/")[0] for file in good_files()}
    assert len({(str(case.changes), str(case.sent)) for case in CASES}) == len(CASES), "no case is there twice"


@dataclass
class Standing:
    """A folder and the policy in force that was read from it while it was good."""

    folder: Path
    store: PolicyStore


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Standing:
    folder = good_folder(tmp_path_factory.mktemp("standing") / "policies")
    return Standing(folder, PolicyStore(FolderSource(folder)))


@pytest.fixture
def standing(shared: Standing) -> Iterator[Standing]:
    """A good policy in force; what a test does to its folder is mended afterwards."""
    yield shared
    mend(shared.folder)


@pytest.mark.parametrize("case", IN_FOLDERS, ids=lambda case: case.name)
def test_a_mistake_is_told_and_the_last_good_policy_stays_in_force(
    case: Case, standing: Standing, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = standing.folder, standing.store
    good = store.current()
    make_mistake(case, folder)
    outcome = store.reload()
    assert isinstance(outcome, InvalidPolicy)
    assert tuple(map(str, outcome.problems)) == case.says
    for problem in outcome.problems:
        assert problem.remedy, "an officer is told what to do"
        assert problem.line > 0 or any(words in problem.message for words in WHOLE_FILES)
    assert store.current() is good
    # and the command prints these very lines
    assert check(folder) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "".join(f"{folder}/{line}\n" for line in case.says) + f"{count(case)} in {folder}.\n"


def count(case: Case) -> str:
    return "1 problem" if len(case.says) == 1 else f"{len(case.says)} problems"


FIRST_OF_FAMILIES = list({case.name.partition("/")[0]: case for case in reversed(IN_FOLDERS)}.values())


@pytest.mark.parametrize("case", FIRST_OF_FAMILIES, ids=lambda case: case.name)
def test_a_policy_is_accepted_again_when_its_mistake_is_mended(case: Case, standing: Standing) -> None:
    make_mistake(case, standing.folder)
    assert isinstance(standing.store.reload(), InvalidPolicy)
    mend(standing.folder)
    assert standing.store.reload() is standing.store.current()
    assert standing.store.last_problems == ()


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.name)
def test_a_mistake_in_what_was_sent_is_told(case: Case) -> None:
    problems = problems_of(lambda: read(sent_files(case)))
    assert tuple(map(str, problems)) == case.says
    assert all(problem.remedy for problem in problems)


def test_policy_check_prints_json_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = next(case for case in IN_FOLDERS if len(case.says) > 3)
    make_mistake(case, folder)
    assert check(folder, json_=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["valid"]
    assert tuple(str(PolicyProblem(**problem)) for problem in said["problems"]) == case.says


SUGGESTION = re.compile(r"Did you mean '([^']+)'\?")
WRITTEN = re.compile(r"'([^']+)'")
SUGGESTED = [case for case in IN_FOLDERS if any(re.search(r":[0-9]+: .*Did you mean", line) for line in case.says)]


@pytest.mark.parametrize("case", SUGGESTED, ids=lambda case: case.name)
def test_a_spelling_that_is_suggested_is_one_that_is_taken(case: Case, folder: Path) -> None:
    make_mistake(case, folder)
    suggested = 0
    for problem in problems_of(lambda: load(folder)):
        suggestion = SUGGESTION.search(problem.remedy)
        if suggestion is None or not problem.line:
            continue
        lines = (folder / problem.file).read_text("utf-8").split("\n")
        line = lines[problem.line - 1]
        wrong = misspelt(problem.message, suggestion[1], line)
        lines[problem.line - 1] = re.sub(as_a_word(wrong), suggestion[1], line, count=1)
        (folder / problem.file).write_text("\n".join(lines), "utf-8")
        assert problem not in problems_left(folder)
        suggested += 1
    assert suggested


def misspelt(message: str, suggestion: str, line: str) -> str:
    """Return what is to be replaced by the suggestion: what the message quotes of the line, or what is like it."""
    quoted: list[str] = [word for word in WRITTEN.findall(message) if re.search(as_a_word(word), line)]
    return (quoted or difflib.get_close_matches(suggestion, re.findall(r"[\w-]+", line), n=1))[-1]


def as_a_word(text: str) -> str:
    return rf"(?<![\w-]){re.escape(text)}(?![\w-])"


def problems_left(folder: Path) -> tuple[PolicyProblem, ...]:
    try:
        outcome: PolicySnapshot | InvalidPolicy = load(folder)
    except InvalidPolicy as invalid:
        outcome = invalid
    return outcome.problems if isinstance(outcome, InvalidPolicy) else ()


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    (problem,) = problems_of(lambda: load(tmp_path / "nowhere"))
    assert (problem.file, problem.message) == (".", "the folder cannot be read")


def test_how_many_problems_there_are_is_told_to_whoever_may_not_read_them(folder: Path) -> None:
    case = next(case for case in IN_FOLDERS if case.name == "folder/mistakes-in-several-files")
    make_mistake(case, folder)
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    assert str(caught.value) == f"the policy has {len(case.says)} problem(s)"
