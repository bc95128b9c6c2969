"""What is wrong with a policy folder, told so that an officer can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PolicyProblem:
    """One mistake. `file` is relative to the policy folder; `line` counts from 1, and 0 means the file as a whole."""

    file: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}. {self.remedy}" if self.remedy else f"{place}: {self.message}."


class InvalidPolicy(Exception):
    """The folder is not a policy. Carries every problem that was found, in the order of files and lines.

    Its text is the count alone; who may read the policy reads `problems`.
    """

    def __init__(self, problems: Iterable[PolicyProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__(f"the policy has {len(self.problems)} problem(s)")


class Problems:
    """Gathers the problems of one folder, so that an officer sees them all at once."""

    def __init__(self) -> None:
        self._found: list[PolicyProblem] = []

    def add(self, file: str, line: int, message: str, remedy: str = "") -> None:
        """Note a problem."""
        self._found.append(PolicyProblem(file, line, message, remedy))

    def told_of(self, file: str) -> bool:
        """Tell whether something was found wrong with a file, or with the folder itself (".")."""
        return any(problem.file == file for problem in self._found)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise InvalidPolicy with all that was gathered, if anything was."""
        if self._found:
            raise InvalidPolicy(self._found)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return a question that names the nearest known spelling, or else the known ones, or else `otherwise`."""
    choices = sorted(set(known))
    by_fold = {choice.casefold(): choice for choice in choices}
    near = difflib.get_close_matches(word.casefold()[:64], by_fold, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{by_fold[near[0]]}'?"
    if otherwise:
        return otherwise
    return f"Known: {', '.join(choices)}." if 0 < len(choices) <= 12 else ""


def with_article(noun: object) -> str:
    """Put "a" or "an" before a noun."""
    return f"an {noun}" if str(noun)[:1] in tuple("aeiou") else f"a {noun}"


def shown(value: object) -> str:
    """Render what an officer wrote for a message: quoted, on one line, and short."""
    text = " ".join(str(value).split())
    return f"'{text[:57]}…'" if len(text) > 60 else f"'{text}'"
