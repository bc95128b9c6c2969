"""`gateway policy`: offline work on the policy folder."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.mistake import PROBLEMS_FOUND, Mistake
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot, load


def check(folder: Path = Path("policies"), /) -> int:
    """Check a policy folder as the server would read it.

    Prints every problem with its file and line, and what to do. Exits with 0 if the policy is valid, 1 if it has
    problems, 2 if there is no such folder.

    Parameters
    ----------
    folder
        The policy folder.
    """
    try:
        snapshot = load_folder(folder)
    except InvalidPolicy as invalid:
        return tell_problems(folder, invalid)
    print(
        f"{folder}: valid. {_counted(len(snapshot.contracts), 'contract')}, "
        f"{_counted(len(snapshot.grants), 'grant')}. Digest {snapshot.digest}"
    )
    return 0


def load_folder(folder: Path) -> PolicySnapshot:
    """Load the folder.

    Raises:
        Mistake: it does not exist.
        InvalidPolicy: it has problems.
    """
    if not folder.is_dir():
        raise Mistake(f"there is no policy folder {folder}", "Name it: gateway policy check FOLDER.")
    return load(folder)


def tell_problems(folder: Path, invalid: InvalidPolicy) -> int:
    """Print the problems on stderr, one a line, and return the exit code."""
    for problem in invalid.problems:
        print(f"{folder / str(problem)}", file=sys.stderr)
    print(f"{_counted(len(invalid.problems), 'problem')} in {folder}.", file=sys.stderr)
    return PROBLEMS_FOUND


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
