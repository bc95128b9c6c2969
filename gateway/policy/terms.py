"""Terms of a grant: what Casbin's static answer does not know and every request must still meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from gateway.model.errors import ErrorReason
from gateway.model.request import DisclosureRequest, RowsRequest
from gateway.policy import case_pattern as patterns
from gateway.policy.problems import did_you_mean, shown

T = TypeVar("T")

_KEYS = ("from", "until", "case", "max_rows", "max_keys")


class TermsError(ValueError):
    """The text is no terms; `remedy` says what would be."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Terms:
    """When and how far a grant holds. Dates are in the city's calendar, the last day included.

    `max_rows` bounds the rows of one disclosure, `max_keys` the subjects named in one lookup or check.
    """

    valid_from: date | None = None
    valid_until: date | None = None
    case_pattern: str | None = None
    max_rows: int | None = None
    max_keys: int | None = None

    def in_force(self, today: date) -> bool:
        """Tell whether `today` lies within the grant's days."""
        return (self.valid_from is None or self.valid_from <= today) and (
            self.valid_until is None or today <= self.valid_until
        )

    def unmet(self, request: DisclosureRequest, today: date) -> ErrorReason | None:
        """Return why the grant does not cover this request today, or None if it does.

        `max_rows` is not judged here: it bounds the answer.
        """
        if not self.in_force(today):
            return ErrorReason.GRANT_NOT_IN_FORCE
        if self.case_pattern is not None and not patterns.matches(self.case_pattern, request.context.case_number):
            return ErrorReason.CASE_NUMBER_REQUIRED
        if self.max_keys is not None and isinstance(request, RowsRequest) and request.selector is not None:
            return ErrorReason.CAP_EXCEEDED if len(request.selector.values) > self.max_keys else None
        return None

    def conditions(self) -> tuple[str, ...]:
        """Return the terms in words, for people."""
        said = []
        if self.valid_from is not None:
            said.append(f"from {self.valid_from.isoformat()}")
        if self.valid_until is not None:
            said.append(f"until {self.valid_until.isoformat()}")
        if self.case_pattern is not None:
            said.append(f"with a case number like {self.case_pattern} (A: a letter, 9: a digit)")
        if self.max_rows is not None:
            said.append(f"at most {self.max_rows} rows at a time")
        if self.max_keys is not None:
            said.append(f"at most {self.max_keys} subjects at a time")
        return tuple(said)


def parse_terms(text: str) -> Terms:
    """Read terms as grants.csv writes them: `from=DATE; until=DATE; case=PATTERN; max_rows=N; max_keys=N`.

    Raises:
        TermsError: for a term that is unknown, given twice, or malformed.
    """
    given: dict[str, str] = {}
    for part in text.split(";"):
        if not part.strip() and not text.strip():
            continue
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise TermsError(f"{shown(part.strip())} is not a term", "Write key=value, separated by ';'.")
        if key not in _KEYS:
            raise TermsError(f"{shown(key)} is not a term", did_you_mean(key, _KEYS))
        if key in given:
            raise TermsError(f"the term '{key}' is given twice", "Keep one of them.")
        given[key] = value
    terms = Terms(
        valid_from=_read(given, "from", _date),
        valid_until=_read(given, "until", _date),
        case_pattern=_read(given, "case", _pattern),
        max_rows=_read(given, "max_rows", _number),
        max_keys=_read(given, "max_keys", _number),
    )
    if terms.valid_from and terms.valid_until and terms.valid_until < terms.valid_from:
        raise TermsError("the grant ends before it begins", "Swap 'from' and 'until'.")
    return terms


def _read(given: dict[str, str], key: str, read: Callable[[str, str], T]) -> T | None:
    return read(key, given[key]) if key in given else None


def _date(key: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is not None and day.isoformat() == text:
        return day
    raise TermsError(f"{shown(text)} is not a date of '{key}'", "Write YYYY-MM-DD.")


def _pattern(key: str, text: str) -> str:
    if len(text) > patterns.MAX_LENGTH or not text.isprintable():
        raise TermsError(
            f"{shown(text)} is not a pattern of '{key}'", "Write at most 64 characters, A: letter, 9: digit."
        )
    return text


def _number(key: str, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0:
        return int(text)
    raise TermsError(f"{shown(text)} is not a count for '{key}'", "Write a whole number from 1 on.")
