"""Terms as grants.csv writes them: read, and held against the kind of their rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import TypeVar

from gateway.model.calendar import Hours
from gateway.model.contract import BY_KEY, IN_OR_NOTHING, OF_ONE, OF_TOKENS, DisclosureKind
from gateway.model.linking import MOST_REIDENTIFIED
from gateway.model.meter import Allowance, Period
from gateway.model.terms import Terms
from gateway.policy import case_pattern as patterns
from gateway.policy.problems import did_you_mean, shown
from gateway.policy.validation import is_slug

T = TypeVar("T")

_DAY_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_HOURS = re.compile(r"([1-9][0-9]?)h")
_ANY = "*"


class TermsError(ValueError):
    """The text is no terms; `remedy` says what would be."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@lru_cache(maxsize=4096)
def parse_terms(text: str) -> Terms:
    """Read terms as grants.csv writes them: `key=value`, separated by ";".

    Raises:
        TermsError: for a term that is unknown, given twice, or malformed.
    """
    given: dict[str, str] = {}
    if "；" in text:
        raise TermsError("'；' does not divide terms", "Write ';'.")
    for part in text.split(";"):
        if not part.strip() and not text.strip():
            continue
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise TermsError(f"{shown(part.strip())} is not a term", "Write key=value, separated by ';'.")
        if key not in _READERS:
            raise TermsError(f"{shown(key)} is not a term", did_you_mean(key, _READERS, _KNOWN_TERMS))
        if key in given:
            raise TermsError(f"the term '{key}' is given twice", "Keep one of them.")
        given[key] = value
    terms = Terms(
        valid_from=_read(given, "from", _date),
        valid_until=_read(given, "until", _date),
        hours=_read(given, "hours", _day_hours),
        case_pattern=_read(given, "case", _pattern),
        case_register=_read(given, "case_register", _register),
        consent=_read(given, "consent", _register),
        quota=_read(given, "quota", _allowance),
        rate=_read(given, "rate", _allowance),
        subjects=_read(given, "subjects", _allowance),
        single=_read(given, "bulk", _forbidden) or False,
        break_glass=_read(given, "break_glass", _span),
        max_rows=_read(given, "max_rows", _number),
        max_keys=_read(given, "max_keys", _number),
        trial=_read(given, "trial", _date),
    )
    if terms.valid_from and terms.valid_until and terms.valid_until < terms.valid_from:
        raise TermsError("the grant ends before it begins", "Swap 'from' and 'until'.")
    return terms


_STATISTICS = (DisclosureKind.RELEASE, DisclosureKind.INDICATOR)


def misfits(terms: Terms, kind: str, *, allow: bool) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the terms of a rule of this kind ("*" for any), each with its remedy."""
    if not allow:
        if terms != Terms(trial=terms.trial):
            yield "a deny has no terms but 'trial'", "Remove them: a deny always holds."
        return
    if terms.trial is not None:
        yield "'trial' means nothing for an allow", "Remove it; 'gateway policy impact' shows what a new allow gives."
    by_key = kind in BY_KEY
    unfit = {
        "max_rows": terms.max_rows and kind in (*OF_ONE, *OF_TOKENS, DisclosureKind.RELEASE, DisclosureKind.INDICATOR),
        "max_keys": terms.max_keys and not by_key,
        "quota": terms.quota and not by_key,
        "subjects": terms.subjects and not by_key,
    }
    for term, wrong in unfit.items():
        if wrong:
            yield f"'{term}' means nothing for the kind '{kind}'", "Remove it."
    if terms.single and kind in (DisclosureKind.EXTRACT, *_STATISTICS, DisclosureKind.INGEST):
        yield f"'bulk=forbidden' forbids all of the kind '{kind}'", "Remove it, or grant a lookup instead."
    if terms.consent and kind in (*_STATISTICS, _ANY):
        yield "consent cannot be asked for in a statistic", "Name a kind of rows, or use the contract's consent_field."
    if terms.consent and kind in IN_OR_NOTHING and kind not in _STATISTICS:
        yield f"consent cannot be asked for in the kind '{kind}'", "Remove it: no row is read, and nobody is asked."
    if kind == DisclosureKind.REIDENTIFY:
        if terms.max_keys is None or terms.max_keys > MOST_REIDENTIFIED:
            yield "what opens tokens must say how many at once", f"Add 'max_keys=N', of at most {MOST_REIDENTIFIED}."
        if terms.rate is None:
            yield "what opens tokens must say how often", "Add 'rate=N/day' (or month, year)."
    if kind == DisclosureKind.CONSUME and terms.quota is None:
        yield "what is consumed must be counted", "Add 'quota=N/year' (or month, day)."


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


def _day_hours(key: str, text: str) -> Hours:
    found = _DAY_HOURS.fullmatch(text)
    if found:
        start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
        if start < end <= 24 * 60:
            return Hours(start, end)
    raise TermsError(f"{shown(text)} are no hours of '{key}'", "Write HH:MM-HH:MM of one day, as in 08:00-12:00.")


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


def _register(key: str, text: str) -> str:
    if is_slug(text):
        return text
    raise TermsError(f"{shown(text)} is not the name of a register for '{key}'", "See registers.yaml.")


def _allowance(key: str, text: str) -> Allowance:
    number, slash, period = text.partition("/")
    if slash and period in set(Period):
        return Allowance(_number(key, number), Period(period))
    raise TermsError(f"{shown(text)} is not an allowance for '{key}'", f"Write N/{'|'.join(Period)}, as in 12/year.")


def _forbidden(key: str, text: str) -> bool:
    if text == "forbidden":
        return True
    raise TermsError(f"{shown(text)} is not a word for '{key}'", "Write bulk=forbidden, or leave it out.")


def _span(key: str, text: str) -> timedelta:
    found = _HOURS.fullmatch(text)
    if found and int(found[1]) <= 72:
        return timedelta(hours=int(found[1]))
    raise TermsError(f"{shown(text)} is not a span for '{key}'", "Write hours, from 1h to 72h.")


_READERS = frozenset(
    {
        "from",
        "until",
        "hours",
        "case",
        "case_register",
        "consent",
        "quota",
        "rate",
        "subjects",
        "bulk",
        "break_glass",
        "max_rows",
        "max_keys",
        "trial",
    }
)
_KNOWN_TERMS = f"Known: {', '.join(sorted(_READERS))}."
