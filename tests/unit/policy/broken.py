"""One mistake in a good policy folder, and where and how it must be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import load


@dataclass(frozen=True)
class Broken:
    """One edit of the good folder, and the problem expected on the line that then holds `at`."""

    name: str
    file: str
    old: str
    new: str
    at: str
    message: str
    remedy: str = ""


def expect(folder: Path, case: Broken) -> None:
    """Make the mistake in a copy of the good folder, and find it told with its file, its line and its remedy."""
    path = folder / case.file
    text = path.read_text(encoding="utf-8")
    assert case.old in text
    changed = text.replace(case.old, case.new, 1)
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(InvalidPolicy) as caught:
        load(folder)
    if case.name == "duplicate-id":
        line = changed[: changed.rindex("p, g-zju")].count("\n") + 1
    else:
        line = changed[: changed.index(case.at)].count("\n") + 1 if case.at else 0
    told = [problem for problem in caught.value.problems if case.message in problem.message]
    assert told, [str(problem) for problem in caught.value.problems]
    assert (told[0].file, told[0].line) == (case.file, line)
    assert case.remedy in told[0].remedy
