"""Mistakes that users make, told in a line and without a traceback."""

from __future__ import annotations

PROBLEMS_FOUND = 1
"""The exit code of a check that ran and found something wrong."""

CANNOT_RUN = 2
"""The exit code of a command that could not do its work: wrong arguments, a missing or unreadable file."""

REFUSED = 5
"""The exit code of a command that a running gateway refuses: no authority, no second officer, a cool-down."""


class Mistake(Exception):
    """Something the user can put right. Its text never holds a value from data.

    Args:
        message: what is wrong, as a clause without a full stop.
        remedy: what to do about it, as a sentence.
        code: the exit code of the process.
    """

    def __init__(self, message: str, remedy: str = "", code: int = CANNOT_RUN) -> None:
        super().__init__(f"{message}. {remedy}" if remedy else f"{message}.")
        self.code = code
