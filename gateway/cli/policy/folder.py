"""A policy folder as the commands take it: loaded, or told what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

from gateway.cli.codes import FOUND, INVALID
from gateway.cli.counting import counted
from gateway.cli.mistake import Mistake
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot, load


def load_folder(folder: Path) -> PolicySnapshot:
    """Load the folder.

    Raises:
        Mistake: it does not exist.
        InvalidPolicy: it has problems.
    """
    if not folder.is_dir():
        raise Mistake(f"there is no policy folder {folder}", "Name it: gateway policy check FOLDER.")
    return load(folder)


def valid_folder(folder: Path) -> PolicySnapshot:
    """Load the folder, for commands that have nothing to do with one that is not valid.

    Raises:
        Mistake: it does not exist, or is not valid; its problems are printed.
    """
    try:
        return load_folder(folder)
    except InvalidPolicy as invalid:
        tell_problems(folder, invalid)
        raise Mistake(f"{folder} is not a valid policy", "Mend what is named above.", INVALID) from None


def tell_problems(folder: Path, invalid: InvalidPolicy) -> int:
    """Print the problems on stderr, one a line, and return the exit code."""
    for problem in invalid.problems:
        print(f"{folder}/{problem}", file=sys.stderr)
    print(f"{counted(len(invalid.problems), 'problem')} in {folder}.", file=sys.stderr)
    return FOUND
