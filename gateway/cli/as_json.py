"""What commands print: lines for people, or with `--json` one JSON document on one line, UTF-8, for all alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

T = TypeVar("T")


def print_json(value: object) -> None:
    """Print a value as JSON; dates and instants in it as ISO 8601 has them."""
    print(json.dumps(value, ensure_ascii=False, default=_iso))


def print_one(told: T, as_json: Callable[[T], object], lines: Callable[[T], Sequence[str]], *, json_: bool) -> None:
    """Print one thing as JSON or, for people, as its lines."""
    if json_:
        print_json(as_json(told))
    else:
        print("\n".join(lines(told)))


def print_all(
    told: Sequence[T], as_json: Callable[[T], object], lines: Callable[[T], Sequence[str]], *, json_: bool
) -> None:
    """Print several things as one JSON list or, for people, as the lines of each."""
    if json_:
        print_json([as_json(one) for one in told])
    for one in () if json_ else told:
        print("\n".join(lines(one)))


def _iso(value: object) -> str:
    if isinstance(value, date):  # an instant is one, too
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not for JSON")
