"""What every CaseRegister does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta

from gateway.model.consent import Case
from tests.conformance.ports.conftest import OpenCases
from tests.conformance.ports.samples import AT

CASE = Case("court", "(2026) 浙 0103-7", "hzpb", AT, None, "hzcourt/wu.min")
WHICH = ("court", "(2026) 浙 0103-7", "hzpb")
SECOND = timedelta(seconds=1)


def test_a_case_is_open_from_its_instant_for_its_institution_and_register(open_cases: OpenCases) -> None:
    assert not open_cases().is_open(*WHICH, AT)
    assert open_cases().open(CASE)
    cases = open_cases()
    assert cases.is_open(*WHICH, AT)
    assert cases.is_open(*WHICH, AT + timedelta(days=9999))
    assert not cases.is_open(*WHICH, AT - SECOND)
    for other in [("tax", *WHICH[1:]), ("court", "7", "hzpb"), (*WHICH[:2], "hztax"), (*WHICH[:2], "")]:
        assert not cases.is_open(*other, AT)


def test_a_case_is_open_until_its_last_day_is_over_in_the_city(open_cases: OpenCases) -> None:
    cases = open_cases()
    cases.open(replace(CASE, ends_on=date(2026, 11, 22)))
    assert cases.is_open(*WHICH, datetime(2026, 11, 22, 15, 59, 59))
    assert not cases.is_open(*WHICH, datetime(2026, 11, 22, 16))
    assert not cases.close(*WHICH, datetime(2026, 11, 22, 16))
    assert cases.close(*WHICH, datetime(2026, 11, 22, 15))


def test_a_closed_case_stays_closed(open_cases: OpenCases) -> None:
    cases = open_cases()
    assert not cases.close(*WHICH, AT)
    cases.open(CASE)
    assert not cases.close("court", "7", "hzpb", AT)
    assert not cases.close(*WHICH, AT - SECOND)
    assert cases.close(*WHICH, AT + SECOND)
    assert not cases.close(*WHICH, AT + 2 * SECOND)
    again = open_cases()
    assert again.is_open(*WHICH, AT)
    assert not again.is_open(*WHICH, AT + SECOND)
    assert not again.open(CASE)
    assert not again.is_open(*WHICH, AT + SECOND)


def test_a_number_is_taken_once_and_what_it_was_stands(open_cases: OpenCases) -> None:
    cases = open_cases()
    assert cases.open(CASE)
    assert not cases.open(replace(CASE, opened_at=AT - timedelta(days=1)))
    assert not cases.is_open(*WHICH, AT - SECOND)
    assert cases.open(replace(CASE, institution="hztax"))


def test_of_16_threads_one_opens_and_one_closes(open_cases: OpenCases) -> None:
    openings = (open_cases(), open_cases())
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(lambda n: openings[n % 2].open(CASE), range(32))) == 1
        assert sum(threads.map(lambda n: openings[n % 2].close(*WHICH, AT + n * SECOND), range(32))) == 1
