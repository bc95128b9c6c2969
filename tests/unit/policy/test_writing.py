"""What is written as a line of grants.csv reads back as the same rule."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.calendar import Hours
from gateway.model.meter import Allowance, Period
from gateway.model.terms import Terms
from gateway.policy.roles import RoleLink
from gateway.policy.snapshot import PolicySnapshot
from gateway.policy.terms import parse_terms
from gateway.policy.writing import grant_line, link_line, term_list

_days = st.none() | st.dates(date(2026, 1, 1), date(2036, 1, 1))
_counts = st.none() | st.integers(1, 10**9 - 1)
_allowances = st.none() | st.builds(Allowance, st.integers(1, 999), st.sampled_from(Period))
_terms = st.builds(
    Terms,
    valid_until=_days,
    case_pattern=st.none() | st.sampled_from(["SJ-9999", "A9"]),
    case_register=st.none() | st.just("cases"),
    consent=st.none() | st.just("agreed"),
    quota=_allowances,
    rate=_allowances,
    subjects=_allowances,
    single=st.booleans(),
    break_glass=st.none() | st.integers(1, 72).map(lambda hours: timedelta(hours=hours)),
    max_rows=_counts,
    max_keys=_counts,
    trial=_days,
)


@given(_terms)
def test_terms_read_back(terms: Terms) -> None:
    assert parse_terms(";".join(term_list(terms))) == terms


def test_every_term_is_written() -> None:
    full = Terms(
        valid_from=date(2026, 1, 1), valid_until=date(2027, 1, 1), hours=Hours(8 * 60, 18 * 60 + 30), case_pattern="A9",
        case_register="cases", consent="agreed", quota=Allowance(1, Period.DAY), rate=Allowance(2, Period.HOUR),
        subjects=Allowance(3, Period.YEAR), single=True, break_glass=timedelta(hours=4), max_rows=5, max_keys=6,
        trial=date(2026, 5, 5),
    )  # fmt: skip
    # no term that comes later may be left out
    assert all(getattr(full, one.name) != one.default for one in fields(Terms))
    assert parse_terms(";".join(term_list(full))) == full


def test_lines_are_those_of_the_file(snapshot: PolicySnapshot) -> None:
    written = snapshot.files["grants.csv"].decode().replace("; ", ";").replace(" ", "").splitlines()
    for rule in snapshot.grants:
        assert grant_line(rule).replace(" ", "") == written[rule.line - 1]
    for link in snapshot.links:
        assert link_line(link).replace(" ", "") == written[link.line - 1]
    assert link_line(RoleLink("a", "b", 1, None, date(2027, 1, 1))) == "g, a, b, until=2027-01-01"
