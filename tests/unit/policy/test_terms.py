"""Terms: read strictly, met or unmet on each request."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.model.contract import DisclosureKind
from gateway.model.errors import ErrorReason
from gateway.policy.case_pattern import matches
from gateway.policy.terms import Terms, TermsError, parse_terms
from tests.unit.policy.requests import release, rows

DAY = date(2027, 1, 15)


def test_terms_are_read() -> None:
    text = "from=2027-01-01; until=2027-06-30;case=SJ-9999-A;max_rows=500;max_keys=2"
    assert parse_terms(text) == Terms(date(2027, 1, 1), date(2027, 6, 30), "SJ-9999-A", 500, 2)
    assert parse_terms("  ") == Terms()


@pytest.mark.parametrize(
    "text",
    [
        "until", "until=", "=2027-01-01", "until=20270101", "until=2027-13-01", "until=2027-01-01;", ";", "max_rows=-1",
        "max_rows=１", "max_rows=1.0", "max_rows=1e3", "max_rows=0", "max_keys=9999999999", "case=" + "9" * 65,
        "until=2027-W01-1", "Until=2027-01-01", "a=1",
    ],
)  # fmt: skip
def test_malformed_terms_are_refused(text: str) -> None:
    with pytest.raises(TermsError):
        parse_terms(text)


@pytest.mark.parametrize(
    ("today", "reason"),
    [
        (date(2026, 12, 31), ErrorReason.GRANT_NOT_IN_FORCE),
        (date(2027, 1, 1), None),
        (date(2027, 6, 30), None),
        (date(2027, 7, 1), ErrorReason.GRANT_NOT_IN_FORCE),
    ],
)
def test_first_and_last_day_are_included(today: date, reason: ErrorReason | None) -> None:
    terms = Terms(valid_from=date(2027, 1, 1), valid_until=date(2027, 6, 30))
    assert terms.unmet(release("d/x", "p"), today) is reason


@pytest.mark.parametrize(
    ("case_number", "fits"),
    [
        ("SJ-2027-x", True),
        ("SJ-2027-X", True),
        ("SJ-2027-7", False),
        ("SJ-202-X", False),
        ("SJ-2027-X ", False),
        ("SJ-2027-X\n", False),
        ("sj-2027-X", False),
        ("SJ-２０２７-X", False),
        ("SJ-2027-é", False),
        ("SJ-²027-X", False),
        ("", False),
        ("SJ-9999-A", True),
    ],
)
def test_case_numbers_are_matched_whole(case_number: str, fits: bool) -> None:
    assert matches("SJ-9999-A", case_number) is fits
    request = rows(DisclosureKind.EXTRACT, "d/x", "p", case_number=case_number)
    expected = None if fits else ErrorReason.CASE_NUMBER_REQUIRED
    assert Terms(case_pattern="SJ-9999-A").unmet(request, DAY) is expected


def test_pattern_characters_other_than_a_and_9_stand_for_themselves() -> None:
    assert matches(".*[x", ".*[x")
    assert not matches(".*", "anything")
    assert not matches("A" * 64, "a" * 64 + "b" * 1_000_000)


def test_too_many_subjects_exceed_the_cap() -> None:
    terms = Terms(max_keys=2)
    assert terms.unmet(rows(DisclosureKind.LOOKUP, "d/x", "p", keys=2), DAY) is None
    assert terms.unmet(rows(DisclosureKind.LOOKUP, "d/x", "p", keys=3), DAY) is ErrorReason.CAP_EXCEEDED


def test_conditions_are_told_in_words() -> None:
    terms = parse_terms("from=2027-01-01;until=2027-06-30;case=S-9;max_rows=5;max_keys=2")
    told = " | ".join(terms.conditions())
    for part in ("2027-01-01", "2027-06-30", "S-9", "5 rows", "2 subjects"):
        assert part in told
    assert Terms().conditions() == ()
