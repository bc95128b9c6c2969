"""JSON, read strictly: I-JSON (RFC 7493), and members by name. What is wrong is said in constants, never in values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NoReturn


class NotAQuestion(Exception):
    """What was sent is no question that this gateway decides. `message` is made of constants alone."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def malformed(path: str, rule: str) -> NotAQuestion:
    """Return what is raised where a member breaks a rule; both texts are ours."""
    return NotAQuestion(HTTPStatus.BAD_REQUEST, f"{path} {rule}.")


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body is.

    Raises:
        NotAQuestion: 400 unless it is one object of I-JSON: UTF-8 without unpaired surrogates, names that are unique,
            finite numbers that a double can hold.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_exact,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # an unpaired surrogate cannot be encoded
    except (ValueError, RecursionError):
        raise malformed("The body", "is not JSON that can be read in one way only (I-JSON, RFC 7493)") from None
    if not isinstance(value, dict):
        raise malformed("The body", "must be a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _refuse(_: str) -> NoReturn:
    raise ValueError("not a number")


_LARGEST = 2**53 - 1
"""Integers up to here are exact in a double (RFC 7493, section 2.2)."""


def _exact(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > _LARGEST:
        raise ValueError("too large")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("too large")
    return number


class Members:
    """The members of one JSON object, asked for by name.

    Members that nobody asks for are ignored: the standard demands it of every receiver. Every method raises
    `NotAQuestion` for a member that is missing or not as described.
    """

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise malformed(path or "The evaluation", "must be an object")
        self._members: dict[str, Any] = value
        self._path = path

    def has(self, name: str) -> bool:
        """Tell whether there is such a member."""
        return name in self._members

    def inner(self, name: str, *, required: bool = False) -> Members:
        """Return the object in a member; an empty one if it may be missing and is."""
        if name in self._members or required:
            return Members(self._given(name), self.path(name))
        return Members({}, self.path(name))

    def text(self, name: str, *, least: int = 1, most: int) -> str:
        """Return the string in a member that must be there, `least` to `most` characters long."""
        value = self._given(name)
        if not isinstance(value, str) or not least <= len(value) <= most:
            raise malformed(self.path(name), f"must be a string of {least} to {most} characters")
        return value

    def optional_text(self, name: str, *, most: int) -> str:
        """Return the string in a member, or "" where there is none."""
        return self.text(name, least=0, most=most) if name in self._members else ""

    def names(self, name: str, *, most: int, longest: int = 64) -> tuple[str, ...]:
        """Return the different names in a list of `most` at the most, each 1 to `longest` characters; () for none."""
        items = self.items(name, most=most)
        if not all(isinstance(item, str) and 1 <= len(item) <= longest for item in items):
            raise malformed(self.path(name), f"must hold strings of 1 to {longest} characters")
        if len(set(items)) != len(items):
            raise malformed(self.path(name), "must not repeat an item")
        return tuple(items)

    def items(self, name: str, *, most: int) -> list[Any]:
        """Return the items of a list, `most` at the most; [] where there is none."""
        value = self._members.get(name, [])
        if not isinstance(value, list) or len(value) > most:
            raise malformed(self.path(name), f"must be a list of at most {most} items")
        return value

    def flag(self, name: str) -> bool:
        """Return the boolean in a member, False where there is none."""
        value = self._members.get(name, False)
        if not isinstance(value, bool):
            raise malformed(self.path(name), "must be true or false")
        return value

    def integer(self, name: str, *, least: int, most: int) -> int:
        """Return the integer in a member that must be there."""
        value = self._given(name)
        if type(value) is not int or not least <= value <= most:
            raise malformed(self.path(name), f"must be an integer from {least} to {most}")
        return value

    def number(self, name: str) -> float:
        """Return the number in a member that must be there."""
        value = self._given(name)
        if type(value) not in (int, float):
            raise malformed(self.path(name), "must be a number")
        return float(value)

    def choice(self, name: str, choices: Iterable[str], default: str) -> str:
        """Return the string in a member that is one of `choices`, or the default where there is none."""
        value = self._members.get(name, default)
        allowed = tuple(choices)
        if not isinstance(value, str) or value not in allowed:
            raise malformed(self.path(name), f"must be one of {', '.join(allowed)}")
        return value

    def path(self, name: str) -> str:
        """Return where a member is, for messages: `name` is one of ours."""
        return f"{self._path}.{name}" if self._path else name

    def _given(self, name: str) -> Any:
        if name not in self._members:
            raise malformed(self.path(name), "must be given")
        return self._members[name]
