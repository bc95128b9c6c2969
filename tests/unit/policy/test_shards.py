"""Denies on trial, and what is put to Casbin for a question."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from gateway.model.contract import DisclosureKind
from gateway.policy.enforcer import Ruling
from gateway.policy.problems import InvalidPolicy
from gateway.policy.snapshot import PolicySnapshot, load

ASKED = ("police", "health_cases/tracing", DisclosureKind.EXTRACT, "hangzhou/xiacheng", "contact-tracing")


def _with(folder: Path, *lines: str) -> PolicySnapshot:
    with (folder / "grants.csv").open("a", encoding="utf-8") as grants:
        grants.writelines(line + "\n" for line in lines)
    return load(folder)


def _ids(ruling: Ruling) -> tuple[bool, list[str], list[str]]:
    return ruling.denied, [grant.id for grant in ruling.grants], [grant.id for grant in ruling.trials]


def test_a_deny_on_trial_refuses_nothing_and_is_told(folder: Path) -> None:
    policy = _with(
        folder,
        "p, t-street, police, health_cases/*, *, hangzhou/xiacheng/wulin, contact-tracing, trial=2027-01-31, deny",
        "p, t-all, *, *, *, *, epidemic-control, trial=2026-12-31, deny",
        "p, t-other, zju, *, *, *, contact-tracing, trial=2026-12-31, deny",
    )
    assert _ids(policy.ruling(*ASKED)) == (False, ["g-trace"], ["t-street", "t-all"])
    assert policy.ruling(*ASKED).trials[1].terms.trial == date(2026, 12, 31)
    beside = (*ASKED[:3], "hangzhou/xihu", "contact-tracing")
    assert _ids(policy.ruling(*beside)) == (False, ["g-trace"], ["t-all"])
    assert _ids(policy.ruling("zju", *ASKED[1:])) == (False, [], ["t-all", "t-other"])


def test_a_ruling_denies_by_a_deny_and_by_a_trial_that_is_over(folder: Path) -> None:
    trial = "p, t-all, *, *, *, *, epidemic-control, trial=2026-12-31, deny"
    ruling = _with(folder, trial).ruling(*ASKED)
    days = (date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1))
    assert [ruling.denied_on(day) for day in days] == [False, False, True]
    assert all(replace(ruling, denied=True).denied_on(day) for day in days)
    assert not any(replace(ruling, trials=()).denied_on(day) for day in days)


def test_beside_a_real_deny_a_trial_is_still_told(folder: Path) -> None:
    policy = _with(
        folder,
        "p, t-all, *, *, *, *, epidemic-control, trial=2026-12-31, deny",
        "p, d-all, *, *, *, *, contact-tracing, , deny",
    )
    assert _ids(policy.ruling(*ASKED)) == (True, [], ["t-all"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p, t-x, police, *, *, *, open-data, trial=2026-12-31;until=2026-12-31, deny", "a deny has no terms but"),
        ("p, t-x, police, *, *, *, open-data, trial=soon, deny", "'soon' is not a date of 'trial'"),
        ("p, t-x, police, subsidies/by-tier, release, *, open-data, trial=2026-12-31, allow", "'trial'"),
    ],
)
def test_a_trial_is_of_denies_and_alone(folder: Path, line: str, message: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        _with(folder, line)
    (found,) = caught.value.problems
    assert message in found.message
    written = (folder / "grants.csv").read_text(encoding="utf-8").splitlines()
    assert (found.file, found.line) == ("grants.csv", written.index(line) + 1)


def test_rules_that_differ_by_their_terms_alone_all_count(folder: Path) -> None:
    policy = _with(
        folder,
        *(
            f"p, g-{year}, police, health_cases/tracing, extract, hangzhou, epidemic-control, until={year}-01-01, allow"
            for year in (2033, 2031, 2032, 2030)
        ),
    )
    _, held, _ = _ids(policy.ruling(*ASKED))
    assert held == ["g-trace", "g-2033", "g-2031", "g-2032", "g-2030"]


def test_a_question_meets_few_rules_however_many_there_are(folder: Path) -> None:
    cells = product(range(100), ("", "/xihu", "/xiacheng"), ("epidemic-control", "contact-tracing", "open-data"))
    many = (
        f"p, g-{number}, bureau-{who}, health_cases/tracing, extract, hangzhou{where}, {why}, , allow"
        for number, (who, where, why) in enumerate(cells)
    )
    policy = _with(folder, *many)
    asked = ("bureau-7", *ASKED[1:])
    shard = policy.shard(*asked)
    assert [rule.recipient for rule in shard.allows] == ["bureau-7"] * 4
    assert (len(shard), shard.denies, shard.trials) == (4, (), ())
    assert policy.ruling(*asked).grants == shard.allows
