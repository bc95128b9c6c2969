"""Terms: read strictly, fit for their kind, and told in words."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from gateway.model.calendar import Hours
from gateway.model.contract import DisclosureKind
from gateway.model.meter import Allowance, Period
from gateway.model.terms import Terms
from gateway.policy.case_pattern import matches
from gateway.policy.terms import TermsError, misfits, parse_terms

ALL = {
    "from=2027-01-01": Terms(valid_from=date(2027, 1, 1)),
    "until=2027-06-30": Terms(valid_until=date(2027, 6, 30)),
    "hours=08:00-24:00": Terms(hours=Hours(480, 1440)),
    "case=SJ-9999-A": Terms(case_pattern="SJ-9999-A"),
    "case_register=searches": Terms(case_register="searches"),
    "consent=job-fair": Terms(consent="job-fair"),
    "quota=12/year": Terms(quota=Allowance(12, Period.YEAR)),
    "rate=100/minute": Terms(rate=Allowance(100, Period.MINUTE)),
    "subjects=30/day": Terms(subjects=Allowance(30, Period.DAY)),
    "bulk=forbidden": Terms(single=True),
    "break_glass=4h": Terms(break_glass=timedelta(hours=4)),
    "max_rows=500": Terms(max_rows=500),
    "max_keys=2": Terms(max_keys=2),
    "trial=2027-01-31": Terms(trial=date(2027, 1, 31)),
}


@pytest.mark.parametrize("text", ALL)
def test_a_term_is_read(text: str) -> None:
    assert parse_terms(text) == ALL[text]


def test_terms_are_read_together() -> None:
    assert parse_terms("from=2027-01-01; until=2027-06-30;max_rows=5") == Terms(
        valid_from=date(2027, 1, 1), valid_until=date(2027, 6, 30), max_rows=5
    )
    assert parse_terms("  ") == Terms()


@pytest.mark.parametrize(
    "text",
    [
        "until", "until=", "=2027-01-01", "until=20270101", "until=2027-13-01", "until=2027-01-01;", ";", "max_rows=-1",
        "max_rows=１", "max_rows=1.0", "max_rows=1e3", "max_rows=0", "max_keys=9999999999", "case=" + "9" * 65,
        "until=2027-W01-1", "Until=2027-01-01", "a=1", "hours=8-12", "hours=12:00-08:00", "hours=08:00-25:00",
        "hours=08:00-24:30", "quota=12", "quota=12/decade", "quota=0/year", "quota=1/Year", "rate=/minute",
        "subjects=٣/day", "bulk=no", "break_glass=4", "break_glass=0h", "break_glass=99h", "break_glass=1d",
        "consent=Job Fair", "case_register=a/b", "trial=soon", "max_rows=1;max_rows=2",
    ],
)  # fmt: skip
def test_malformed_terms_are_refused(text: str) -> None:
    with pytest.raises(TermsError):
        parse_terms(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("max_rows=5", "check"), ("max_rows=5", "consume"), ("max_rows=5", "release"), ("max_keys=2", "extract"),
        ("max_keys=2", "release"), ("quota=1/day", "extract"), ("subjects=1/day", "release"),
        ("bulk=forbidden", "extract"), ("bulk=forbidden", "release"), ("consent=a", "release"), ("consent=a", "*"),
        ("", "consume"), ("trial=2027-01-31", "lookup"),
    ],
)  # fmt: skip
def test_terms_that_do_not_fit_their_kind_are_told(text: str, kind: str) -> None:
    assert list(misfits(parse_terms(text), kind, allow=True))


@pytest.mark.parametrize("kind", [*DisclosureKind, "*"])
def test_terms_that_fit_are_not(kind: str) -> None:
    compulsory = {"consume": "quota=3/year;", "reidentify": "max_keys=5;"}.get(kind, "")
    text = f"{compulsory}from=2027-01-01;until=2027-06-30;hours=08:00-12:00;case=A9;rate=5/hour;break_glass=1h"
    assert list(misfits(parse_terms(text), kind, allow=True)) == []


def test_a_deny_has_no_term_but_its_trial() -> None:
    assert list(misfits(parse_terms("trial=2027-01-31"), "*", allow=False)) == []
    assert list(misfits(Terms(), "*", allow=False)) == []
    for text in ALL:
        if not text.startswith("trial"):
            assert list(misfits(parse_terms(text), "lookup", allow=False)), text


@pytest.mark.parametrize(
    ("today", "holds"),
    [
        (date(2026, 12, 31), False),
        (date(2027, 1, 1), True),
        (date(2027, 6, 30), True),
        (date(2027, 7, 1), False),
    ],
)
def test_first_and_last_day_are_included(today: date, holds: bool) -> None:
    terms = Terms(valid_from=date(2027, 1, 1), valid_until=date(2027, 6, 30))
    assert terms.in_force(today) is holds


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


def test_pattern_characters_other_than_a_and_9_stand_for_themselves() -> None:
    assert matches(".*[x", ".*[x")
    assert not matches(".*", "anything")
    assert not matches("A" * 64, "a" * 64 + "b" * 1_000_000)


def test_every_term_of_a_grant_is_told_in_words() -> None:
    for text, terms in ALL.items():
        told = " | ".join(terms.conditions())
        key, _, value = text.partition("=")
        expected = {"quota": "12 a year", "rate": "100 a minute", "subjects": "30 a day", "break_glass": "emergency"}
        expected |= {"bulk": "one subject", "trial": ""}
        assert expected.get(key, value) in told
        assert bool(told) is (key != "trial")
    assert Terms().conditions() == ()
