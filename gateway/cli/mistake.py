"""Mistakes that users make, told in a line and without a traceback."""

from __future__ import annotations

import sys

from gateway.cli.codes import CANNOT_RUN, CANNOT_START


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


def cannot_start(message: str) -> int:
    """Say what an operator must mend before the gateway can start, and return the exit code."""
    print(message, file=sys.stderr)
    return CANNOT_START
