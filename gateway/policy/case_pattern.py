"""Patterns of case numbers: `A` stands for a letter, `9` for a digit, anything else for itself."""

from __future__ import annotations

import string

MAX_LENGTH = 64


def matches(pattern: str, case_number: str) -> bool:
    """Tell whether the case number has the pattern, one character for one: linear, with no backtracking.

    Letters are A–Z in either case and digits 0–9, of ASCII alone.
    """
    return len(case_number) == len(pattern) and all(map(_fits, pattern, case_number))


def _fits(expected: str, character: str) -> bool:
    if expected == "A":
        return character in string.ascii_letters
    if expected == "9":
        return character in string.digits
    return character == expected
