"""Memberships: through which day a role is held, and that a prohibition knows no dates."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gateway.model.contract import DisclosureKind
from gateway.policy.problems import InvalidPolicy
from gateway.policy.roles import Membership, RoleLink, Roles
from gateway.policy.snapshot import PolicySnapshot, load

TODAY = date(2026, 11, 20)
DAY = timedelta(days=1)


def link(member: str, role: str, first: int | None = None, last: int | None = None) -> RoleLink:
    """A link in force from so many days after today until so many."""
    return RoleLink(
        member, role, 1, None if first is None else TODAY + first * DAY, None if last is None else TODAY + last * DAY
    )


def through(*links: RoleLink, member: str = "lab", role: str = "task-force") -> Membership | None:
    return Roles(links).standing(member, role, TODAY)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, Membership(None)),
        (None, 0, Membership(TODAY)),
        (0, None, Membership(None)),
        (0, 0, Membership(TODAY)),
        (-3, 5, Membership(TODAY + 5 * DAY)),
        (1, None, None),
        (None, -1, None),
        (1, 9, None),
    ],
)
def test_a_membership_holds_on_its_days_the_last_included(
    first: int | None, last: int | None, expected: Membership | None
) -> None:
    assert through(link("lab", "task-force", first, last)) == expected


def test_everybody_is_itself_and_nobody_is_what_nothing_links() -> None:
    assert through(member="lab", role="lab") == Membership(None)
    assert through(link("task-force", "lab")) is None
    assert through(link("lab", "others")) is None


def test_a_chain_ends_with_its_first_end() -> None:
    chain = (link("lab", "team", last=9), link("team", "unit", last=3), link("unit", "task-force", last=7))
    assert through(*chain) == Membership(TODAY + 3 * DAY)
    assert through(*chain[:2], link("unit", "task-force", last=-1)) is None


def test_of_several_chains_the_one_that_ends_last_counts() -> None:
    short = (link("lab", "task-force", last=2),)
    long = (link("lab", "team", last=8), link("team", "task-force"))
    lapsed = (link("lab", "unit"), link("unit", "task-force", last=-1))
    assert through(*short, *long, *lapsed) == Membership(TODAY + 8 * DAY)
    assert through(*lapsed, *long, *short) == Membership(TODAY + 8 * DAY)
    assert through(*short, *lapsed) == Membership(TODAY + 2 * DAY)


def test_the_last_day_of_the_calendar_is_an_end() -> None:
    assert through(RoleLink("lab", "task-force", 1, None, date.max)) == Membership(date.max)


def _folder(folder: Path, line: str, more: str = "") -> PolicySnapshot:
    path = folder / "grants.csv"
    text = path.read_text(encoding="utf-8")
    assert "g, police-xihu, police\n" in text
    path.write_text(text.replace("g, police-xihu, police\n", f"{line}\n{more}"), encoding="utf-8")
    return load(folder)


@pytest.mark.parametrize(
    ("terms", "days"),
    [
        ("", (None, None)),
        (", ", (None, None)),
        (", from=2026-11-01", (date(2026, 11, 1), None)),
        (", until=2027-01-31", (None, date(2027, 1, 31))),
        (", from=2026-11-01; until=2027-01-31", (date(2026, 11, 1), date(2027, 1, 31))),
        (", until=2026-11-01;from=2026-11-01", (date(2026, 11, 1), date(2026, 11, 1))),
    ],
)
def test_a_role_line_may_say_its_days(folder: Path, terms: str, days: tuple[date | None, date | None]) -> None:
    snapshot = _folder(folder, f"g, police-xihu, police{terms}")
    assert snapshot.roles.standing("police-xihu", "police", date(2026, 11, 1)) == Membership(days[1])
    assert (snapshot.roles.standing("police-xihu", "police", date(2026, 10, 31)) is None) == (days[0] is not None)
    assert (snapshot.roles.standing("police-xihu", "police", date(2027, 2, 1)) is None) == (days[1] is not None)


@pytest.mark.parametrize(
    ("line", "message", "remedy"),
    [
        ("g, police-xihu, police, until", "'until' is not a term", "Write key=value"),
        ("g, police-xihu, police, untill=2027-01-31", "'untill' is not a term", "'until'?"),
        ("g, police-xihu, police, until=2027-02-29", "'2027-02-29' is not a date of 'until'", "YYYY-MM-DD"),
        ("g, police-xihu, police, until=2027-1-31", "'2027-1-31' is not a date", "YYYY-MM-DD"),
        ("g, police-xihu, police, max_rows=5", "'max_rows' means nothing for a membership", "'from' and 'until' alone"),
        ("g, police-xihu, police, trial=2027-01-01", "'trial' means nothing for a membership", "'from' and 'until'"),
        ("g, police-xihu, police, from=2026-01-01;from=2026-01-02", "'from' is given twice", "Keep one"),
        ("g, police-xihu, police, from=2027-01-02;until=2027-01-01", "membership ends before it begins", "Swap"),
        ("g, police-xihu, police, from=2027-01-02;", "means nothing for a membership", "'from' and 'until'"),
        ("g, police-xihu, police, , ", "has 3 columns, or 4 with terms", "g, institution, role, terms"),
        ("g, police-xihu", "has 3 columns, or 4 with terms", "g, institution, role, terms"),
        ("g, *, police", "'*' is not a well-formed institution", "a-z"),
        ("g, police-xihu, *", "'*' is not a well-formed role", "a-z"),
    ],
)
def test_what_a_role_line_cannot_say_is_told(folder: Path, line: str, message: str, remedy: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        _folder(folder, line)
    (found,) = [problem for problem in caught.value.problems if message in problem.message]
    number = (folder / "grants.csv").read_text(encoding="utf-8").splitlines().index(line) + 1
    assert (found.file, found.line) == ("grants.csv", number)
    assert remedy in found.remedy


def test_two_lines_for_one_membership_are_refused(folder: Path) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        _folder(folder, "g, police-xihu, police, until=2026-12-31", "g, police-xihu, police, from=2027-06-01\n")
    assert [problem.message for problem in caught.value.problems] == ["'police-xihu' is in 'police' twice"]


def test_a_lapsed_member_stays_denied(folder: Path) -> None:
    snapshot = _folder(
        folder,
        "g, police-xihu, police, until=2020-01-01",
        "p, d-police, police, subsidies/*, *, *, subsidy-audit, , deny\n",
    )
    assert snapshot.roles.standing("police-xihu", "police", TODAY) is None
    asked = ("police-xihu", "subsidies/audit-rows", DisclosureKind.EXTRACT, "hangzhou", "subsidy-audit")
    assert snapshot.ruling(*asked).denied
